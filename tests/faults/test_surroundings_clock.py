"""A wall clock that jumps by two days while the workflow stands still: it ends whole, and nothing is measured twice.

What a file's time says may then lie in the future, or long ago: whoever compares times to see what is stale is misled.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from surroundings import KEYS, SMALL, Run, Workflow, keys, project_in, saw

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

DAY_S: Final = 86_400


def clock(days: int) -> dict[str, str]:
    """Variables under which programs see a wall clock that is so many days off; other clocks go right."""
    found = sorted(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("no libfaketime here (Debian's package faketime)")
    return {
        "LD_PRELOAD": str(found[0]), "FAKETIME": f"{days:+d}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"
    }  # fmt: skip


def stamp(folder: Path, seconds: int) -> None:
    """Give the files below it the times that a clock gave them that was so much ahead: the kernel's own was right."""
    now = time.time()
    for path in (path for path in folder.rglob("*") if not path.is_symlink()):
        written = path.stat().st_mtime
        if abs(written - now) < DAY_S:  # libfaketime has not been asked
            os.utime(path, (written + seconds, written + seconds))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the project: the times of its own files are brought back, too, where they lie in the future."""
    return project_in(tmp_path / "project")


@pytest.mark.parametrize("days", [2, -2], ids=["set back", "set ahead"])
def test_a_clock_that_jumps_between_two_starts_does_no_harm(tmp_path: Path, root: Path, days: int) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    flow = Workflow(folder, SMALL, root)
    run = Run(flow, variables=clock(days))
    run.wait_for(lambda: len(list(flow.run.rglob("block~1.csv"))) >= 3)
    os.killpg(run.process.pid, signal.SIGKILL)
    assert run.ended() == -signal.SIGKILL
    stamp(folder, days * DAY_S)
    printed = Run(flow).succeeded()
    assert ("A clock has been set back" in printed) == (days > 0)
    assert keys(flow) == KEYS
    assert {row["status"] for row in flow.timings} == {"ok"}
    assert len({row["campaign"] for row in flow.invocations}) == 1
    assert "Nothing to be done" in Run(flow).succeeded()
    saw(f"the clock is {'set back' if days > 0 else 'set ahead'} by two days", "the same command ends whole", [])


def test_files_of_the_future_are_brought_back(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    mine = folder / "mine.npy"
    np.save(mine, np.arange(1000.0))
    config = {**SMALL, "scenarios": [{**SMALL["scenarios"][0], "payload": {"file": mine.name}}]}
    flow = Workflow(folder, config, root)
    later = time.time() + 2 * DAY_S
    os.utime(mine, (later, later))
    Run(flow).succeeded()
    measured = flow.written()
    for path in (flow.run / "plan.json", flow.run / "timings.csv", root / "scripts" / "plot_figure.py"):
        os.utime(path, (later, later))
    (flow.run / "report.html").unlink()
    printed = Run(flow).succeeded()
    assert "A clock has been set back: the times of 3 files lay in the future" in printed
    assert flow.written() == measured
    assert "Nothing to be done" in Run(flow).succeeded()
    assert mine.stat().st_mtime == later
    saw("files have times two days in the future", "they are brought back to now; a user's own stays as it is", [])
