"""How many transfers one invocation should make: from the first blocks of the same strategy, by cost and variance.

Repeating transfers is cheap and repeating invocations is dear, but only the second tells how much luck a
process had. Kalibera and Jones (ISMM'13, doi 10.1145/2464157.2464160) balance the two: with c1 seconds a
transfer, c2 seconds an invocation beside its transfers, and variances T1^2 within and T2^2 between
invocations, the shortest run of a given precision makes sqrt(c2 / c1 * T1^2 / T2^2) transfers an invocation.

Standard library only: it runs before every measuring job.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, variance
from typing import Final

from handoff.records import BadTable, InvocationFile, Row, read_invocation
from handoff.strategies import find

PILOT_BLOCKS: Final = 3
"""The first blocks measure for the whole time slice; from what they saw, later ones know how many transfers pay."""

FEWEST: Final = 5
"""Steady transfers at least, as far as the time slice allows: a median of fewer follows each single disturbance."""


def transfers_that_pay(blocks: Sequence[Sequence[float]], transfer_s: float, invocation_s: float) -> float:
    """Kalibera and Jones' number of transfers an invocation, at least 1; infinite where repeating is all that counts.

    blocks: the seconds of each invocation's steady transfers. Variances are of logarithms, so they are shares
    of the time. Infinite, too, where the invocations say nothing yet: fewer than two, or one transfer each.
    """
    logs = [[math.log(value) for value in values] for values in blocks if values]
    repeated = [values for values in logs if len(values) > 1]
    if len(logs) < 2 or not repeated:
        return math.inf
    within = fmean(variance(values) for values in repeated)
    between = variance(fmean(values) for values in logs) - within / fmean(len(values) for values in logs)
    if between <= 0 or transfer_s <= 0:
        return math.inf
    return max(1.0, math.sqrt(invocation_s / transfer_s * within / between))


def _beside_transfers(record: InvocationFile, scenarios: int) -> float:
    """Seconds of an invocation beside its transfers, as the share of one scenario."""
    row = record.invocation
    whole = (int(str(row["ended_ns"])) - int(str(row["started_ns"]))) / 1e9
    return max(0.0, whole - sum(map(_whole_transfer, record.transfers))) / max(1, scenarios)


def _whole_transfer(row: Row) -> float:
    """Seconds that a row's transfers took, with making them ready and freeing their places: off the clock, but dear."""
    parts = (float(str(row[name] or 0.0)) for name in ("prepare_s", "total_s", "release_s"))
    return sum(parts) * int(str(row["batch"] or 1))


def pilot_files(out: Path, strategy: str, block: int) -> list[Path]:
    """Where the pilot of a job lies that writes `out`, timings/<kind>/<strategy>/block~<block>.csv.

    They are no inputs of the job: Snakemake would run it again whenever one of them is made anew, and break a block
    that is whole. A marked strategy makes as many transfers as the one that it is compared with.
    """
    folder = out.parents[1] / find(strategy).twin
    return [folder / f"block~{number}.csv" for number in range(1, PILOT_BLOCKS + 1)] if block > PILOT_BLOCKS else []


def wanted_transfers(files: Iterable[Path]) -> dict[str, int]:
    """Steady transfers that pay, by scenario, from the pilot's files; a scenario that they cannot judge is left out.

    A file that is missing or damaged is no pilot: its block will be measured again anyway.
    """
    totals: Mapping[str, list[list[float]]] = defaultdict(list)
    wholes: Mapping[str, list[float]] = defaultdict(list)
    beside: Mapping[str, list[float]] = defaultdict(list)
    for file in files:
        try:
            record = read_invocation(file)
        except BadTable:
            continue
        rows = [row for row in record.transfers if row["status"] == "ok" and row["warm"] and not row["instrumented"]]
        scenarios = dict.fromkeys(str(row["scenario"]) for row in rows)
        for scenario in scenarios:
            mine = [row for row in rows if row["scenario"] == scenario]
            totals[scenario].append([float(str(row["total_s"])) for row in mine])
            wholes[scenario].append(median(map(_whole_transfer, mine)))
            beside[scenario].append(_beside_transfers(record, len(scenarios)))
    found = {}
    for scenario, blocks in totals.items():
        if len(blocks) < PILOT_BLOCKS:
            continue
        number = transfers_that_pay(blocks, median(wholes[scenario]), median(beside[scenario]))
        if math.isfinite(number):
            found[scenario] = max(FEWEST, math.ceil(number))
    return found
