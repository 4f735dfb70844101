"""What the checks look at, and what they say."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias, TypedDict

from handoff import statistics
from handoff.records import Row
from handoff.scenarios import Plan, Scenario
from handoff.summaries import BlockValues, block_values, compared, taking_part
from handoff.words import number

BY_CHANCE: Final = 0.05
"""The usual level: what chance alone brings about more rarely is a finding."""

MATTERS: Final = math.log1p(0.05)
"""A drift, a step or a distance of modes that is smaller does not matter: it is the usual tie zone."""

Key: TypeAlias = tuple[str, int]
"""Campaign and block."""

Logs: TypeAlias = Mapping[Key, float]
"""The logarithms of block values, in the order of time."""


class HealthWarning(TypedDict):
    """One thing that is wrong, or may be."""

    code: str
    severity: str
    """'note' or 'warning'."""
    scenario: str
    """'' for the whole run."""
    strategy: str
    """'' for all of them."""
    blocks: list[str]
    """As 'array 3'; none for all of them."""
    what: str
    cause: str
    remedy: str


class Job(NamedTuple):
    """What tells one measuring job from all others."""

    kind: str
    strategy: str
    campaign: str
    block: int

    @property
    def key(self) -> Key:
        return self.campaign, self.block


def job_of(row: Row) -> Job:
    """The job of a row of invocations.csv."""
    return Job(str(row["kind"]), str(row["strategy"]), str(row["campaign"]), int(number(row, "block") or 0))


@dataclass(frozen=True)
class Material:
    """A run's plan and its two tables of measurements."""

    plan: Plan
    invocations: Sequence[Row]
    timings: Sequence[Row]

    @cached_property
    def values(self) -> BlockValues:
        return block_values(self.invocations, self.timings)

    @cached_property
    def transfers(self) -> defaultdict[tuple[str, str], list[tuple[Key, Row]]]:
        """(scenario, strategy) -> its rows of timings.csv that are compared, each with its block."""
        keys = {str(row["invocation"]): job_of(row).key for row in self.invocations}
        warm = {scenario.id: 0 if scenario.cold else 1 for scenario in self.plan.scenarios}
        groups: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self.timings:
            groups[str(row["scenario"]), str(row["strategy"])].append(row)
        found: defaultdict[tuple[str, str], list[tuple[Key, Row]]] = defaultdict(list)
        for pair, rows in groups.items():
            found[pair] = [(keys[str(row["invocation"])], row) for row in compared(rows, warm.get(pair[0], 1))]
        return found

    @cached_property
    def jobs(self) -> defaultdict[tuple[str, str], list[tuple[Key, Row]]]:
        """(payload kind, strategy) -> its rows of invocations.csv, each with its block."""
        found: defaultdict[tuple[str, str], list[tuple[Key, Row]]] = defaultdict(list)
        for row in self.invocations:
            job = job_of(row)
            found[job.kind, job.strategy].append((job.key, row))
        return found

    def logs(self, scenario: Scenario, strategy: str) -> Logs:
        """Blocks that were cut off are left out. A campaign's id begins with its time, so the keys sort by time."""
        blocks = self.values.get((scenario.id, strategy), {})
        return {key: math.log(value) for key, value in sorted(blocks.items()) if math.isfinite(value)}

    def against_reference(self, scenario: Scenario, strategy: str) -> list[float]:
        """Log ratios to the reference of the blocks that both have."""
        mine, reference = (self.values.get((scenario.id, name), {}) for name in (strategy, self.plan.reference))
        return statistics.paired_log_ratios(mine, reference)

    def references(self, least: int) -> dict[Scenario, Logs]:
        """The reference in every scenario in which it has so many blocks."""
        found = {scenario: self.logs(scenario, self.plan.reference) for scenario in self.plan.scenarios}
        return {scenario: logs for scenario, logs in found.items() if len(logs) >= least}

    def candidates(self, least: int) -> Iterator[tuple[Scenario, str, Logs]]:
        """Every candidate in every scenario in which it has so many blocks."""
        for scenario in self.plan.scenarios:
            for strategy in taking_part(self.plan, scenario):
                logs = self.logs(scenario, strategy.id)
                if strategy.role == "candidate" and len(logs) >= least:
                    yield scenario, strategy.id, logs


Check: TypeAlias = Callable[[Material], "list[HealthWarning] | None"]
"""What it finds; None where there is nothing to look at: too few blocks, or columns that are empty."""


def warning(
    code: str, what: str, cause: str, remedy: str, *,
    sure: bool, scenario: Scenario | None = None, strategy: str = "", keys: Iterable[Key] = (),
) -> HealthWarning:  # fmt: skip
    """A warning if it is sure, else a note. The keys are blocks of the scenario."""
    return {
        "code": code,
        "severity": "warning" if sure else "note",
        "scenario": scenario.id if scenario else "",
        "strategy": strategy,
        "blocks": [f"{scenario.payload.kind} {block}" for _, block in keys] if scenario else [],
        "what": what,
        "cause": cause,
        "remedy": remedy,
    }
