"""The diff of docs/adding-a-strategy.md applies, the strategy that it adds measures, and the laws hold for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.records import read_invocation
from handoff.scenarios import Payload, Scenario

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-strategy.md"
STRATEGY = "process_spawn-raw_file-tmpfs"


def in_copy(copy: Path, *command: str) -> None:
    """Run Python there, with the copy's library and not this one's."""
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=copy, env=os.environ | {"PYTHONPATH": "scripts"}, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the page's diff applied."""
    folder = tmp_path_factory.mktemp("project")
    caches = shutil.ignore_patterns(".*_cache", "__pycache__")
    for name in ("scripts", "tests/laws"):
        shutil.copytree(ROOT / name, folder / name, ignore=caches)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (diff,) = re.findall(r"^```diff\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    subprocess.run(
        ["git", "apply", "-"],
        cwd=folder, input=diff, text=True, check=True, env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)},
    )  # fmt: skip
    return folder


def test_the_diff_is_one_new_file_and_one_new_line(copy: Path) -> None:
    def sources(root: Path) -> dict[str, str]:
        return {
            path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
            for path in (root / "scripts" / "handoff").rglob("*.py")
        }

    before, after = sources(ROOT), sources(copy)
    assert set(after) - set(before) == {"scripts/handoff/transports/raw_file.py"}
    (changed,) = (name for name in before if before[name] != after[name])
    assert changed == "scripts/handoff/strategies.py"
    assert len(after[changed].splitlines()) == len(before[changed].splitlines()) + 1


def test_the_new_strategy_measures(copy: Path) -> None:
    payload = Payload("a", "array", 2**20, (("dtype", "float64"),))
    scenario = Scenario(payload, "read", "send", 1, strategies=(STRATEGY,)).to_json()
    run = copy / "results" / "try"
    data, out = run / "payloads" / payload.file, run / "timings" / "array" / STRATEGY / "block~1.csv"
    in_copy(
        copy, "scripts/generate_payload.py", "--payload", json.dumps(scenario["payload"]), "--seed", "1",
        "--out", str(data), "--digest", str(data.with_name(payload.description)),
    )  # fmt: skip
    in_copy(
        copy, "scripts/measure_strategy.py", "--run", "try", "--kind", "array", "--strategy", STRATEGY, "--block", "1",
        "--seconds", "0.02", "--scenario", json.dumps(scenario), "--payloads", str(data.parent), "--out", str(out),
    )  # fmt: skip
    rows = read_invocation(out).transfers
    assert len(rows) >= 2
    assert {(row["strategy"], row["status"], row["digest_ok"]) for row in rows} == {(STRATEGY, "ok", 1)}


def test_the_laws_hold_for_it(copy: Path) -> None:
    # Its snippet is a second file, which the page asks for but does not show.
    laws = ("tests/laws", "--ignore", "tests/laws/test_snippets.py", "-k", "raw_file", "-m", "not slow")
    in_copy(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *laws)
