"""Fork with live threads hangs where it must, is ended, and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handoff import deadlock
from handoff.report import article

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork is shown on Linux")
ROOT = Path(__file__).parents[2]


def alive(mention: Path) -> list[str]:
    """Command lines of processes that run that program and go on; what was killed may take a moment to go."""
    for _ in range(100):
        if not (lines := command_lines(mention)):
            break
        time.sleep(0.1)
    return lines


def command_lines(mention: Path) -> list[str]:
    """Of the processes that run that program; what has ended has none."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended meanwhile
            continue
        if str(mention) in line and int(folder.name) != os.getpid():
            lines.append(line)
    return lines


def program(folder: Path, text: str) -> Path:
    path = folder / "program.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_lock_held_at_the_fork_hangs_each_time_and_is_ended() -> None:
    assert deadlock.count_hung(deadlock.LOCKED, runs=3, seconds=1.0) == {"runs": 3, "hung": 3}
    assert not alive(deadlock.LOCKED)


def test_without_a_lock_the_printing_thread_harms_nothing() -> None:
    assert not deadlock.hangs(deadlock.PRINTING, 60, unbuffered=True)
    assert not alive(deadlock.PRINTING)


def test_grandchildren_are_ended_too(tmp_path: Path) -> None:
    sleeper = program(tmp_path, "import os, time\nos.fork()\nos.fork()\ntime.sleep(600)\n")
    assert deadlock.hangs(sleeper, 1.0)
    assert not alive(sleeper)


def test_buffering_is_what_was_asked_for_whatever_the_caller_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Status 0 if PYTHONUNBUFFERED is not set: the program fails, and does not hang, where it is.
    asks = program(tmp_path, "import os, sys\nsys.exit('PYTHONUNBUFFERED' in os.environ)\n")
    for value in ("1", "0"):
        monkeypatch.setenv("PYTHONUNBUFFERED", value)
        assert not deadlock.hangs(asks, 60)
    monkeypatch.delenv("PYTHONUNBUFFERED")
    with pytest.raises(deadlock.ProgramFailed):
        deadlock.hangs(asks, 60, unbuffered=True)


def test_a_program_that_fails_is_no_hang_and_no_success(tmp_path: Path) -> None:
    with pytest.raises(deadlock.ProgramFailed, match=r"program\.py ended with status 3; run it by hand to see why"):
        deadlock.hangs(program(tmp_path, "raise SystemExit(3)\n"), 60)


def test_the_file_is_what_the_report_reads(tmp_path: Path) -> None:
    out = tmp_path / "run" / "deadlock.json"
    script = str(ROOT / "scripts" / "demonstrate_deadlock.py")
    limits = ("--runs", "1", "--certain-runs", "1", "--seconds", "2")
    subprocess.run([sys.executable, script, *limits, "--out", str(out)], check=True)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found) == [
        "schema_version", "python", "runs", "hung", "unbuffered", "deterministic", "stacks", "seconds_limit", "note",
    ]  # fmt: skip
    assert found["runs"] == found["unbuffered"]["runs"] == found["deterministic"]["runs"] == 1
    assert 0 <= found["hung"] <= 1
    # The child's one thread waits for the lock; the parent's main thread waits for the child.
    assert "in want_the_lock" in found["stacks"]["locked"]["child"]
    assert "join" in found["stacks"]["locked"]["parent"]
    said = article.deadlock_said(found)
    assert f"Python {found['python']}: {found['hung']} of 1 run hung" in said[0]
    assert said[2:] == [
        "a thread that holds a lock at the moment of the fork: 1 of 1 run hung",
        "standard error is buffered unless PYTHONUNBUFFERED=1; a run that had not ended after 2 s "
        "counts as hung and was ended with all its processes",
    ]
    assert not alive(deadlock.PROGRAMS)
