"""Time against size: for each kind, task, pattern and worker count with two sizes or more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from handoff.figures.drawing import Drawing, Margins, bare, heading, nothing, sheet
from handoff.figures.quantities import counted, shortened
from handoff.figures.run import Run, number, text
from handoff.figures.style import INK, QUIET, label, look, time_axis
from handoff.scenarios import Scenario, format_size
from handoff.strategies import find

BODY: Final = 4.4
MARGINS: Final = Margins(left=0.95, right=3.85, head=0.75, foot=0.6)
MOST: Final = 12
"""Panels: they are tall."""
LETTER: Final = 0.175
"""Height of one direct label, in inches."""


def _families(run: Run) -> list[list[Scenario]]:
    """Scenarios that differ in size alone, smallest first; those with one size are left out."""
    families: dict[tuple[object, ...], list[Scenario]] = {}
    for scenario in run.plan.scenarios:
        payload = scenario.payload
        if payload.size and run.rows(scenario, "candidate"):
            how = (scenario.task, scenario.pattern, scenario.workers, scenario.calls, scenario.cold)
            key = (payload.kind, payload.options, *how)
            families.setdefault(key, []).append(scenario)
    grown = [sorted(family, key=lambda scenario: scenario.payload.size) for family in families.values()]
    return [family for family in grown if len({scenario.payload.size for scenario in family}) >= 2]


def _title(scenario: Scenario) -> tuple[str, str]:
    workers, kind = counted(scenario.workers, "worker"), scenario.payload.kind
    each = f"each of {workers}" if scenario.workers > 1 else workers
    said = {
        "send": f"send one {kind} to {each}",
        "return": f"return one {kind} from {each}",
        "reuse": f"make {counted(scenario.calls, 'call')} over one {kind} on {workers}",
    }.get(scenario.pattern, f"{scenario.pattern} {kind}, {workers}")
    options = " ".join(f"{name} {value}" for name, value in scenario.payload.options)
    cold = ", first transfer of a cold pool" if scenario.cold else ""
    return said + cold, f"task {scenario.task}" + (f", {options}" if options else "")


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


@dataclass(frozen=True)
class Line:
    """One strategy's points, and in words the sizes at which it has none."""

    strategy: str
    sizes: list[int]
    medians: list[float]
    lows: list[float | None]
    highs: list[float | None]
    missing: str


def _line(run: Run, family: Sequence[Scenario], strategy: str) -> Line:
    found = [(scenario.payload.size, row) for scenario in family if (row := run.row(scenario, strategy)) is not None]
    timed = [(size, row, median) for size, row in found if (median := number(row, "median_s")) is not None]
    missing = [
        f"{format_size(size)}: {text(row, 'status').replace('_', ' ')}"
        for size, row in found
        if number(row, "median_s") is None and row["status"] != "unsupported"
    ]
    return Line(
        strategy,
        [size for size, _, _ in timed],
        [median for _, _, median in timed],
        [number(row, "low_s") for _, row, _ in timed],
        [number(row, "high_s") for _, row, _ in timed],
        ", ".join(missing),
    )


def _plot(axes: Axes, line: Line) -> None:
    if find(line.strategy).is_floor:
        axes.plot(line.sizes, line.medians, color=QUIET, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1.5)
        return
    colour, marker, dash = look(line.strategy)
    axes.plot(
        line.sizes, line.medians, color=colour, linestyle=dash, linewidth=1.6,
        marker=marker, markersize=6, markeredgecolor="white", markeredgewidth=0.6,
    )  # fmt: skip
    lows, highs = np.array(line.lows, dtype=float), np.array(line.highs, dtype=float)
    axes.fill_between(line.sizes, lows, highs, color=colour, alpha=0.18, linewidth=0, zorder=1.2)


def _name(axes: Axes, line: Line, place: float, largest: int) -> None:
    """The strategy's name right of its last point, and a thin line between them where there is one."""
    floor, (colour, marker, _) = find(line.strategy).is_floor, look(line.strategy)
    if line.sizes:
        # Dotted where the last point is not the largest size: it must not be taken for a measurement.
        dotted = (0, (1, 3)) if line.sizes[-1] < largest else "-"
        axes.annotate(
            "", (line.sizes[-1], line.medians[-1]), (1.035, place), xycoords="data", textcoords="axes fraction",
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.7, "linestyle": dotted, "shrinkA": 0, "shrinkB": 4,
            },
        )  # fmt: skip
    if not floor:
        axes.plot([1.045], [place], marker, color=colour, markersize=5.5, transform=axes.transAxes, clip_on=False)
    said = shortened(label(line.strategy, line.missing), 50)
    axes.text(1.065, place, said, transform=axes.transAxes, va="center", fontsize=9, color=QUIET if floor else INK)


def _panel(axes: Axes, run: Run, family: Sequence[Scenario]) -> None:
    sizes = [scenario.payload.size for scenario in family]
    strategies = dict.fromkeys(text(row, "strategy") for s in family for row in run.rows(s, "candidate", "floor"))
    lines = [line for name in strategies if (line := _line(run, family, name)).sizes or line.missing]
    for line in lines:
        if line.sizes:
            _plot(axes, line)
    axes.set_xscale("log")
    axes.set_xlim(sizes[0] / 1.15, sizes[-1] * 1.15)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.set_xticks(sizes, [format_size(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(y=0.05)
    time_axis(axes, "y", most=10)
    axes.set_xlabel("size of one payload")
    heading(axes, *_title(family[0]))

    low, high = np.log(axes.get_ylim())
    ends = sorted(lines, key=lambda line: line.medians[-1] if line.sizes else float("inf"))
    heights = [(float(np.log(line.medians[-1])) - low) / (high - low) if line.sizes else 1.0 for line in ends]
    for line, place in zip(ends, apart(heights, LETTER / BODY, 0.0, 1.0), strict=True):
        _name(axes, line, place, sizes[-1])
    bare(axes, "right", "top")


def draw(run: Run) -> Drawing:
    """One panel for every family of scenarios that differ in size alone."""
    families = _families(run)
    timed = [f for f in families if any(number(r, "median_s") is not None for s in f for r in run.rows(s, "candidate"))]
    if not timed:
        return nothing("No line to draw: no kind, task, pattern and worker count was measured with two sizes or more.")
    figure, panels = sheet([BODY] * len(timed[:MOST]), MARGINS)
    for axes, family in zip(panels, timed, strict=False):
        _panel(axes, run, family)
    caption = (
        f"Median time of one transfer against the payload's size, both logarithmic, over {run.blocks_said}. "
        f"Bands are the medians' intervals. {run.interval_said} "
        "Between the measured sizes the lines are a guide, not a measurement. Dashed grey: the floors, for one task "
        "alone. Sizes at which a strategy failed or ran out of time stand beside its name. "
        "Not shown: strategies that cannot carry this payload, scenarios of a single size, first transfers."
    )
    if len(timed) > MOST:
        caption += f" Also not shown: {len(timed) - MOST} more panels; their times stand in summary.csv."
    return Drawing(figure, caption)
