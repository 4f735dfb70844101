"""Which way to take where, as the decision map draws it: by a payload's size and a task's length. Pure functions.

The time of a way is what it was measured to take beside the task (handoff.costs.overheads) and one task, since all
workers do theirs at once; the caller alone does one task after another. This is the sum behind costs.break_even.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Final

from handoff import strategies
from handoff.contest import unmet
from handoff.costs import PAYING, but_size
from handoff.figures.curve_groups import below_said, family_said
from handoff.figures.run import Run
from handoff.records import Row
from handoff.scenarios import Scenario
from handoff.strategies import find
from handoff.words import number, text

LOOP: Final = "plain loop"
"""No workers: the caller does one task after another."""
SHORTEST_S: Final = 1e-9
"""An overhead that is no longer than that, or below 0, was not seen."""


COLUMNS, ROWS = 96, 88
"""Places at which the map is worked out; an area's edge is as sharp as that."""


@dataclass(frozen=True)
class Choice:
    """What to take in one place, and who is as good."""

    chosen: str
    """The simplest of those within the tie zone of the fastest."""
    rival: str = ""
    """The fastest other one within the tie zone; '' if there is none."""


def choose(times: Mapping[str, float], tie_zone: float) -> Choice | None:
    """Of the ways with these seconds; None if there are none."""
    if not times:
        return None
    best = min(times.values())
    equals = sorted((name for name in times if times[name] <= best * (1 + tie_zone)), key=lambda name: times[name])
    chosen = min(equals, key=_simplicity)
    return Choice(chosen, next((name for name in equals if name != chosen), ""))


@cache
def _simplicity(name: str) -> tuple[bool, tuple[bool, int, int, str]]:
    """Sorts simplest first: nothing is simpler than a loop."""
    return (name != LOOP, (False, 0, 0, "") if name == LOOP else find(name).simplicity)


def usable(run: Run, scenario: Scenario, row: Row) -> bool:
    """Whether a way has a time that can be believed there, and meets the config's needs."""
    if number(row, "median_s") is None or row["status"] != "ok" or "below_floor" in text(row, "flags").split():
        return False
    return not unmet(find(text(row, "strategy")), scenario, run.plan.needs)


@dataclass(frozen=True)
class Curve:
    """Of one way the seconds that a transfer takes beside the task, over the payload's size."""

    asked: tuple[int, ...]
    """Sizes at which the config asks for it, in bytes, ascending."""
    known: Mapping[int, float]
    """Size -> seconds, the median over blocks, where it is usable."""

    def at(self, size: float) -> float | None:
        """The seconds by a straight line, both logarithmic, between the two sizes asked for around this one.

        None outside of them, and where one of the two has no time: nothing is extrapolated, and no failure is bridged.
        """
        if size in self.known:
            return self.known[int(size)]
        place = bisect_right(self.asked, size)
        if not 0 < place < len(self.asked):
            return None
        low, high = self.asked[place - 1], self.asked[place]
        if low not in self.known or high not in self.known or size == low:
            return None
        share = math.log(size / low) / math.log(high / low)
        return math.exp((1 - share) * math.log(self.known[low]) + share * math.log(self.known[high]))


def curve(run: Run, family: Sequence[Scenario], strategy: str) -> Curve:
    """Of scenarios that differ in the payload's size alone, smallest first."""
    asked, known = [], {}
    for scenario in family:
        row = run.row(scenario, strategy)
        if row is None:
            continue
        asked.append(scenario.payload.size)
        blocks = run.overheads.get((scenario.id, strategy), {})
        if blocks and usable(run, scenario, row):
            known[scenario.payload.size] = max(SHORTEST_S, median(blocks.values()))
    return Curve(tuple(asked), known)


def times_of(beside: Mapping[str, float], task: float, workers: int, holds_gil: bool = False) -> dict[str, float]:
    """Seconds of every way with tasks of that length, the plain loop among them; `beside` has what each adds to them.

    One worker cannot beat the caller, so that with one the loop is left out: the question is then which way to take
    if the work must be done elsewhere. Where the task holds the GIL, threads do one after another, too.
    """
    found = {LOOP: workers * task} if workers > 1 else {}
    for name, seconds in beside.items():
        found[name] = seconds + task * (workers if holds_gil and _threads(name) else 1)
    return found


@cache
def _threads(name: str) -> bool:
    return not strategies.executor_facts(find(name).executor).processes


Grid = list[list[Choice | None]]
"""Row by row from the shortest task, column by column from the smallest payload."""


@dataclass(frozen=True)
class Map:
    """One panel of sizes and lengths of a task."""

    family: tuple[Scenario, ...]
    curves: dict[str, Curve]
    sizes: tuple[int, ...]
    """Measured ones, ascending."""
    tasks: tuple[float, float]
    """The shortest and the longest."""
    holds_gil: bool

    @property
    def workers(self) -> int:
        return self.family[0].workers

    def column(self, size: float, tasks: Sequence[float], tie_zone: float) -> list[Choice | None]:
        """What to take with a payload of that size, for each length of a task; None where no way has a time."""
        beside = {name: at for name, each in self.curves.items() if (at := each.at(size)) is not None}
        if not beside:
            return [None] * len(tasks)
        return [choose(times_of(beside, task, self.workers, self.holds_gil), tie_zone) for task in tasks]

    def centres(self) -> tuple[list[float], list[float]]:
        """Sizes and lengths in the middle of each column and row of the grid."""
        return _middles(self.sizes[0], self.sizes[-1], COLUMNS), _middles(*self.tasks, ROWS)

    def grid(self, tie_zone: float) -> Grid:
        sizes, tasks = self.centres()
        columns = [self.column(each, tasks, tie_zone) for each in sizes]
        return [list(line) for line in zip(*columns, strict=True)]

    @property
    def title(self) -> str:
        held = "holds the GIL" if self.holds_gil else "lets go of the GIL"
        return family_said(self.family[0]) + (f", a task that {held}" if self.workers > 1 else "")

    @property
    def below(self) -> str:
        alone = "one worker never beats a plain loop: the way to take if the work must be done elsewhere; "
        return ("" if self.workers > 1 else alone) + below_said(self.family[0]).replace(
            "task", "measured with the task"
        )


def _middles(low: float, high: float, count: int) -> list[float]:
    return [low * (high / low) ** ((place + 0.5) / count) for place in range(count)]


def maps(run: Run) -> list[Map]:
    """Of each kind, task and pattern those with most workers; a single worker only where there are no more.

    A second one for tasks that hold the GIL stands beside every one that threads take part in.
    """
    families: dict[tuple[object, ...], list[Scenario]] = {}
    for scenario in run.plan.scenarios:
        if scenario.pattern in PAYING and scenario.payload.size:
            families.setdefault(but_size(scenario), []).append(scenario)
    best: dict[tuple[object, ...], Map] = {}
    for scenarios in families.values():
        made = _map(run, sorted(scenarios, key=lambda each: each.payload.size))
        if made is not None:
            first = made.family[0]
            key = first.payload.kind, first.payload.options, first.task, first.pattern, first.cold
            if key not in best or made.workers > best[key].workers:
                best[key] = made
    found = []
    for made in best.values():
        found.append(made)
        threads = any(map(_threads, made.curves))
        if threads and made.workers > 1:
            found.append(Map(made.family, made.curves, made.sizes, made.tasks, holds_gil=True))
    return found


def _map(run: Run, family: Sequence[Scenario]) -> Map | None:
    names = dict.fromkeys(text(row, "strategy") for each in family for row in run.rows(each, "candidate"))
    curves = {name: found for name in names if (found := curve(run, family, name)).known}
    ways = Counter(place for found in curves.values() for place in found.known)
    # Where one way alone was measured, there is nothing to decide.
    sizes = tuple(sorted(place for place in ways if ways[place] > 1 or len(curves) == 1))
    if len(sizes) < 2:
        return None
    beside = [value for found in curves.values() for value in found.known.values()]
    # From where nothing pays to where all that is measured does.
    shortest = 10.0 ** math.floor(math.log10(max(1e-6, min(beside)) / 3))
    longest = 10.0 ** math.ceil(math.log10(max(1e-5, *beside) * 10))
    return Map(tuple(family), curves, sizes, (shortest, longest), holds_gil=False)
