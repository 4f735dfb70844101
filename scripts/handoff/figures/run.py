"""One run's tables, side by side, as the figures and the report read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from handoff.breakdown import Breakdown, breakdown
from handoff.contest import Contest
from handoff.costs import Values, overheads
from handoff.records import COSTS, Row, read_table
from handoff.scenarios import PATTERNS, Plan, Scenario
from handoff.summaries import BlockValues, block_values, compared, medians
from handoff.tables import read_measurements, read_summary
from handoff.words import counted, number, text


def said(scenario: Scenario, payload: str, workers: str) -> str:
    """The scenario's pattern with these words for its payload and its workers."""
    return PATTERNS[scenario.pattern].said.format(
        payload=payload, workers=workers, calls=counted(scenario.calls, "call")
    )


def words(scenario: Scenario) -> str:
    """What is handed over to whom, as one says it after 'to': 'send array-64MiB to 2 workers'."""
    workers, name = counted(scenario.workers, "worker"), scenario.payload.id
    if scenario.cold:
        workers += " of a cold pool"
    return said(scenario, name, workers)


def telling(scenarios: Sequence[Scenario], most: int) -> list[Scenario]:
    """At most so many of them, in their order: first the largest payload of each kind and pattern, fewest workers.

    One that asks for a single strategy compares nothing, and comes after those that ask for several.
    """

    def weight(each: Scenario) -> tuple[bool, int, int]:
        return len(each.strategies) > 1, each.payload.size, -each.workers

    largest: dict[tuple[str, str], Scenario] = {}
    for each in scenarios:
        rival = largest.setdefault((each.payload.kind, each.pattern), each)
        if weight(each) > weight(rival):
            largest[each.payload.kind, each.pattern] = each
    ordered = list(dict.fromkeys([*largest.values(), *scenarios]))[:most]
    return [each for each in scenarios if each in ordered]


@dataclass(frozen=True)
class Run:
    """The plan and the tables of one run."""

    plan: Plan
    summary: list[Row]
    timings: list[Row]
    invocations: list[Row]
    costs: list[Row] = field(default_factory=list)
    """Of costs.csv; empty where nobody gave it."""

    @cached_property
    def by_scenario(self) -> dict[str, list[Row]]:
        """Summary rows of each scenario, fastest first, those without a time last."""
        groups: dict[str, list[Row]] = {scenario.id: [] for scenario in self.plan.scenarios}
        for row in self.summary:
            groups.setdefault(text(row, "scenario"), []).append(row)

        def place(row: Row) -> tuple[bool, float, str]:
            median = number(row, "median_s")
            return (median is None, median or 0.0, text(row, "strategy"))

        return {scenario: sorted(rows, key=place) for scenario, rows in groups.items()}

    def rows(self, scenario: Scenario, *roles: str) -> list[Row]:
        """The scenario's summary rows of these roles, fastest first, those without a time last."""
        return [row for row in self.by_scenario[scenario.id] if text(row, "role") in roles]

    def timed(self, scenario: Scenario, *roles: str) -> list[Row]:
        """Those of them that have a time, fastest first."""
        return [row for row in self.rows(scenario, *roles) if number(row, "median_s") is not None]

    def row(self, scenario: Scenario, strategy: str) -> Row | None:
        """The summary row of one strategy, if there is one."""
        return next((row for row in self.by_scenario[scenario.id] if row["strategy"] == strategy), None)

    @cached_property
    def values(self) -> BlockValues:
        """(scenario, strategy) -> the value of each block, as verdicts are made from."""
        return block_values(self.invocations, self.timings)

    @cached_property
    def overheads(self) -> Values:
        """(scenario, strategy) -> of each block all that a transfer takes beside the task, in seconds."""
        return overheads(self.invocations, self.timings)

    def contest(self, scenario: Scenario) -> Contest:
        """Who may be recommended in it, and who is."""
        return Contest(self.plan, scenario, self.by_scenario[scenario.id], self.values)

    @cached_property
    def _transfers(self) -> dict[tuple[str, str], list[Row]]:
        groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self.timings:
            groups[text(row, "scenario"), text(row, "strategy")].append(row)
        return groups

    @cached_property
    def _compared(self) -> dict[tuple[str, str], list[Row]]:
        cold = {scenario.id: scenario.cold for scenario in self.plan.scenarios}
        return {key: compared(rows, 0 if cold.get(key[0]) else 1) for key, rows in self._transfers.items()}

    def blocks(self, scenario: Scenario, strategy: str, column: str = "total_s") -> list[float]:
        """For each block the median of a column over the transfers that are compared, in block order.

        Those are proven, not instrumented, and steady (of a cold scenario: the first).
        """
        return list(medians(self._compared.get((scenario.id, strategy), ()), column).values())

    def breakdown(self, scenario: Scenario, strategy: str) -> Breakdown | None:
        """Where the strategy's time goes; None if it has none."""
        rows = self._transfers.get((scenario.id, strategy), [])
        jobs = {row["invocation"] for row in rows}
        starts = [number(row, "start_s") for row in self.invocations if row["invocation"] in jobs]
        return breakdown(scenario, rows, [start for start in starts if start is not None])

    @cached_property
    def measured_blocks(self) -> tuple[int, int]:
        """The fewest and the most blocks behind a time of this run; (0, 0) if there is none."""
        counts = [int(count) for row in self.summary if (count := number(row, "n_blocks"))]
        return (min(counts), max(counts)) if counts else (0, 0)

    @property
    def blocks_said(self) -> str:
        """'6 blocks', or '4 to 6 blocks' where some were lost."""
        fewest, most = self.measured_blocks
        return counted(most, "block") if fewest == most else f"{fewest} to {counted(most, 'block')}"

    @property
    def interval_said(self) -> str:
        """What an interval in this run is, as one sentence."""
        if self.measured_blocks[1] < 6:
            return "No intervals: they need 6 blocks."
        return "Intervals hold the true median with at least 95 % confidence (exact, from order statistics of blocks)."


def read_run(plan: Path, summary: Path, timings: Path, invocations: Path, costs: Path | None = None) -> Run:
    """The run that these files hold.

    Raises:
        BadTable: one of them is missing or damaged, or they are not of one run.
    """
    made, jobs, transfers = read_measurements(plan, invocations, timings)
    of_costs = read_table(costs, COSTS) if costs else []
    return Run(made, read_summary(summary, made), transfers, jobs, of_costs)
