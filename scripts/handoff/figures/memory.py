"""Memory against time: what a quick way takes beyond the payload, and which ways no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from handoff.figures.drawing import Box, Drawing, Margins, bare, beyond, heading, nothing, sheet
from handoff.figures.forest import sizes_between
from handoff.figures.run import Run, telling, words
from handoff.figures.style import INK, QUIET, WIDTH, label, look, time_axis
from handoff.figures.table import Table
from handoff.scenarios import Scenario
from handoff.words import number, size, text

BODY: Final = 3.6
"""Height of a panel's axes, in inches."""
MARGINS: Final = Margins(left=1.05, right=0.4, head=0.66, foot=0.6)
MOST_PANELS: Final = 4
MOST_POINTS: Final = 20
"""Of a panel."""
LETTER: Final = 0.078, 0.15
"""Width and height of a letter of a name, in inches."""


class Point(NamedTuple):
    """A strategy in one scenario."""

    strategy: str
    seconds: float
    extra: float
    """Bytes; 0 where it took none that could be seen."""


def points(run: Run, scenario: Scenario) -> list[Point]:
    """Candidates with a time and a peak, fastest first."""
    found = []
    for row in run.timed(scenario, "candidate"):
        median, extra = number(row, "median_s"), number(row, "peak_extra_bytes")
        if median is not None and extra is not None:
            found.append(Point(text(row, "strategy"), median, extra))
    return found


def front(those: Sequence[Point]) -> list[Point]:
    """The Pareto front, fastest first: whom no other one beats in time without taking more memory."""
    found: list[Point] = []
    for point in sorted(those, key=lambda each: (each.seconds, each.extra)):
        if not found or point.extra < found[-1].extra:
            found.append(point)
    return found


class Place(NamedTuple):
    """Of a name, in inches of the axes: its box, and which end of it stands beside the point."""

    left: float
    bottom: float
    right: float
    top: float
    side: str


def placed(
    names: Sequence[str], at: Sequence[tuple[float, float]], room: tuple[float, float], barred: Sequence[Box] = ()
) -> list[Place | None]:
    """A place for each name beside its point, one after another; None where every side is taken.

    `at` are the points in inches of the axes, `room` is the axes' width and height. A name may cover neither a
    point nor an earlier name nor what is barred, and stays inside.
    """
    taken = [*((x - 0.06, y - 0.06, x + 0.06, y + 0.06) for x, y in at), *barred]
    found: list[Place | None] = []
    for name, (x, y) in zip(names, at, strict=True):
        wide, high = LETTER[0] * len(name), LETTER[1]
        sides = [
            Place(x + 0.09, y - high / 2, x + 0.09 + wide, y + high / 2, "left"),
            Place(x - 0.09 - wide, y - high / 2, x - 0.09, y + high / 2, "right"),
            Place(x - wide / 2, y + 0.08, x + wide / 2, y + 0.08 + high, "center"),
            Place(x - wide / 2, y - 0.08 - high, x + wide / 2, y - 0.08, "center"),
            Place(x + 0.06, y + 0.05, x + 0.06 + wide, y + 0.05 + high, "left"),
            Place(x + 0.06, y - 0.05 - high, x + 0.06 + wide, y - 0.05, "left"),
            Place(x - 0.06 - wide, y + 0.05, x - 0.06, y + 0.05 + high, "right"),
            Place(x - 0.06 - wide, y - 0.05 - high, x - 0.06, y - 0.05, "right"),
        ]
        free = (side for side in sides if _inside(side, room) and not any(_touch(side, other) for other in taken))
        found.append(next(free, None))
        if (place := found[-1]) is not None:
            taken.append(place[:4])
    return found


def _inside(place: Place, room: tuple[float, float]) -> bool:
    return place.left >= 0 and place.bottom >= 0 and place.right <= room[0] and place.top <= room[1]


def _touch(place: Place, other: Box) -> bool:
    left, bottom, right, top = other
    return place.left < right and left < place.right and place.bottom < top and bottom < place.top


def _chosen(those: list[Point], reference: str) -> list[Point]:
    """Of too many the front, the reference, then the fastest; in the order in which names find their places."""
    first = [*front(those), *(point for point in those if point.strategy == reference)]
    return list(dict.fromkeys([*first, *those]))[:MOST_POINTS]


def _panel(axes: Axes, run: Run, scenario: Scenario, those: list[Point]) -> None:
    known = [point.extra for point in those if point.extra > 0] or [1024.0]
    # What cannot be seen stands at the foot of the axis, which has no place for 0.
    none = min(known) / 8
    heights = [point.extra or none for point in those]
    times = [point.seconds for point in those]
    spread = max(1.6, (max(times) / min(times)) ** 0.12)
    axes.set_yscale("log")
    axes.set_xlim(min(times) / spread, max(times) * spread**1.6)
    axes.set_ylim(min(heights) / 2.2, max(heights) * 2.6)
    time_axis(axes, "x", most=8)
    ends = axes.get_ylim()
    has_none = min(point.extra for point in those) <= 0
    ticks = [place for place in sizes_between(*ends) if not has_none or place > none * 2]
    axes.yaxis.set_major_locator(FixedLocator([none, *ticks] if has_none else ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: "none" if has_none and value <= none else size(value))
    )

    best = front(those)
    steps = [(point.seconds, point.extra or none) for point in best]
    # Along the edge: to the right first, since nobody on the front takes less memory any sooner.
    edge = [
        steps[0],
        *(corner for one, two in pairwise(steps) for corner in ((two[0], one[1]), two)),
    ]
    axes.plot(*zip(*edge, strict=True), color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    for point, height in zip(those, heights, strict=True):
        colour, marker, _ = look(point.strategy)
        axes.plot([point.seconds], [height], marker, color=colour, markersize=7, markeredgecolor="white", clip_on=False)
    _names(axes, run, those, heights, best, edge)
    axes.set_xlabel("median time of one transfer")
    axes.set_ylabel("extra memory at its peak")
    heading(axes, words(scenario), scenario.id)
    bare(axes, "right", "top")


def _names(
    axes: Axes, run: Run, those: list[Point], heights: list[float], best: list[Point], edge: list[tuple[float, float]]
) -> None:
    room = WIDTH - MARGINS.left - MARGINS.right, BODY
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()

    def inches(x: float, y: float) -> tuple[float, float]:
        return (
            room[0] * math.log(x / left) / math.log(right / left),
            room[1] * math.log(y / low) / math.log(high / low),
        )

    at = [inches(point.seconds, height) for point, height in zip(those, heights, strict=True)]
    names = [label(each.strategy, "reference" if each.strategy == run.plan.reference else "") for each in those]
    barred = [
        (min(one[0], two[0]) - 0.02, min(one[1], two[1]) - 0.02, max(one[0], two[0]) + 0.02, max(one[1], two[1]) + 0.02)
        for one, two in pairwise([inches(*corner) for corner in edge])
    ]
    for point, name, place in zip(those, names, placed(names, at, room, barred), strict=True):
        if place is not None:
            x = {"left": place.left, "right": place.right, "center": (place.left + place.right) / 2}[place.side]
            axes.text(
                x / room[0], (place.bottom + place.top) / 2 / room[1], name, transform=axes.transAxes, fontsize=8.5,
                ha=place.side, va="center", color=INK if point in best else QUIET,
            )  # fmt: skip


def draw(run: Run) -> Drawing:
    """One panel for the largest payload of each kind and pattern."""
    known = [scenario for scenario in run.plan.scenarios if points(run, scenario)]
    if not known:
        return nothing(
            "There is no memory to show: no transfer of this run succeeded with its memory looked at. "
            "Any transfer that succeeds on Linux has it."
        )
    shown = telling(known, MOST_PANELS)
    chosen = [_chosen(points(run, scenario), run.plan.reference) for scenario in shown]
    figure, panels = sheet([BODY] * len(shown), MARGINS)
    for axes, scenario, those in zip(panels, shown, chosen, strict=True):
        _panel(axes, run, scenario, those)
    cut = sum(len(points(run, scenario)) for scenario in shown) - sum(map(len, chosen))
    caption = (
        f"The most memory that a transfer takes beyond what was there before, against its median time over "
        f"{run.blocks_said}, both logarithmic: lower left is better. Sender and workers together, shared pages once, "
        "from transfers that are not timed. The dashed edge joins those that no other way beats in both; their names "
        "are darker. A point whose name found no room is in the table. "
        "Not shown: intervals (see the ranking), ways without a time, what an interpreter itself takes."
    )
    left_out = (
        beyond(len(shown), len(known), "scenario", "; summary.csv has them"),
        beyond(0, cut, "way", ", slower and no smaller"),
    )
    rows = tuple(
        (words(scenario), point.strategy, point.seconds, point.extra, "yes" if point in front(those) else "no")
        for scenario, those in zip(shown, chosen, strict=True) for point in sorted(those, key=lambda each: each.seconds)
    )  # fmt: skip
    columns = ("scenario", "strategy", "median, s", "extra memory, bytes", "on the front")
    return Drawing(figure, " ".join(filter(None, (caption, *left_out))), Table(columns, rows))
