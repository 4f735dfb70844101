"""The whole workflow under two Pythons: each row says which one measured it, and the report does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running import PATIENCE, Workflow

from handoff import interpreters, provenance
from handoff.mistakes import ConfigError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]


def _others() -> list[str]:
    """Commands and programs that may start a Python of another version, with packages or without."""
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13, 14)]
    found += [str(path) for path in sorted(installed.glob("3.1[1-4].*/bin/python3"))]
    return [command for command in found if command]


@pytest.fixture(scope="module")
def other() -> interpreters.Interpreter:
    """A Python of another version. It needs no packages: payloads of the kind `objects` are Python's own."""
    for command in _others():
        try:
            found = interpreters.ask("other", command)
        except ConfigError:  # a shim with nothing behind it
            continue
        if found.about != provenance.interpreter():
            return found
    pytest.skip("there is no Python of another version, on the PATH or in pyenv's folder")


@pytest.fixture(scope="module")
def flow(other: interpreters.Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    entries = [
        {"payload": {"kind": "objects", "size": "16KiB"}, "task": "read", "pattern": "send", "workers": 1},
        {"payload": {"kind": "array", "size": "64KiB"}, "task": "read", "pattern": "send", "workers": 1},
    ]
    flow = Workflow(tmp_path_factory.mktemp("pythons"), {
        "run": "pythons", "blocks": 1, "seconds_per_invocation": 0.01, "scenarios": entries,
        "strategies": ["threads-reference"], "interpreters": {"other": other.command},
    })  # fmt: skip
    flow.start()
    return flow


def test_each_row_says_which_python_measured_it(flow: Workflow, other: interpreters.Interpreter) -> None:
    rows = [row for row in flow.invocations if row["kind"] == "objects"]
    pythons = {str(row["strategy"]): row["interpreter"] for row in rows}
    assert pythons["threads-reference"] == provenance.interpreter()
    assert pythons["threads-reference@other"] == other.about
    assert pythons["pool_spawn-pickle"] == provenance.interpreter()
    assert pythons["inline@other"] == other.about
    assert len({row["environment_id"] for row in rows}) == 2
    assert {row["status"] for row in rows} == {"ok"}
    proven = {row["strategy"] for row in flow.timings if row["kind"] == "objects" and row["digest_ok"] == 1}
    assert proven == set(pythons)


def test_what_the_other_python_lacks_is_unsupported_there_alone(
    flow: Workflow, other: interpreters.Interpreter
) -> None:
    missing = other.missing(("numpy",))
    rows = {str(row["strategy"]): row for row in flow.invocations if row["kind"] == "array"}
    assert rows["threads-reference"]["status"] == "ok"
    assert rows["threads-reference@other"]["status"] == ("unsupported" if missing else "ok")
    if missing:
        assert rows["threads-reference@other"]["fail_reason"] == (
            "needs the package numpy, which is not installed in @other"
        )


def test_the_report_says_what_the_mark_means(flow: Workflow, other: interpreters.Interpreter) -> None:
    assert f"@other is {other.about}; without a mark" in (flow.run / "report.html").read_text("utf-8")
    plan = json.loads((flow.run / "plan.json").read_text("utf-8"))
    assert [each["about"] for each in plan["interpreters"]] == [other.about]


def test_a_second_start_has_nothing_to_do(flow: Workflow) -> None:
    assert "Nothing to be done" in flow.start()


def test_a_python_that_is_not_there_stops_the_workflow_and_the_scripts_alike(tmp_path: Path, flow: Workflow) -> None:
    broken = Workflow(tmp_path, {**flow.config, "interpreters": {"other": "python-no-such"}})
    ended = broken.attempt()
    assert ended.returncode
    assert "config: interpreters.other: there is no command 'python-no-such' on the PATH." in ended.stdout
    assert not broken.run.exists()
    job = next(row for row in flow.invocations if row["strategy"] == "threads-reference@other")
    scenario = json.loads((flow.run / "plan.json").read_text("utf-8"))["scenarios"][0]
    del scenario["strategies"]
    ended = subprocess.run(
        [sys.executable, str(broken.root / "scripts" / "measure_strategy.py"), "--run=r", f"--kind={job['kind']}",
         f"--strategy={job['strategy']}", "--block=1", f"--scenario={json.dumps(scenario)}",
         "--python=/no/such/python", "--payloads", str(flow.run / "payloads"), "--out", str(tmp_path / "b.csv")],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert ended.returncode
    said = (
        "measure_strategy: config: interpreters.other: '/no/such/python' cannot be started: No such file or directory."
    )
    assert ended.stdout == f"{said}\n"
