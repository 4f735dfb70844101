"""Which way to take where, as the decision map draws it: by a payload's size and a task's length. Pure functions.

The time of a way is what it was measured to take beside the task (handoff.costs.overheads) and one task, since all
workers do theirs at once; the caller alone does one task after another. This is the sum behind costs.break_even.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Final

from handoff import strategies
from handoff.contest import unmet
from handoff.figures.run import Run
from handoff.records import Row
from handoff.scenarios import Scenario
from handoff.strategies import find
from handoff.words import number, text

LOOP: Final = "plain loop"
"""No workers: the caller does one task after another."""
SHORTEST_S: Final = 1e-9
"""An overhead that is no longer than that, or below 0, was not seen."""


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
