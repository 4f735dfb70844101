"""The rows of costs.csv by what they have in common but the strategy, as two figures draw them."""

from __future__ import annotations

from dataclasses import dataclass

from handoff.figures.run import Run, said
from handoff.records import Row
from handoff.scenarios import PATTERNS, Scenario
from handoff.words import counted, number, text

KEY = ("kind", "payload_options", "task", "pattern", "workers", "calls", "cold")


@dataclass(frozen=True)
class Group:
    """Curves of all strategies in scenarios that differ in the payload's size alone."""

    key: tuple[str, ...]
    rows: tuple[Row, ...]
    scenarios: tuple[Scenario, ...]
    """Smallest payload first."""

    @property
    def title(self) -> str:
        """'send one array to each of 2 workers'."""
        return family_said(self.scenarios[0])

    @property
    def below(self) -> str:
        return below_said(self.scenarios[0])


def family_said(scenario: Scenario) -> str:
    """What scenarios that differ in size alone do, as one says it: 'send one array to each of 2 workers'."""
    workers, kind = counted(scenario.workers, "worker"), scenario.payload.kind
    in_flight = PATTERNS[scenario.pattern].in_flight
    each = f"each of {workers}" if in_flight and scenario.workers > 1 else workers
    # The kind of a user's own payload is its name: 'send flights', and not 'one flights'.
    title = said(scenario, f"one {kind}" if in_flight and not scenario.payload.own else kind, each)
    return title + (", first transfer of a cold pool" if scenario.cold else "")


def below_said(scenario: Scenario) -> str:
    """Their task and their payload's options, for the line under the title."""
    options = " ".join(f"{name} {value}" for name, value in scenario.payload.options)
    return f"task {scenario.task}" + (f", {options}" if options else "")


def _key(scenario: Scenario) -> tuple[str, ...]:
    """The scenario's group, as costs.csv spells it."""
    payload = scenario.payload
    options = " ".join(f"{name}={value}" for name, value in payload.options)
    parts = payload.kind, options, scenario.task, scenario.pattern, scenario.workers, scenario.calls, int(scenario.cold)
    return tuple(map(str, parts))


def groups(run: Run) -> list[Group]:
    """Those of the run's plan, in its order; floors and whatever the plan does not know are left out."""
    found: dict[tuple[str, ...], list[Scenario]] = {}
    for scenario in run.plan.scenarios:
        found.setdefault(_key(scenario), []).append(scenario)
    rows: dict[tuple[str, ...], list[Row]] = {key: [] for key in found}
    known = {text(row, "strategy") for row in run.summary if row["role"] == "candidate"}
    for row in run.costs:
        key = tuple(text(row, name) for name in KEY)
        if key in rows and text(row, "strategy") in known:
            rows[key].append(row)
    return [
        Group(key, tuple(rows[key]), tuple(sorted(scenarios, key=lambda each: each.payload.size)))
        for key, scenarios in found.items() if rows[key]
    ]  # fmt: skip


def cells(row: Row, *columns: str) -> tuple[float | None, ...]:
    """These cells as numbers."""
    return tuple(number(row, column) for column in columns)
