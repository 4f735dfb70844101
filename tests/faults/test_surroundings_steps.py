"""Snakemake, or a step of the workflow, struck in each of its phases: the same command goes on, and ends whole."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

import pytest
from surroundings import KEYS, SMALL, Run, Workflow, World, keys, saw, steps, tmpfs

from handoff.measure.places import SHARED
from handoff.records import INVOCATIONS, RECOMMENDATIONS, SUMMARY, TIMINGS, read_invocation, read_table

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

STEPS: Final = {
    "write_plan": "plan.json",
    "generate_payload": "payloads/array-64KiB.npy",
    "measure_strategy": "timings/array/inline/block~1.csv",
    "collect_timings": "timings.csv",
    "summarize_timings": "summary.csv",
    "plot_figure": "figures/phases.svg",
    "write_report": "report.html",
}
"""Each with a file of its own: without it, it has something to do."""

FAULTS: Final = {
    "Snakemake is killed in a step": ("snakemake", signal.SIGKILL),
    "Snakemake is told to end in a step": ("snakemake", signal.SIGTERM),
    "a step is killed": ("step", signal.SIGKILL),
}


def test_the_same_command_goes_on_whoever_is_struck_in_whatever_step(tmp_path: Path) -> None:
    flow = Workflow(tmp_path, SMALL)
    with World(tmpfs(SHARED, "1g")) as world:
        for step, output in STEPS.items():
            for whom, number in FAULTS.values():
                (flow.run / output).unlink(missing_ok=True)
                run = Run(flow, world=world)
                run.wait_for(lambda step=step: steps(step, tmp_path))
                victim = run.process.pid if whom == "snakemake" else steps(step, tmp_path)[0]
                os.kill(victim, number)
                assert run.ended() != 0, (step, whom, number)
                assert "unlock" not in run.printed.lower()
        Run(flow, world=world).succeeded()
        assert "Nothing to be done" in Run(flow, world=world).succeeded()
        left = [file.name for file in world.seen(SHARED).iterdir()]
    assert left == []
    assert keys(flow) == KEYS
    assert {row["status"] for row in flow.timings} == {"ok"}
    assert len({row["campaign"] for row in flow.invocations}) == 1
    for table in (INVOCATIONS, TIMINGS, SUMMARY, RECOMMENDATIONS):
        assert read_table(flow.run / table.name, table)
    assert len([read_invocation(file) for file in flow.run.rglob("block~*.csv")]) == len(KEYS)
    assert (flow.run / "report.html").read_text("utf-8").rstrip().endswith("</html>")
    for fault in FAULTS:
        saw(fault, f"the same command goes on and ends whole: {', '.join(f'`{step}`' for step in STEPS)}", left)
