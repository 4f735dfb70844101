"""How far to trust a run: did the same thing measured twice agree, what failed, what disturbed it."""

from __future__ import annotations

import math
import statistics as plain
from collections import Counter
from dataclasses import dataclass

from handoff import statistics
from handoff.figures.quantities import NONE, counted, ratio, seconds
from handoff.figures.run import Run, number, text
from handoff.records import STATUSES, Row
from handoff.strategies import SENTINEL
from handoff.summaries import BlockValues


@dataclass(frozen=True)
class Sentinel:
    """One strategy measured twice in every block of a scenario: its ratio to itself should be 1."""

    scenario: str
    strategy: str
    n_blocks: int
    ratio: float
    low: float | None
    high: float | None

    @property
    def agrees(self) -> bool | None:
        """Whether the interval holds 1; None without an interval."""
        return None if self.low is None or self.high is None else self.low <= 1 <= self.high


def sentinels(run: Run, values: BlockValues) -> list[Sentinel]:
    """Every A/A comparison that the run holds, in the plan's order."""
    found = []
    for scenario in run.plan.scenarios:
        for row in run.rows(scenario, "sentinel"):
            again = text(row, "strategy")
            first = again.removesuffix(SENTINEL)
            twice = (values.get((scenario.id, name), {}) for name in (again, first))
            ratios = [value for value in statistics.paired_log_ratios(*twice) if math.isfinite(value)]
            if ratios:
                ends = statistics.signed_rank_interval(ratios)
                low, high = (math.exp(end) for end in ends) if ends else (None, None)
                centre = math.exp(statistics.hodges_lehmann(ratios))
                found.append(Sentinel(scenario.id, first, len(ratios), centre, low, high))
    return found


def sentinels_said(found: list[Sentinel]) -> str:
    """What the A/A comparisons say about this machine, in words."""
    if not found:
        return "No strategy was timed twice, so nothing can be said about how well the machine repeats itself."
    judged = [sentinel for sentinel in found if sentinel.agrees is not None]
    spread = f"their ratios lie between {ratio(min(s.ratio for s in found))} and {ratio(max(s.ratio for s in found))}"
    if not judged:
        return f"{counted(len(found), 'comparison')} of a strategy with itself: {spread}. Intervals need 6 blocks."
    agree = sum(bool(sentinel.agrees) for sentinel in judged)
    return (
        f"{agree} of {counted(len(judged), 'comparison')} of a strategy with itself hold 1 in their interval; "
        f"{spread}. "
        "Where nothing is wrong, about one in twenty is expected to miss it."
    )


def statuses(run: Run) -> list[tuple[str, str, int]]:
    """Status, its meaning, and in how many pairs of scenario and strategy it is the outcome; those that occur."""
    counts = Counter(text(row, "status") for row in run.summary)
    return [(status, meaning, counts[status]) for status, meaning in STATUSES.items() if counts[status]]


def disturbances(run: Run) -> list[tuple[str, str]]:
    """What went on beside the measuring jobs, as name and value."""

    def known(column: str) -> list[float]:
        return [value for row in run.invocations if (value := number(row, column)) is not None]

    def of(column: str, say: str, times: float = 1) -> str:
        values = [times * value for value in known(column)]
        return say.format(middle=plain.median(values), most=max(values), total=sum(values)) if values else NONE

    steal = known("steal_s")
    share = "{middle:.1f} % at the median, {most:.1f} % at most"
    return [
        ("load average before a job", of("load_before", "{middle:.2f} at the median, {most:.2f} at most")),
        ("time taken by the hypervisor", f"{seconds(sum(steal))} in all" if steal else NONE),
        ("share of time in which a task waited for a core", of("cpu_pressure", share, 100)),
        ("share of time in which a task waited for memory", of("memory_pressure", share, 100)),
        ("stops by the CPU quota", of("throttled", "{total:,.0f}")),
        ("pages swapped", of("swapped", "{total:,.0f}")),
    ]


@dataclass(frozen=True)
class Failure:
    """One reason for which a strategy gave no time, or not in every block, and where."""

    strategy: str
    status: str
    reason: str
    scenarios: list[str]


def failures(run: Run) -> list[Failure]:
    """What is not ok, one line for each strategy and reason; real failures before what cannot work."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in run.summary:
        if row["status"] != "ok":
            key = (text(row, "strategy"), text(row, "status"), text(row, "reason"))
            groups.setdefault(key, []).append(text(row, "scenario"))
    found = [Failure(*key, scenarios) for key, scenarios in groups.items()]
    mild = ("raced_out", "skipped", "unsupported")
    return sorted(found, key=lambda failure: mild.index(failure.status) if failure.status in mild else -1)


def failed_jobs(run: Run, most: int = 40) -> list[Row]:
    """The measuring jobs that did not end well, with what they wrote; at most so many."""
    quiet = ("ok", "unsupported", "skipped", "raced_out")
    return [row for row in run.invocations if row["status"] not in quiet][:most]
