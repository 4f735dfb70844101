"""Rows of a value with its interval on a logarithmic axis, and what to say of each beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import blended_transform_factory

from handoff.figures.drawing import Margins, bare, name_rows
from handoff.figures.style import Look
from handoff.words import shortened

ROW: Final = 0.24
"""Height of one row, in inches."""
MARGINS: Final = Margins(left=2.75, right=2.9, head=0.66, foot=0.5)
BESIDE: Final = 1.03
"""Where the words begin, in widths of the axes."""
LONGEST: Final = 46
"""Letters of the words beside a row."""


@dataclass(frozen=True)
class Mark:
    """One row. An end of the interval that nobody knows is infinite, or 0 at the lower end; None is no interval."""

    name: str
    value: float
    """0 or below lies left of every axis: the row gets an arrow there."""
    low: float | None
    high: float | None
    said: str
    look: Look
    hollow: bool = False


def limits(marks: Sequence[Mark], *more: float) -> tuple[float, float]:
    """Ends of an axis that holds all values, their known ends as far as a factor of 100 around them, and `more`."""
    found = [mark.value for mark in marks if mark.value > 0] + list(more)
    for mark in marks:
        found += [
            end for end in (mark.low, mark.high)
            if end is not None and mark.value > 0 and mark.value / 100 <= end <= mark.value * 100
        ]  # fmt: skip
    low, high = (min(found), max(found)) if found else (1e-3, 1.0)
    spread = max(1.3, (high / low) ** 0.06)
    return low / spread, high * spread


def draw_marks(
    axes: Axes, marks: Sequence[Mark], ends: tuple[float, float], places: Sequence[float], said: Callable[[float], str]
) -> None:
    """The rows from top to bottom; `places` are the axis' labels, which `said` puts into words."""
    low, high = ends
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    for y, mark in enumerate(marks):
        colour, marker, _ = mark.look
        if mark.low is not None and mark.high is not None and mark.value > 0:
            left, right = max(mark.low, low), min(mark.high, high)
            known = low <= mark.low and mark.high <= high
            axes.plot([left, right], [y, y], color=colour, linewidth=2 if known else 0.9, solid_capstyle="butt")
            for end, beyond, shape in ((low, mark.low < low, "<"), (high, mark.high > high, ">")):
                if beyond:
                    axes.plot([end], [y], shape, color=colour, markersize=5, clip_on=False)
        face = "white" if mark.hollow else colour
        edge = colour if mark.hollow else "white"
        at, shape = (mark.value, marker) if mark.value > low else (low, "<")
        axes.plot(
            [at], [y], shape, color=face, markersize=7, markeredgecolor=edge, clip_on=False,
            markeredgewidth=1.5 if mark.hollow else 0.7,
        )  # fmt: skip
        axes.text(BESIDE, y, shortened(mark.said, LONGEST), transform=beside, va="center", fontsize=9)
    axes.set_ylim(len(marks) - 0.4, -0.6)
    name_rows(axes, [mark.name for mark in marks], MARGINS.left)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(list(places)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value)))
    axes.grid(axis="y", visible=False)
    bare(axes, "left", "right", "top")


def sizes_between(low: float, high: float, most: int = 7) -> list[float]:
    """Powers of 2 for an axis of bytes, evenly spread, at most so many."""
    first, last = math.ceil(math.log2(low)), math.floor(math.log2(high))
    every = max(1, math.ceil((last - first + 1) / most))
    # Even steps from 1 KiB on: 64 KiB and 1 MiB are read more easily than 32 KiB and 512 KiB.
    start = first + (-(first - 10)) % every
    return [2.0**power for power in range(start, last + 1, every)]
