"""How often a forked child hangs because another thread held a lock at the moment of the fork.

Each run is a fresh interpreter in a session of its own, with a time limit; it is ended with all its
processes. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from handoff.mistakes import HandoffError
from handoff.records import SCHEMA_VERSION

PROGRAMS: Final = Path(__file__).parent / "programs"
PRINTING: Final = PROGRAMS / "fork_while_printing.py"
LOCKED: Final = PROGRAMS / "fork_while_locked.py"


class ProgramFailed(HandoffError):
    """A program neither ended well nor hung, so it shows nothing: which one, and how it ended."""


def _environment(unbuffered: bool) -> dict[str, str]:
    without = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return without | ({"PYTHONUNBUFFERED": "1"} if unbuffered else {})


TELLING: Final = """
import faulthandler, runpy, sys
log = open(sys.argv[1], "w")
faulthandler.enable(file=log)
runpy.run_path(sys.argv[2], run_name="__main__")
"""
"""Runs a program so that SIGABRT makes each of its processes write where all of its threads are."""

WRITING_S: Final = 5.0
"""For a process to write that down and end."""


def _ended(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _told(pid: int, log: Path) -> str:
    """The stacks of a process's threads, which it writes as it ends."""
    before = log.stat().st_size
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGABRT)
    patience = time.monotonic() + WRITING_S
    while not _ended(pid) and time.monotonic() < patience:
        time.sleep(0.01)
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(before)
        return file.read().strip()


def stacks(program: Path, seconds: float) -> dict[str, str]:
    """Where the threads of the child and of its parent are after so many seconds; empty if it did not hang.

    The stacks are faulthandler's: the latest call first.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "stacks.txt")
        with subprocess.Popen(
            [sys.executable, "-c", TELLING, str(log), str(program)], env=_environment(unbuffered=False),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as run:  # fmt: skip
            try:
                run.wait(seconds)
                return {}
            except subprocess.TimeoutExpired:
                children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text(encoding="ascii").split()
                # The parent first: it would go on and end once its child has.
                return {"parent": _told(run.pid, log), "child": "\n".join(_told(int(pid), log) for pid in children)}
            finally:
                if run.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(run.pid, signal.SIGKILL)


def hangs(program: Path, seconds: float, *, unbuffered: bool = False) -> bool:
    """Whether the program has not ended after so many seconds. Nothing of it is left either way.

    Raises:
        ProgramFailed: it ended with an error.
    """
    # Standard error goes nowhere: the hang needs its buffer's lock, not a reader, and a hung run prints for seconds.
    # Standard output is a pipe that every process of the run holds open and none writes to: its end is theirs.
    with subprocess.Popen(
        [sys.executable, str(program)],
        env=_environment(unbuffered),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        assert run.stdout is not None
        try:
            status = run.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        finally:
            # Not reaped yet where it hangs, so its group's number cannot be another's by now.
            if run.returncode is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.stdout.read()
    if status:
        raise ProgramFailed(f"{program.name} ended with status {status}; run it by hand to see why: python {program}")
    return False


def count_hung(program: Path, runs: int, seconds: float, *, unbuffered: bool = False) -> dict[str, int]:
    """How many of so many runs of the program hung."""
    return {"runs": runs, "hung": sum(hangs(program, seconds, unbuffered=unbuffered) for _ in range(runs))}


def demonstrate(runs: int, certain_runs: int, seconds: float) -> dict[str, Any]:
    """What deadlock.json holds: the printing thread, the same without buffering, and the case that is certain.

    Raises:
        ProgramFailed: a program ended with an error.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "python": platform.python_version(),
        **count_hung(PRINTING, runs, seconds),
        "unbuffered": count_hung(PRINTING, runs, seconds, unbuffered=True),
        "deterministic": count_hung(LOCKED, certain_runs, seconds),
        "stacks": {"printing": stacks(PRINTING, seconds), "locked": stacks(LOCKED, seconds)},
        "seconds_limit": seconds,
        "note": f"standard error is buffered unless PYTHONUNBUFFERED=1; a run that had not ended after {seconds:g} s "
        "counts as hung and was ended with all its processes",
    }
