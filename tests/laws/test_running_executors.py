"""What every executor keeps, seen in processes of their own that use it as a measured process does."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_facts import EXECUTORS, OWN_POOL

from handoff import strategies
from handoff.measure.usage import MARK, end_all, marked, session_members

SHARED = Path("/dev/shm")
POOLS = [
    OWN_POOL if name == strategies.OWN else name
    for name in EXECUTORS
    if {"loky", "joblib"}.issuperset(strategies.executor_facts(name).needs)
]
"""All but the systems with servers of their own: with MPI a dead worker ends its caller, and Ray replaces it."""
TRIAL = Path(__file__).with_name("executor_trial.py")
PATHS = [str(Path(__file__).parent), str(strategies.LIBRARY.parent)]


def skip_if_missing(name: str) -> None:
    facts = strategies.executor_facts(name)
    for module in facts.needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs the package {module}")
    if not facts.runs_under(sys.version_info[:2]):
        pytest.skip(f"needs Python {facts.python}")


@pytest.fixture
def control() -> Iterator[Path]:
    """The invocation's folder of sockets: its path must be short."""
    with tempfile.TemporaryDirectory(dir=SHARED) as folder:
        yield Path(folder)


def tried(name: str, how: str, control: Path, tmp_path: Path) -> tuple[dict[str, Any], str, list[int], list[str]]:
    """What the program said, what stood on its standard error, and what it left: processes, names in /dev/shm."""
    prefix = f"{control.name}-x"
    notes = tmp_path / "notes"
    notes.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), MARK: prefix}
    printed, errors = tmp_path / "printed", tmp_path / "errors"
    # Files, no pipes: a worker that stays would keep their ends open, and is to be found in another way.
    with printed.open("wb") as output, errors.open("wb") as complaints:
        program = subprocess.Popen(
            [sys.executable, str(TRIAL), name, how, str(control), prefix, str(notes)],
            stdout=output, stderr=complaints, env=environment, start_new_session=True,
        )  # fmt: skip
    try:
        program.wait(90)
    finally:
        left = wait_for_the_end_of(program.pid, prefix)
        end_all(left)
        assert wait_for_the_end_of(program.pid, prefix) == []
        names = [path.name for path in SHARED.iterdir() if prefix in path.name or f"-{program.pid}-" in path.name]
        for found in names:
            (SHARED / found).unlink()
        program.kill()
        program.wait()
    said, complained = printed.read_text(encoding="utf-8"), errors.read_text(encoding="utf-8")
    assert program.returncode == 0, complained
    return json.loads(said), complained, left, names


def wait_for_the_end_of(session: int, prefix: str) -> list[int]:
    """Processes of that session, or with that mark, that do not end by themselves within a while."""
    end = time.monotonic() + 5
    while (left := sorted({*session_members(session), *marked(prefix)})) and time.monotonic() < end:
        time.sleep(0.02)
    return left


@pytest.mark.parametrize("name", POOLS)
def test_it_runs_calls_in_so_many_workers_and_leaves_nothing(name: str, control: Path, tmp_path: Path) -> None:
    skip_if_missing(name)
    facts = strategies.executor_facts(name)
    said, errors, processes, names = tried(name, "well", control, tmp_path)
    right = {
        "distinct": 1 if facts.floor else 3, "elsewhere": facts.processes, "noted": True, "raised": "as it was said",
        "large": True,
    }  # fmt: skip
    assert said == {"first": right, "second": right, "third": right, "more descriptors": 0}
    assert (errors, processes, names) == ("", [], [])


@pytest.mark.parametrize("name", [name for name in POOLS if strategies.executor_facts(name).processes])
def test_a_killed_worker_is_told_and_what_is_left_can_be_swept(name: str, control: Path, tmp_path: Path) -> None:
    skip_if_missing(name)
    said, _, _, names = tried(name, "killed", control, tmp_path)
    assert said["raised"] == "BrokenExecutor"
    # loky forgets its processes when one dies, and says in its message how.
    assert said["death"] == "SIGKILL" or (not said["death"] and "SIGKILL" in said["text"])
    # By its session or its mark, and by the beginning of its name, the sweep finds all of it.
    assert all(found.removeprefix("sem.").startswith(f"{control.name}-x") for found in names)
