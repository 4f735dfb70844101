"""One strategy against each of its peers, cell by cell, and against the floor: all cells, none left out.

A cell is a scenario and a peer. Both sides are compared block by block, as everything else is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, cast

from handoff import statistics
from handoff.records import Row
from handoff.scenarios import Plan, Scenario
from handoff.strategies import find
from handoff.summaries import Blocks, BlockValues, compared
from handoff.words import NONE, counted, interval, percent, ratio, seconds

PHASES: Final = ("publish", "dispatch", "attach", "task", "reply")

FLOOR: Final = "memcpy"
BESIDE_THE_FLOOR: Final = 0.95
"""A way counts as being as fast as the floor unless the whole interval of floor / way lies below this."""


@dataclass(frozen=True)
class Cell:
    """The subject against one peer in one scenario; below 1 the subject is faster."""

    scenario: str
    peer: str
    subject_s: float | None
    peer_s: float | None
    ratio: float | None
    low: float | None
    high: float | None
    verdict: str
    """'faster', 'slower', 'tie' or 'unclear'; '' where one of the two has no times."""
    ended: str
    """Why the peer has no times; '' if it has."""
    phases: tuple[Mapping[str, float], Mapping[str, float]]
    """Median seconds of the subject's phases and of the peer's."""


def _middle(blocks: Blocks) -> float | None:
    value = median(blocks.values()) if blocks else math.inf
    return value if math.isfinite(value) else None


def _compared(mine: Blocks, theirs: Blocks, level: float) -> tuple[list[float], float | None, statistics.Interval]:
    """Log ratios, their centre as a ratio, and its interval as ratios; infinite ends where there is none."""
    ratios = statistics.paired_log_ratios(mine, theirs)
    found = statistics.signed_rank_interval(ratios, level) if ratios else None
    low, high = found or (-math.inf, math.inf)
    centre = statistics.hodges_lehmann(ratios) if ratios else math.inf
    return (
        ratios,
        math.exp(centre) if math.isfinite(centre) else None,
        statistics.Interval(math.exp(low), math.exp(high)),
    )


def _phases(rows: Iterable[Row]) -> dict[str, float]:
    counted_rows = compared(rows)
    return {
        phase: median(cast(float, row[f"{phase}_s"]) for row in counted_rows)
        for phase in PHASES
        if counted_rows and all(row[f"{phase}_s"] is not None for row in counted_rows)
    }


def _ended(rows: Sequence[Row]) -> str:
    found = dict.fromkeys(str(row["status"]) for row in rows if row["status"] != "ok")
    return ", ".join(found) or "not measured"


def cells(plan: Plan, values: BlockValues, timings: Iterable[Row], subject: str) -> list[Cell]:
    """Every cell of the run: each scenario that the subject takes part in, against each candidate beside it."""
    rows: dict[tuple[str, str], list[Row]] = {}
    for row in timings:
        rows.setdefault((str(row["scenario"]), str(row["strategy"])), []).append(row)
    return [
        _cell(plan, scenario, subject, peer, values, rows)
        for scenario in plan.scenarios if subject in scenario.strategies
        for peer in scenario.strategies if peer != subject and find(peer).role == "candidate"
    ]  # fmt: skip


def _cell(
    plan: Plan, scenario: Scenario, subject: str, peer: str, values: BlockValues,
    rows: Mapping[tuple[str, str], Sequence[Row]],
) -> Cell:  # fmt: skip
    mine, theirs = (values.get((scenario.id, name), {}) for name in (subject, peer))
    ratios, centre, found = _compared(mine, theirs, plan.level)
    return Cell(
        scenario=scenario.id, peer=peer, subject_s=_middle(mine), peer_s=_middle(theirs), ratio=centre,
        low=found.low or None, high=found.high if math.isfinite(found.high) else None,
        verdict=statistics.verdict(ratios, math.log1p(plan.tie_zone), plan.level) if ratios else "",
        ended="" if theirs else _ended(rows.get((scenario.id, peer), ())),
        phases=cast("tuple[dict[str, float], dict[str, float]]",
                    tuple(_phases(rows.get((scenario.id, name), ())) for name in (subject, peer))),
    )  # fmt: skip


def against_floor(plan: Plan, values: BlockValues, subject: str) -> list[tuple[str, float, statistics.Interval]]:
    """Scenario, floor / subject and its interval, wherever both have times; 1 is as fast as a copy can be."""
    return [
        (scenario.id, centre, found)
        for scenario in plan.scenarios if subject in scenario.strategies
        for _, centre, found in [_compared(
            values.get((scenario.id, FLOOR), {}), values.get((scenario.id, subject), {}), plan.level
        )] if centre is not None
    ]  # fmt: skip


def page(
    plan: Plan, found: Sequence[Cell], floors: Sequence[tuple[str, float, statistics.Interval]], subject: str
) -> str:
    """A page of Markdown: the floor, all cells, and the phases of those in which the subject is slower."""
    with_verdict = [cell for cell in found if cell.verdict]
    slower = [cell for cell in with_verdict if cell.verdict == "slower"]
    of = f" of {counted(len(with_verdict), 'cell')} with times on both sides"
    share = f" ({percent(len(slower) / len(with_verdict))})" if with_verdict else ""
    lines = [
        f"# {subject} against its peers", "",
        f"{plan.run}, {counted(plan.blocks, 'block')}. The subject is slower by verdict in {len(slower)}{of}{share}.",
        "", "## Against the floor", "",
        "One copy into warm memory of the same process, then the task: floor / subject. 1 is as fast as that; "
        f"the subject counts as slower than the floor if the whole interval lies below {BESIDE_THE_FLOOR}.", "",
        "| scenario | floor / subject | interval | slower than the floor |", "|---|---|---|---|",
        *(f"| {scenario} | {ratio(centre)} | {_spoken(limits)} | {'yes' if limits.high < BESIDE_THE_FLOOR else 'no'} |"
          for scenario, centre, limits in floors),
        "", "## All cells", "", "Subject / peer: below 1 the subject is faster.", "",
        "| scenario | peer | subject | peer's time | ratio | interval | verdict |", "|---|---|---|---|---|---|---|",
        *(f"| {cell.scenario} | {cell.peer} | {seconds(cell.subject_s)} | {cell.ended or seconds(cell.peer_s)} | "
          f"{ratio(cell.ratio)} | {interval(cell.low, cell.high) or NONE} | {cell.verdict or NONE} |"
          for cell in found),
        "", "## Where it is slower", "",
    ]  # fmt: skip
    if not slower:
        return "\n".join([*lines, "In no cell.", ""])
    lines += [f"| scenario | who | {' | '.join(PHASES)} |", "|---" * (2 + len(PHASES)) + "|"]
    for cell in slower:
        for name, phases in zip((subject, cell.peer), cell.phases, strict=True):
            spoken = " | ".join(seconds(phases.get(phase)) for phase in PHASES)
            lines.append(f"| {cell.scenario} | {name} | {spoken} |")
    return "\n".join([*lines, ""])


def _spoken(limits: statistics.Interval) -> str:
    return interval(limits.low, limits.high) if math.isfinite(limits.high) and limits.low else NONE
