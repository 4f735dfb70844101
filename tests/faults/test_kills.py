"""A sweep under random kills: whoever dies and whenever, the same command ends with the tables of a quiet run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from handoff.measure.places import SHARED
from handoff.records import Row

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
from running import TINY, Workflow, environment, living

KILLS = int(os.environ.get("HANDOFF_KILLS", "20"))
SEED = 1
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV)


def _who(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    line = " ".join(words)
    if "resource_tracker" in line:
        return "tracker"
    for mark, who in (("measure_strategy.py", "supervisor"), ("handoff.measure.invocation", "sender"),
                      ("multiprocessing.spawn", "worker"), ("snakemake", "snakemake")):  # fmt: skip
        if mark in line and "bash" not in words[0]:
            return who
    return "step"


def _victims(folder: Path) -> dict[int, str]:
    return {pid: who for pid in living(folder) if (who := _who(pid))}


def _keys(rows: list[Row]) -> set[tuple[Any, ...]]:
    return {(row["block"], row["kind"], row["strategy"], row["scenario"]) for row in rows}


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_the_end_is_that_of_a_quiet_run(tmp_path: Path) -> None:
    before = {path.name for path in SHARED.iterdir()}
    (tmp_path / "quiet").mkdir()
    (tmp_path / "struck").mkdir()
    quiet = Workflow(tmp_path / "quiet", TINY)
    quiet.start()
    struck = Workflow(tmp_path / "struck", TINY)
    dice, killed = random.Random(SEED), Counter[str]()
    starts = 0
    while True:
        starts += 1
        assert starts < 20 + 5 * KILLS
        run = subprocess.Popen(struck.command(), cwd=struck.folder, env=environment(), start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        while run.poll() is None:
            time.sleep(dice.uniform(0.2, 2.0))
            victims = _victims(struck.folder)
            if killed.total() < KILLS and victims:
                # Who it is comes first, so that the few senders are hit as often as the many others.
                who = dice.choice(sorted(set(victims.values())))
                pid = dice.choice(sorted(pid for pid, name in victims.items() if name == who))
                try:
                    os.kill(pid, dice.choice(SIGNALS))
                    killed[who] += 1
                except ProcessLookupError:
                    continue
        patience = time.monotonic() + 120
        while living(struck.folder) and time.monotonic() < patience:
            time.sleep(0.1)
        assert living(struck.folder) == []
        if run.returncode == 0 and killed.total() >= KILLS:
            break
    assert struck.start().count("Nothing to be done") == 1
    assert _keys(struck.timings) == _keys(quiet.timings)
    assert {row["status"] for row in struck.timings} <= {"ok", "unsupported", "crashed"}
    assert all(row["total_s"] is None and row["reason"] for row in struck.timings if row["status"] == "crashed")
    # What another program had left before may be swept meanwhile.
    assert {path.name for path in SHARED.iterdir()} <= before
    assert (struck.run / "report.html").is_file()
