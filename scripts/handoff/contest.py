"""The candidates of one scenario: who may be recommended, who wins, and how sure that is. No sentences yet.

Recommended is the simplest strategy that is not shown slower than the best by more than the tie zone,
among those that meet the needs. What is not safe is never recommended, however fast.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, cast

from handoff import statistics, strategies
from handoff.records import Row
from handoff.scenarios import KINDS, Plan, Scenario, kind_facts
from handoff.strategies import Strategy
from handoff.summaries import Blocks, BlockValues

ENDED: Final = {
    "invalid": "what it delivered is not what was sent",
    "error": "it failed",
    "timeout": "it ran into its time limit",
    "crashed": "it crashed",
    "out_of_memory": "it ran out of memory",
    "leaked": "it left something behind",
    "skipped": "it was not started",
    "unsupported": "it is not possible",
    "raced_out": "it was stopped early, being several times slower than the best",
}
"""Statuses as the beginning of a clause that ends with the reason."""

CLAIM_LEVEL: Final = 0.05
"""The chance that any claim 'faster than the reference' of one scenario is false, at most."""


def bounds(log_ratios: Sequence[float], level: float) -> statistics.Interval:
    """The interval; with too few blocks for one, the range of the points; below 2 of them anything."""
    interval = statistics.signed_rank_interval(log_ratios, level)
    if interval is None and len(log_ratios) > 1:
        return statistics.Interval(min(log_ratios), max(log_ratios))
    return interval or statistics.Interval(-math.inf, math.inf)


def standing(log_ratios: Sequence[float], zone: float, level: float) -> str:
    """The verdict; with too few blocks for one, what all points agree on."""
    if statistics.signed_rank_rank(len(log_ratios), level):
        return statistics.verdict(log_ratios, zone, level)
    return statistics.side(*bounds(log_ratios, level), zone)


def unmet(strategy: Strategy, scenario: Scenario, needs: Mapping[str, Any]) -> str:
    """Which need the strategy does not meet, as a clause; '' if it meets them all."""
    executor, transport = strategies.executor_facts(strategy.executor), strategies.transport_facts(strategy.transport)
    if not strategy.safe:
        return f"it is not safe: {executor.why_not_safe or transport.why_not_safe}"
    if transport.born_there:
        return "it needs the payload made in place, which is ranked apart"
    if needs["writable"] and transport.writable == "no":
        return "its receiver may not write into the payload"
    kind = scenario.payload.may_be
    own = kind_facts(kind).needs if kind in KINDS else ()
    extra = [module for module in strategy.needs if module not in (*own, *sys.stdlib_module_names)]
    if needs["dependencies"] == "stdlib" and extra:
        return f"it needs {' and '.join(dict.fromkeys(extra))}, and only the standard library is allowed"
    return ""


class Contest:
    """The candidates of one scenario, with their summary rows and the values of their blocks."""

    def __init__(self, plan: Plan, scenario: Scenario, rows: Sequence[Row], values: BlockValues) -> None:
        self.scenario, self.needs, self.reference, self.tie_zone = scenario, plan.needs, plan.reference, plan.tie_zone
        self._plan = plan
        self.zone, self.level = math.log1p(plan.tie_zone), plan.level
        self.race_out = math.log(plan.race_out)
        self.rows = {str(row["strategy"]): row for row in rows if row["role"] == "candidate"}
        self.blocks: dict[str, Blocks] = {name: values.get((scenario.id, name), {}) for name in self.rows}

    def median(self, name: str) -> float | None:
        """Seconds; None if it has no time."""
        return cast("float | None", self.rows[name]["median_s"]) if name in self.rows else None

    def ratios(self, name: str, against: str) -> list[float]:
        """Log ratios of the blocks that both have."""
        return statistics.paired_log_ratios(self.blocks.get(name, {}), self.blocks.get(against, {}))

    def failed(self, name: str) -> str:
        """Why it has no time that can be believed, as a clause; '' if it has."""
        row = self.rows[name]
        if row["status"] != "ok":
            return ": ".join(filter(None, (ENDED[str(row["status"])], str(row["reason"] or "").rstrip("."))))
        if "below_floor" in str(row["flags"] or "").split():
            return "it is faster than reading the payload can be, so it did not read it"
        return "" if self.median(name) is not None else "it has no time"

    @cached_property
    def obstacles(self) -> dict[str, str]:
        """Why a candidate cannot be recommended, whatever its speed."""
        found = {n: unmet(strategies.find(n), self.scenario, self.needs) or self.failed(n) for n in self.rows}
        best = min((n for n in found if not found[n]), key=lambda n: self.median(n) or 0.0, default="")
        apart = {n: f"it was never measured in the same block as {best}"
                 for n in found if not found[n] and not self.ratios(n, best)}  # fmt: skip
        return {name: why for name, why in {**found, **apart}.items() if why}

    @cached_property
    def feasible(self) -> list[str]:
        """Who can be recommended, fastest first."""
        return sorted((n for n in self.rows if n not in self.obstacles), key=lambda n: self.median(n) or 0.0)

    @property
    def best(self) -> str:
        """The fastest who can be recommended, '' if there is none."""
        return self.feasible[0] if self.feasible else ""

    @cached_property
    def equals(self) -> list[str]:
        """The fastest, and who is not shown slower than it by more than the tie zone."""

        def slower(name: str) -> bool:
            against = self.ratios(name, self.best)
            interval = statistics.signed_rank_interval(against, self.level)
            return (interval.low if interval else statistics.hodges_lehmann(against)) > self.zone

        return [name for name in self.feasible if name == self.best or not slower(name)]

    @cached_property
    def winner(self) -> str:
        """The recommended strategy, '' if none is feasible."""
        return min(self.equals, key=lambda name: strategies.find(name).simplicity, default="")

    @cached_property
    def against_reference(self) -> list[float]:
        """Log ratios of the winner to the reference; none if it is the reference, or that has no time."""
        return self.ratios(self.winner, self.reference) if self.winner != self.reference else []

    @cached_property
    def doubt(self) -> tuple[str, list[float]]:
        """The rival that the blocks do not place yet, with the winner's log ratios to it; ('', []) if none is left.

        A winner that is not the fastest must be shown to be no slower than the fastest by more than the
        tie zone. The fastest must stand clearly against the reference; the reference itself, or where it
        has no time, against everyone who might be faster by more than the tie zone.
        """
        if self.winner == self.best and self.against_reference:
            unclear = standing(self.against_reference, self.zone, self.level) == "unclear"
            return (self.reference, self.against_reference) if unclear else ("", [])
        names = [self.best] if self.winner != self.best else self.feasible[1:]
        rivals = [(name, self.ratios(self.winner, name)) for name in names]
        open_ones = [rival for rival in rivals if bounds(rival[1], self.level).high > self.zone]
        return max(open_ones, key=lambda rival: bounds(rival[1], self.level).high, default=("", []))

    @cached_property
    def overclaimed(self) -> bool:
        """The winner is faster than the reference by its own interval, but not as one claim among many (Holm)."""
        if standing(self.against_reference, self.zone, self.level) != "faster":
            return False
        rivals = [name for name in self.feasible if name != self.reference]
        p_values = [statistics.faster_p(self.ratios(name, self.reference), self.zone) for name in rivals]
        return statistics.holm(p_values)[rivals.index(self.winner)] > CLAIM_LEVEL

    @property
    def python(self) -> str:
        """Which other Python the winner is measured under; '' if it is the workflow's own, or there is no winner."""
        return self._plan.python(self.winner) if self.winner else ""

    @property
    def n_blocks(self) -> int:
        """Blocks that the answer rests on."""
        compared = self.against_reference, self.ratios(self.winner, self.best)
        return min((len(log_ratios) for log_ratios in compared if log_ratios), default=0)

    @property
    def confidence(self) -> str:
        """'decided', 'indicative' (fewer than 10 blocks, or one claim among too many) or 'unclear'."""
        if not self.winner or self.doubt[0]:
            return "unclear"
        return "decided" if self.n_blocks >= statistics.SURE_BLOCKS and not self.overclaimed else "indicative"

    @property
    def tied(self) -> list[str]:
        """Who is within the tie zone of the winner: by verdict, or by the estimate with too few blocks for one."""

        def close(against: list[float]) -> bool:
            if not statistics.signed_rank_rank(len(against), self.level):
                return bool(against) and abs(statistics.hodges_lehmann(against)) <= self.zone
            return statistics.verdict(against, self.zone, self.level) == "tie"

        return [n for n in self.feasible if n != self.winner and close(self.ratios(n, self.winner))]
