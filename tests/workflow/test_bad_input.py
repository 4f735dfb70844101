"""Bad input through the whole workflow: one clear line before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import PATIENCE, TINY, Workflow

ENTRY = TINY["scenarios"][0]


def with_payload(**payload: Any) -> dict[str, Any]:
    return {"scenarios": [{**ENTRY, "payload": payload}]}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"blocs": 3}, "Did you mean 'blocks'?"),
        (with_payload(file="nowhere.npy"), "there is no file"),
        (with_payload(kind="array", size="64 parsecs"), "scenarios[0].payload.size"),
        ({"strategies": ["pool_spawn-pickel"]}, "Did you mean 'pool_spawn-pickle'?"),
        ({"run": "../elsewhere"}, "cannot name a folder inside results/"),
        ({"blocks": 0}, "blocks"),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    ended = Workflow(tmp_path, TINY | change).attempt("-n")
    assert ended.returncode != 0
    assert "Traceback" not in ended.stdout
    [line] = [line for line in ended.stdout.splitlines() if message in line]
    assert next(iter(change)) in line
    assert not (tmp_path / "results").exists()
    assert not (tmp_path.parent / "elsewhere").exists()


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE + 60)
@pytest.mark.parametrize("name", ['my run é "x"'])
def test_a_harmless_name_works_end_to_end(tmp_path: Path, name: str) -> None:
    flow = Workflow(tmp_path, {**TINY, "run": name, "blocks": 1, "scenarios": [ENTRY]})
    flow.start()
    assert (tmp_path / "results" / name / "report.html").is_file()
    assert {row["run"] for row in flow.invocations} == {name}
    assert "Nothing to be done" in flow.start()
