"""How far a projection is off where it can be checked: a pattern that nothing was taken from, on this machine.

The parts of a hand-over come from `send` to one worker, and how much workers hinder each other from `scatter`. From
these alone `broadcast` is predicted, at the same sizes and numbers of workers, and compared with what the same run
measured. On one machine there is no network: what that adds is arithmetic that nothing here checks.

    python tests/answers/measure_projection.py --folder /tmp/projection --write docs/projection.md

takes about ten minutes on a quiet machine; what is there already is not measured again. Needs SimPy.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics as basic
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

HOUSE = Path(__file__).parents[2]
sys.path[:0] = [str(HOUSE / "scripts")]

import yaml  # noqa: E402

from handoff import projection  # noqa: E402
from handoff.machine import Facts, read_machine  # noqa: E402
from handoff.mistakes import step  # noqa: E402
from handoff.records import Row, write_atomically  # noqa: E402
from handoff.report import readme  # noqa: E402
from handoff.scenarios import Plan  # noqa: E402
from handoff.simulation import CannotProject, Cluster, simulate  # noqa: E402
from handoff.summaries import block_values  # noqa: E402
from handoff.tables import read_measurements  # noqa: E402
from handoff.words import counted, percent, seconds, size  # noqa: E402

RUN: Final = "projection"
PART: Final = "projection-check"
"""Of docs/projection.md."""

SIZES: Final = ("256KiB", "4MiB", "64MiB")
WORKERS: Final = (2, 4)
"""Four on two cores is asked for on purpose: contention then has the waiting for a core in it."""

STRATEGIES: Final = (
    "threads-reference", "pool_spawn-pickle", "process_spawn-pickle5", "process_spawn-shared_memory",
    "process_spawn-npy-tmpfs", "process_spawn-arena",
)  # fmt: skip

FAR: Final = 0.25
"""From here on a prediction is called wrong: a ratio of 1.25 either way."""

PATIENCE: Final = 3600
"""Seconds for the whole workflow."""


@dataclass(frozen=True)
class Check:
    """One predicted broadcast."""

    strategy: str
    payload_bytes: int
    workers: int
    predicted_s: float
    measured_s: float
    alone_s: float
    """What one worker took. The two plainest predictions: many workers take as long, or they take turns."""
    spread: float
    """Of the blocks' measured values: the standard deviation of their logarithms."""
    bound: str

    @property
    def error(self) -> float:
        """Logarithm of predicted over measured: above 0 it was predicted too long."""
        return math.log(self.predicted_s / self.measured_s)


def config(blocks: int, sizes: Sequence[str], workers: Sequence[int], slice_s: float) -> dict[str, Any]:
    payload = {"kind": "array", "size": list(sizes)}
    return {
        "run": RUN, "seed": 1, "blocks": blocks, "strategies": list(STRATEGIES), "budget": "1h",
        "seconds_per_invocation": slice_s,
        "scenarios": [
            {"payload": payload, "pattern": "send", "workers": 1},
            {"payload": payload, "pattern": ["scatter", "broadcast"], "workers": list(workers)},
        ],
    }  # fmt: skip


def check(plan: Plan, invocations: Iterable[Row], timings: Sequence[Row]) -> list[Check]:
    """Every broadcast of the run that was measured, with what send to one worker and scatter predict of it."""
    observed, values = projection.by_pair(timings), block_values(invocations, timings)
    found = []
    for strategy in STRATEGIES:
        for asked in (each for each in plan.scenarios if each.pattern == "broadcast"):
            scenario = projection.choose(plan, asked.payload.id)
            known = projection.measured(plan, observed, scenario, strategy, told_by=("scatter",))
            blocks = [value for value in values.get((asked.id, strategy), {}).values() if math.isfinite(value)]
            if known is None or not blocks:
                continue
            parts, _ = known.of(asked.workers)
            outcome = simulate(parts, Cluster(1, asked.workers), "broadcast", gate=True)
            logs = [math.log(value) for value in blocks]
            found.append(Check(
                strategy, asked.payload.size, asked.workers, outcome.total_s, basic.median(blocks), parts.total_s,
                basic.stdev(logs) if len(logs) > 1 else 0.0, outcome.bound,
            ))  # fmt: skip
    return found


def _off(logs: Iterable[float]) -> list[float]:
    """How many times too long or too short, less 1."""
    return [math.expm1(abs(each)) for each in logs]


def said(found: Sequence[Check], blocks: int, machine: Facts) -> str:
    """A table in Markdown, what it comes to, and where it fails."""
    if not found:
        raise CannotProject("no broadcast of this run can be compared: see its report for what failed.")
    lines = [
        "| strategy | payload | workers | predicted | measured | predicted / measured | spread | mostly |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {each.strategy} | {size(each.payload_bytes)} | {each.workers} | {seconds(each.predicted_s)} | "
            f"{seconds(each.measured_s)} | {math.exp(each.error):.2f} | {percent(each.spread, 2)} | {each.bound} |"
            for each in found
        ),
    ]
    off = _off(each.error for each in found)
    worst = max(found, key=lambda each: abs(each.error))
    alone, in_turn = (
        basic.median(_off(math.log(factor(each) * each.alone_s / each.measured_s) for each in found))
        for factor in (lambda each: 1, lambda each: each.workers)
    )
    lines += [
        "",
        f"{len(found)} predictions, {counted(blocks, 'block')}. Off by {percent(basic.median(off), 2)} in the median "
        f"and by {percent(max(off), 2)} at worst ({worst.strategy}, {size(worst.payload_bytes)}, {worst.workers} "
        f"workers). Off in the median if W workers were said to take as long as one: {percent(alone, 2)}; W times as "
        f"long: {percent(in_turn, 2)}. Measured on: {readme.machine_said(machine)}.",
        "",
        *_failures(found),
    ]
    return "\n".join(lines)


def _failures(found: Sequence[Check]) -> list[str]:
    wrong = [each for each in found if math.expm1(abs(each.error)) > FAR]
    if not wrong:
        return [f"No prediction is off by more than {percent(FAR)}."]
    lines = [f"Off by more than {percent(FAR)}:", ""]
    for strategy in dict.fromkeys(each.strategy for each in wrong):
        mine = [each for each in wrong if each.strategy == strategy]
        places = ", ".join(
            f"{size(each.payload_bytes)} to {each.workers} workers ({math.exp(each.error):.2f})" for each in mine
        )
        of = sum(each.strategy == strategy for each in found)
        lines.append(f"- {strategy}, {len(mine)} of {of}: {places}")
    return lines


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where to work")
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--size", nargs="+", default=list(SIZES))
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--seconds", type=float, default=0.2, help="of transfers, for each scenario and invocation")
    parser.add_argument("--write", type=Path, help="docs/projection.md, whose generated part is renewed")
    given = parser.parse_args()
    page = given.write.resolve() if given.write else None
    given.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(given.folder)
    asked = config(given.blocks, given.size, given.workers, given.seconds)
    Path("projection.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    command = ["--snakefile", str(HOUSE / "Snakefile"), "--cores", "all", "--configfile", "projection.yaml"]
    ended = subprocess.run([sys.executable, "-m", "snakemake", *command], check=False, timeout=PATIENCE)
    if ended.returncode:
        raise CannotProject(f"the run in {given.folder} ended with status {ended.returncode}; its own lines say why.")
    folder = Path("results", RUN)
    plan, invocations, timings = read_measurements(
        *(folder / name for name in ("plan.json", "invocations.csv", "timings.csv"))
    )
    found = check(plan, invocations, timings)
    machine = read_machine(next((folder / "machines").glob("*.json")))
    text = said(found, plan.blocks, machine)
    write_atomically(Path("projection.json"), json.dumps([asdict(each) for each in found], indent=1) + "\n")
    print(text)
    if page:
        readme.renew(page, {PART: text})


if __name__ == "__main__":
    main()
