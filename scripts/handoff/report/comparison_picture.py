"""One scenario of several runs as a picture: each way's time and its ratio to the reference, a mark for each run."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from handoff.figures.drawing import bare
from handoff.figures.style import BLANK, COLOURS, INK, MARKERS, QUIET, TIE, WIDTH, label, theme, ticks
from handoff.figures.svg import finish
from handoff.records import Row
from handoff.report.pictures import own_ids
from handoff.words import number, ratio, shortened, text, tick

MARK: Final = 0.15
"""Height of one run's mark, in inches."""
LEFT, BETWEEN, RIGHT, FOOT = 2.75, 0.35, 0.3, 0.4
"""Around the two axes, in inches."""
HEADING: Final = 0.32
LEGEND_LINE: Final = 0.22
IN_A_LINE: Final = 3
"""Runs in a line of the legend."""
MOST_TICKS: Final = 5


@dataclass(frozen=True)
class Panel:
    """What is drawn of one scenario."""

    title: str
    runs: Sequence[str]
    ways: Sequence[tuple[str, Sequence[Row | None]]]
    """Strategy, and its row of summary.csv in each run; None where the run has none."""
    reference: str
    tie_zone: float
    machines_differ: bool


def _mark(axes: Axes, run: int, y: float, middle: float, low: float | None, high: float | None) -> None:
    colour, marker = COLOURS[run % len(COLOURS)], MARKERS[run % len(MARKERS)]
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot([middle], [y], marker, color=colour, markersize=6, markeredgecolor="white", markeredgewidth=0.6)


def _row(times: Axes, ratios: Axes, panel: Panel, run: int, y: float, row: Row) -> None:
    median, share = number(row, "median_s"), number(row, "ratio_to_reference")
    if median is None:
        # Where a time would stand, in the run's own colour.
        status = text(row, "status").replace("_", " ")
        times.text(
            0.01, y, f"{status} in {shortened(panel.runs[run], 20)}", transform=times.get_yaxis_transform(),
            va="center", fontsize=7.5, color=QUIET,
        )  # fmt: skip
        return
    _mark(times, run, y, median, number(row, "low_s"), number(row, "high_s"))
    if share is not None and share > 0 and text(row, "strategy") != panel.reference:
        _mark(ratios, run, y, share, number(row, "ratio_low"), number(row, "ratio_high"))


def _axis(axes: Axes, said: Callable[[float], str]) -> None:
    """A logarithmic axis half a page wide: 1, 3, 10, ... over more than a power of ten, as far as there is room."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    places = [step * 10.0**power for power in powers for step in (1, 3) if low <= step * 10.0**power <= high]
    if len(places) > MOST_TICKS:
        places = [place for place in places if f"{place:.0e}".startswith("1")]
    places = places[:: math.ceil(len(places) / MOST_TICKS)] if high > 10 * low else ticks(low, high, MOST_TICKS)
    axes.set_xticks(places, [said(place) for place in places])
    axes.minorticks_off()


def _legend(figure: Figure, panel: Panel, height: float) -> None:
    marks = [
        Line2D([], [], color=COLOURS[run % len(COLOURS)], marker=MARKERS[run % len(MARKERS)], linewidth=2, markersize=6)
        for run in range(len(panel.runs))
    ]
    # matplotlib leaves names out that begin with an underscore.
    names = [f" {shortened(name, 36)}" for name in panel.runs]
    figure.legend(
        marks, names, loc="upper left", bbox_to_anchor=(BLANK / WIDTH, 1 - 0.04 / height), ncols=IN_A_LINE,
        frameon=False, fontsize=9, borderaxespad=0, borderpad=0, labelcolor=INK,
    )  # fmt: skip


def _figure(panel: Panel) -> Figure:
    count = len(panel.runs)
    row = max(0.24, MARK * count + 0.08)
    body, head = row * max(1, len(panel.ways)), HEADING + LEGEND_LINE * math.ceil(count / IN_A_LINE)
    height = head + body + FOOT
    figure = Figure(figsize=(WIDTH, height))
    wide = (WIDTH - LEFT - BETWEEN - RIGHT) / 2
    times, ratios = (
        figure.add_axes((left / WIDTH, FOOT / height, wide / WIDTH, body / height))
        for left in (LEFT, LEFT + wide + BETWEEN)
    )
    zone = 1 + panel.tie_zone
    ratios.axvspan(1 / zone, zone, color=TIE, zorder=0.5, linewidth=0)
    for place, (_, rows) in enumerate(panel.ways):
        for run, found in enumerate(rows):
            if found is not None:
                _row(times, ratios, panel, run, place + (run - (count - 1) / 2) * MARK / row, found)
    different = ", of different machines" if panel.machines_differ else ""
    for axes, title in ((times, f"time of one transfer{different}"), (ratios, f"ratio to {panel.reference}")):
        axes.set_title(title, fontsize=9, fontweight="normal", color=QUIET)
        axes.set_ylim(max(1, len(panel.ways)) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        # A quiet rule between two ways: their marks stand close together.
        for between in range(1, len(panel.ways)):
            axes.axhline(between - 0.5, color=TIE, linewidth=0.7, zorder=0.4)
        axes.margins(x=0.08)
        bare(axes, "left", "right", "top")
    ways = [label(name, "reference" if name == panel.reference else "") for name, _ in panel.ways]
    times.set_yticks(range(len(ways)), ways)
    ratios.set_yticks([])
    _axis(times, tick)
    _axis(ratios, ratio)
    _legend(figure, panel, height)
    return figure


def drawn(panel: Panel, name: str) -> Markup | None:
    """The panel as SVG for a page, its ids beginning with that name; None if no run has a time of any way.

    Ways without a time in any run are left out: the table below has their reasons.
    """
    timed = [way for way in panel.ways if any(row and number(row, "median_s") is not None for row in way[1])]
    if not timed:
        return None
    panel = replace(panel, ways=timed)
    out = io.StringIO()
    with theme(), warnings.catch_warnings():
        # Text stays text: a browser has the letters that matplotlib's font lacks.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        _figure(panel).savefig(out, format="svg", metadata={"Date": None})
    said = (
        "Medians with their intervals for each way, a colour and a mark for each run; on the left times, on the right "
        f"ratios to {panel.reference}, both on logarithmic axes. Shaded: the tie zone. Not drawn: ways without a time."
    )
    root = ElementTree.fromstring(finish(out.getvalue(), panel.title, said, 0))
    own_ids(root, name)
    # Everything in it was escaped as it was written: an SVG that can be parsed holds no stray markup.
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # nosec B704
