"""Lines of time over a size or a number of workers, a line a strategy, each with its name at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from handoff.figures.drawing import Drawing, Margins, bare, beyond, heading, sheet
from handoff.figures.run import Run
from handoff.figures.style import INK, QUIET, label, look, time_axis
from handoff.figures.table import Cell, Table
from handoff.scenarios import Scenario
from handoff.strategies import find
from handoff.words import number, shortened, text

BODY: Final = 4.4
"""Height of a panel's axes, in inches."""
MARGINS: Final = Margins(left=0.95, right=3.85, head=0.75, foot=0.6)
MOST_PANELS: Final = 5
MOST_LINES: Final = 40
"""Of candidates in the whole picture: each is some ten nodes of the page, and a panel with more is a thicket."""
LETTER: Final = 0.175
"""Height of one direct label, in inches."""


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, at least gap apart and inside [low, high] if they fit there.

    wanted must be sorted. The places keep its order.
    """
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + gap) if places else max(place, low))
    # What was pushed over the upper edge pushes back.
    limit = high
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], limit)
        limit = places[index] - gap
    return places


def has_times(run: Run, family: Iterable[Scenario]) -> bool:
    """Whether any candidate has a time in any of the scenarios."""
    return any(number(row, "median_s") is not None for each in family for row in run.rows(each, "candidate"))


@dataclass(frozen=True)
class Line:
    """One strategy's points, and in words the places at which it has none."""

    strategy: str
    places: list[int]
    medians: list[float]
    lows: list[float | None]
    highs: list[float | None]
    missing: str


def _line(run: Run, points: Mapping[int, Scenario], strategy: str, said: Callable[[int], str]) -> Line:
    found = [(place, row) for place, each in points.items() if (row := run.row(each, strategy)) is not None]
    timed = [(place, row, median) for place, row in found if (median := number(row, "median_s")) is not None]
    missing = [
        f"{said(place)}: {text(row, 'status').replace('_', ' ')}"
        for place, row in found
        if number(row, "median_s") is None and row["status"] != "unsupported"
    ]
    return Line(
        strategy,
        [place for place, _, _ in timed],
        [median for _, _, median in timed],
        [number(row, "low_s") for _, row, _ in timed],
        [number(row, "high_s") for _, row, _ in timed],
        ", ".join(missing),
    )


def _plot(axes: Axes, line: Line) -> None:
    if find(line.strategy).is_floor:
        axes.plot(line.places, line.medians, color=QUIET, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1.5)
        return
    colour, marker, dash = look(line.strategy)
    axes.plot(
        line.places, line.medians, color=colour, linestyle=dash, linewidth=1.6,
        marker=marker, markersize=6, markeredgecolor="white", markeredgewidth=0.6,
    )  # fmt: skip
    lows, highs = np.array(line.lows, dtype=float), np.array(line.highs, dtype=float)
    axes.fill_between(line.places, lows, highs, color=colour, alpha=0.18, linewidth=0, zorder=1.2)


def _name(axes: Axes, line: Line, height: float, last: int) -> None:
    """The strategy's name right of its last point, and a thin line between them where there is one."""
    floor, (colour, marker, _) = find(line.strategy).is_floor, look(line.strategy)
    if line.places:
        # Dotted where the last point is not at the axis' end: it must not be taken for a measurement.
        dotted = (0, (1, 3)) if line.places[-1] < last else "-"
        axes.annotate(
            "", (line.places[-1], line.medians[-1]), (1.035, height), xycoords="data", textcoords="axes fraction",
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.7, "linestyle": dotted, "shrinkA": 0, "shrinkB": 4,
            },
        )  # fmt: skip
    if not floor:
        axes.plot([1.045], [height], marker, color=colour, markersize=5.5, transform=axes.transAxes, clip_on=False)
    said = shortened(label(line.strategy, line.missing), 50)
    axes.text(1.065, height, said, transform=axes.transAxes, va="center", fontsize=9, color=QUIET if floor else INK)


def lines_of(run: Run, points: Mapping[int, Scenario], said: Callable[[int], str], most: int) -> tuple[list[Line], int]:
    """The lines of a panel, and how many candidates are left out; `said` puts a place into words.

    Of more than so many candidates those stay that come closest to the fastest at any place, and the reference.
    """
    closest: dict[str, float] = {}
    for each in points.values():
        timed = run.timed(each, "candidate")
        for row in run.rows(each, "candidate"):
            name, median = text(row, "strategy"), number(row, "median_s")
            best = number(timed[0], "median_s") if timed else None
            share = median / best if median and best else math.inf
            closest[name] = min(share, closest.get(name, math.inf))
    base = run.plan.reference
    ordered = sorted(closest, key=lambda name: (name != base, closest[name]))
    found = [line for name in ordered if (line := _line(run, points, name, said)).places or line.missing]
    floors = dict.fromkeys(text(row, "strategy") for each in points.values() for row in run.rows(each, "floor"))
    below = [line for name in floors if (line := _line(run, points, name, said)).places]
    return [*found[:most], *below], max(0, len(found) - most)


def draw_lines(axes: Axes, lines: Sequence[Line], places: Sequence[int], said: Callable[[int], str]) -> None:
    """Times at their places, which are sorted; `said` puts a place into words."""
    for line in lines:
        if line.places:
            _plot(axes, line)
    axes.set_xscale("log")
    axes.set_xlim(places[0] / 1.15, places[-1] * 1.15)
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.set_xticks(places, [said(place) for place in places])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(y=0.05)
    time_axis(axes, "y", most=10)

    low, high = np.log(axes.get_ylim())
    ends = sorted(lines, key=lambda line: line.medians[-1] if line.places else float("inf"))
    heights = [(float(np.log(line.medians[-1])) - low) / (high - low) if line.places else 1.0 for line in ends]
    for line, height in zip(ends, apart(heights, LETTER / BODY, 0.0, 1.0), strict=True):
        _name(axes, line, height, places[-1])
    bare(axes, "right", "top")


@dataclass(frozen=True)
class Panel:
    """One picture of lines: what it is called, a line under the title, its axis and its scenarios by their place."""

    title: str
    below: str
    axis: str
    column: str
    """The axis in a table."""
    points: Mapping[int, Scenario]


def draw_panels(run: Run, panels: Sequence[Panel], said: Callable[[int], str], caption: str) -> Drawing:
    """One below the other, as many as a page can hold; the caption gets what is left out."""
    shown = panels[:MOST_PANELS]
    figure, sheets = sheet([BODY] * len(shown), MARGINS)
    rows: list[tuple[Cell, ...]] = []
    fewer = 0
    for axes, panel in zip(sheets, shown, strict=True):
        lines, cut = lines_of(run, panel.points, said, MOST_LINES // len(shown))
        fewer += cut
        draw_lines(axes, lines, list(panel.points), said)
        axes.set_xlabel(panel.axis)
        heading(axes, panel.title, panel.below)
        for line in lines:
            parts = zip(line.places, line.medians, line.lows, line.highs, strict=True)
            rows += [(panel.title, line.strategy, *each) for each in parts]
    left_out = (
        beyond(len(shown), len(panels), "panel", "; summary.csv has their times"),
        beyond(0, fewer, "line", " of the panels shown, of ways that are nowhere among the fastest"),
    )
    columns = ("what", "strategy", shown[0].column, "median, s", "low, s", "high, s")
    return Drawing(figure, " ".join(filter(None, (caption, *left_out))), Table(columns, tuple(rows)))
