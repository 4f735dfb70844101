"""The same thing measured twice: do the A/A sentinels agree with themselves?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from scipy import stats

from handoff import statistics
from handoff.health.material import HealthWarning, Material, warning
from handoff.scenarios import Plan, Scenario
from handoff.summaries import BlockValues, against_itself, taking_part
from handoff.words import counted, interval, ratio

SO_MANY: Final = 0.01
"""So many misses are a warning about the run if chance brings them about more rarely than this. Sentinels of one
payload kind share their jobs, so they do not miss quite independently: hence not 0.05."""


@dataclass(frozen=True)
class Sentinel:
    """One strategy measured twice in every block of a scenario: its ratio to itself should be 1."""

    scenario: Scenario
    strategy: str
    n_blocks: int
    ratio: float
    low: float | None
    high: float | None

    @property
    def agrees(self) -> bool | None:
        """Whether the interval holds 1; None without an interval."""
        return None if self.low is None or self.high is None else self.low <= 1 <= self.high

    def beyond(self, tie_zone: float) -> bool:
        """Whether the whole interval lies outside the tie zone."""
        return (self.low or 0.0) > 1 + tie_zone or (self.high or math.inf) < 1 / (1 + tie_zone)


def sentinels(plan: Plan, values: BlockValues) -> list[Sentinel]:
    """Every A/A comparison that the run holds, in the plan's order."""
    found = []
    for scenario in plan.scenarios:
        for again in taking_part(plan, scenario):
            if not again.is_sentinel:
                continue
            both = {name: values.get((scenario.id, name), {}) for name in (again.id, again.base)}
            ratios, ends = against_itself(again, both)
            if ratios:
                low, high = (math.exp(end) for end in ends) if ends else (None, None)
                centre = math.exp(statistics.hodges_lehmann(ratios))
                found.append(Sentinel(scenario, again.base, len(ratios), centre, low, high))
    return found


def chance_of_misses(misses: int, comparisons: int) -> float:
    """The chance that so many intervals or more miss what they should hold, where nothing is wrong.

    Each misses with 5 % at most and, as this counts, on its own: the upper tail of a binomial distribution.
    """
    return float(stats.binom.sf(misses - 1, comparisons, 1 - statistics.LEVEL))


def unstable(of: Material) -> list[HealthWarning] | None:
    """Sentinels that differ from their twin; and the run, if more of them do than chance explains."""
    found = [sentinel for sentinel in sentinels(of.plan, of.values) if sentinel.agrees is not None]
    if not found:
        return None
    missed = [sentinel for sentinel in found if not sentinel.agrees]
    chance = chance_of_misses(len(missed), len(found))
    run = [_too_many(len(missed), len(found), chance)] if chance < SO_MANY else []
    return run + [_differs(sentinel, sentinel.beyond(of.plan.tie_zone)) for sentinel in missed]


def _too_many(misses: int, comparisons: int, chance: float) -> HealthWarning:
    return warning(
        "unstable",
        f"{misses} of {counted(comparisons, 'comparison')} of a strategy with itself miss 1. "
        f"By chance so many do in one of {1 / chance:,.0f} runs.",
        "Jobs of one block did not find the same machine: another program, a changing clock, the neighbours of a "
        "virtual machine.",
        "Small differences of this run mean nothing. Look what disturbs this machine (make doctor), and measure again "
        "under another run name.",
        sure=True,
    )


def _differs(sentinel: Sentinel, beyond: bool) -> HealthWarning:
    chance = "" if beyond else " Or it is chance: one comparison in twenty misses."
    return warning(
        "unstable",
        f"{sentinel.strategy}, measured twice in each of {sentinel.n_blocks} blocks, differs from itself: ratio "
        f"{ratio(sentinel.ratio)} {interval(sentinel.low, sentinel.high)}.",
        f"Two jobs of one block did not find the same machine.{chance}",
        "Other ratios that are as near to 1 tell nothing here. Make the machine quiet (make doctor), or raise blocks.",
        sure=beyond,
        scenario=sentinel.scenario,
        strategy=sentinel.strategy,
    )
