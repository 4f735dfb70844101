"""Time against nodes, as projected: dashed lines on a hatched ground, so that nobody takes it for measured.

Not one of a run's own figures: scripts/project_cluster.py draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from handoff.figures.drawing import Drawing, Margins, bare, beyond, boxes, heading, nothing, sheet
from handoff.figures.lines import LETTER, apart
from handoff.figures.style import GRID, INK, QUIET, look, time_axis
from handoff.figures.table import Table
from handoff.records import Row
from handoff.words import counted, shortened, text

TITLE: Final = "Projection: how the time would grow with the number of nodes"
BODY: Final = 4.4
MARGINS: Final = Margins(left=0.95, right=3.85, head=0.75, foot=0.6)
MOST_LINES: Final = 20
DASHED: Final = (0, (5, 2.5))


def draw(rows: Sequence[Row], question: str) -> Drawing:
    """Of the rows of projection.csv: a line a strategy. `question` says in one sentence what is projected."""
    if not rows:
        return nothing("No projection: no strategy that was asked for was measured in this payload's scenario.")
    of_all: dict[str, dict[int, float]] = {}
    for row in rows:
        of_all.setdefault(text(row, "strategy"), {})[int(text(row, "nodes"))] = float(text(row, "total_s"))
    ordered = sorted(of_all, key=lambda name: (-max(of_all[name]), of_all[name][max(of_all[name])]))
    shown = ordered[:MOST_LINES]
    counts = sorted({nodes for points in of_all.values() for nodes in points})
    figure, (axes,) = sheet([BODY], MARGINS)
    ends = []
    for name in shown:
        colour, marker, _ = look(name)
        points = of_all[name]
        axes.plot(
            list(points), list(points.values()), color=colour, linestyle=DASHED, linewidth=1.5,
            marker=marker, markersize=6, markerfacecolor="white", markeredgecolor=colour, markeredgewidth=1.2,
        )  # fmt: skip
        ends.append((list(points.values())[-1], name))
    axes.set_xscale("log")
    axes.set_xlim(counts[0] / 1.2, counts[-1] * 1.2)
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.xaxis.set_major_locator(FixedLocator(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(y=0.08)
    time_axis(axes, "y", most=10)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    boxes(axes, [(left, bottom, right, top)], facecolor="none", edgecolor=GRID, hatch="//", linewidth=0, zorder=0.2)
    low, high = np.log([bottom, top])
    ends.sort()
    heights = [(float(np.log(seconds)) - low) / (high - low) for seconds, _ in ends]
    for (seconds, name), height in zip(ends, apart(heights, LETTER / BODY, 0.0, 1.0), strict=True):
        colour, marker, _ = look(name)
        axes.annotate(
            "", (max(of_all[name]), seconds), (1.035, height), xycoords="data", textcoords="axes fraction",
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.7, "linestyle": (0, (1, 3)), "shrinkA": 0,
                "shrinkB": 4,
            },
        )  # fmt: skip
        axes.plot([1.045], [height], marker, color=colour, markersize=5.5, markerfacecolor="white",
                  transform=axes.transAxes, clip_on=False)  # fmt: skip
        axes.text(1.065, height, shortened(name, 50), transform=axes.transAxes, va="center", fontsize=9, color=INK)
    axes.text(0.02, 0.96, "projection", transform=axes.transAxes, va="top", fontsize=11, color=QUIET, style="italic")
    bare(axes, "right", "top")
    workers = int(text(rows[0], "workers"))
    axes.set_xlabel(f"nodes, {counted(workers, 'worker')} each")
    heading(axes, TITLE, "computed from one machine's measured phases; nobody has measured it")
    caption = " ".join(filter(None, (
        f"{question} Time until the last reply, both axes logarithmic. Dashed lines, open markers, hatched ground: a "
        "projection, also at one node. A way that cannot leave its host ends at one node.",
        beyond(len(shown), len(ordered), "strategy", "; projection.csv has them"),
    )))  # fmt: skip
    cells = tuple(
        (text(row, "what"), text(row, "strategy"), float(text(row, "nodes")), float(text(row, "total_s")))
        for row in rows
    )
    return Drawing(figure, caption, Table(("what", "strategy", "nodes", "time, s"), cells))
