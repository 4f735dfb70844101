"""How often a forked child hangs because another thread held a lock at the moment of the fork.

Each run is a fresh interpreter in a session of its own, with a time limit; it is ended with all its
processes. Standard library only.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from handoff.records import SCHEMA_VERSION

PROGRAMS: Final = Path(__file__).parent / "programs"
PRINTING: Final = PROGRAMS / "fork_while_printing.py"
LOCKED: Final = PROGRAMS / "fork_while_locked.py"


class ProgramFailed(Exception):
    """A program neither ended well nor hung, so it shows nothing: which one, and how it ended."""


def _environment(unbuffered: bool) -> dict[str, str]:
    without = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return without | ({"PYTHONUNBUFFERED": "1"} if unbuffered else {})


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
        "seconds_limit": seconds,
        "note": f"standard error is buffered unless PYTHONUNBUFFERED=1; a run that had not ended after {seconds:g} s "
        "counts as hung and was ended with all its processes",
    }
