"""What one strategy looks like in every figure, and the theme that all figures share.

Colours are those of Okabe and Ito without their yellow, which is lost on white. A marker always
goes with the colour, so that nothing hangs on seeing colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from handoff.strategies import TABLE, find
from handoff.words import tick

COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
# Ten and seven have no common divisor: seventy strategies before a pair comes back.
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">")
DASHES: Final = ("-", (0, (6, 2)), (0, (1.5, 1.5)))

INK: Final = "#222222"
QUIET: Final = "#5f6368"
"""Floors, notes and rules: 6:1 on white."""
TIE: Final = "#e8eaed"
GRID: Final = "#eceff1"

BLANK: Final = 0.15
"""Between the figure's edge and what stands in it, in inches."""
WIDTH: Final = 9.6
"""Of every figure, in inches: 922 pixels of a browser, so that 9.5 points are 12.7 pixels."""


class Look(NamedTuple):
    """How one strategy is drawn."""

    colour: str
    marker: str
    dash: Any


def look(strategy: str) -> Look:
    """The look of a strategy, of its sentinel and of it under another interpreter; floors are grey."""
    base = strategy.split("@")[0]
    order = [line.id for line in TABLE]
    if base not in order:
        return Look(QUIET, "|", (0, (4, 3)))
    place = order.index(base)
    return Look(COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], DASHES[place % len(DASHES)])


def label(strategy: str, *more: str) -> str:
    """The strategy's id and in brackets what must be known of it: 'process_fork-inherit (unsafe)'."""
    known = find(strategy)
    marks = [mark for mark in ("floor" if known.is_floor else "", "" if known.safe else "unsafe", *more) if mark]
    return f"{strategy} ({', '.join(marks)})" if marks else strategy


@contextmanager
def theme() -> Iterator[None]:
    """seaborn's white grid, text as text, and identical bytes for identical data."""
    rc: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "handoff",
        "font.family": "sans-serif",
        # Layout is computed with DejaVu, which matplotlib brings; Verdana has its widths.
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
        "font.size": 9.5,
        "axes.titlesize": 10.5,
        "axes.labelsize": 9.5,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9.5,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.edgecolor": "#9aa0a6",
        "axes.linewidth": 0.8,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "hatch.linewidth": 0.6,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        # A user's name with two dollar signs is not a formula.
        "text.parse_math": False,
        "figure.facecolor": "white",
    }
    with sns.axes_style("whitegrid"), mpl.rc_context(rc):
        yield


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values between low and high for a logarithmic axis: as many as fit into `most`, two at least.

    Raises:
        ValueError: low is not positive, or high is not above it.
    """
    if not 0 < low < high:
        raise ValueError(f"no logarithmic axis goes from {low} to {high}")
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)):
        inside = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(inside) > most:
            break
        found = inside
    if not found and math.log10(high / low) > 1:
        every = math.ceil(len(decades) / most)
        return [10.0**decade for decade in decades if low <= 10.0**decade <= high][::every]
    if len(found) >= min(4, most):
        return found
    # A short span takes even steps, few of them: they crowd together towards its upper end.
    for intervals in (4, most - 1):
        even = [float(value) for value in MaxNLocator(intervals).tick_values(low, high) if low <= value <= high]
        if len(even) > 1:
            break
    return even


def time_axis(axes: Axes, which: str, most: int) -> None:
    """Make the x or y axis a logarithmic one of times, with at most so many labels."""
    axis, scale, limits = (
        (axes.xaxis, axes.set_xscale, axes.get_xlim) if which == "x" else (axes.yaxis, axes.set_yscale, axes.get_ylim)
    )
    scale("log")
    low, high = limits()
    # Where nothing has a time, nothing stands at the axis.
    axis.set_major_locator(FixedLocator(ticks(low, high, most)) if 0 < low < high else NullLocator())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
