"""The sheet that every figure is drawn on, and how it becomes an SVG, a PNG and a table.

A figure's own file has one function, `draw(run) -> Drawing`. Its caption stands in the SVG twice: as
the picture's description for those who do not see it, and as text below it for those who meet the
picture alone. The report shows it as text of the page and cuts it off the picture.
"""

from __future__ import annotations

import importlib
import io
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as File
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from handoff.figures import FIGURES
from handoff.figures.run import Run
from handoff.figures.style import BLANK, GRID, INK, QUIET, WIDTH, theme
from handoff.figures.svg import CAPTION, finish
from handoff.figures.table import Table, to_json
from handoff.records import write_atomically, write_bytes_atomically
from handoff.words import counted

_LINE: Final = 0.18
"""Height of a line of the caption, in inches."""


LETTER: Final = 0.081
"""Width of a letter of 9.5 points in a strategy's id, in inches, at most."""
DOTS: Final = 144
"""Of a PNG, an inch: twice those of a browser."""
TALLEST: Final = 16000
"""Of a PNG, in dots: a taller picture gets fewer an inch."""

MOST_PANELS: Final = 24
"""Scenarios of the report's details. More would make a page that no browser likes; the tables on disk have them all."""


@dataclass(frozen=True)
class Drawing:
    """A picture and what must be said with it: how many blocks, what an interval is, what is not shown."""

    figure: Figure
    caption: str
    table: Table = field(default_factory=Table)
    """The same in numbers."""


@dataclass(frozen=True)
class Margins:
    """Around the axes of a panel, in inches."""

    left: float = BLANK
    right: float = BLANK
    head: float = 0.5
    foot: float = 0.45


def sheet(bodies: Sequence[float], margins: Margins) -> tuple[Figure, list[Axes]]:
    """A figure of panels one below the other; bodies are the heights of their axes in inches."""
    height = sum(bodies) + len(bodies) * (margins.head + margins.foot)
    figure = Figure(figsize=(WIDTH, height))
    panels, top = [], height
    for body in bodies:
        bottom = top - margins.head - body
        width = WIDTH - margins.left - margins.right
        panels.append(figure.add_axes((margins.left / WIDTH, bottom / height, width / WIDTH, body / height)))
        top = bottom - margins.foot
    return figure, panels


def heading(axes: Axes, title: str, below: str = "") -> None:
    """A panel's title above it at the figure's left edge, and a quiet line under the title."""
    for said, up, size, weight, colour in ((title, 30, 10.5, "bold", INK), (below, 17, 8.5, "normal", QUIET)):
        axes.annotate(
            said, (0, 1), xycoords=("figure fraction", "axes fraction"), xytext=(72 * BLANK, up),
            textcoords="offset points", fontsize=size, fontweight=weight, color=colour, annotation_clip=False,
        )  # fmt: skip


def name_rows(axes: Axes, names: Sequence[str], room: float) -> None:
    """The names of a panel's rows, left of them; one that is longer than the room, in inches, is written smaller."""
    axes.set_yticks(range(len(names)), list(names))
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_fontsize(min(9.5, 9.5 * (room - BLANK) / (LETTER * max(1, len(name)))))


def bare(axes: Axes, *sides: str) -> None:
    """Take the frame away on these sides."""
    for side in sides:
        axes.spines[side].set_visible(False)


def spare(axes: Axes) -> None:
    """Draw a panel's grid as one stroke and its background not at all: each line would be a node of the page."""
    axes.patch.set_visible(False)
    axes.set_autoscale_on(False)
    which: Literal["x", "y"]
    for which in ("x", "y"):
        axis: Axis = axes.xaxis if which == "x" else axes.yaxis
        if not any(line.get_visible() for line in axis.get_gridlines()):
            continue
        low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
        places = [float(place) for place in axis.get_majorticklocs() if low <= place <= high]
        axes.grid(visible=False, axis=which)
        ends = [end for _ in places for end in (0.0, 1.0, math.nan)]
        along = [each for place in places for each in (place, place, math.nan)]
        across, transform = (
            ((along, ends), axes.get_xaxis_transform()) if which == "x" else ((ends, along), axes.get_yaxis_transform())
        )
        axes.plot(*across, color=GRID, linewidth=0.8, zorder=0.4, transform=transform)


Box: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right, top."""


def boxes(axes: Axes, those: Sequence[Box], **how: Any) -> None:
    """Rectangles that look alike, in the axes' data, as one path: each of its own would be a node of the page."""
    if those:
        corners = [[(x, y), (right, y), (right, top), (x, top), (x, y)] for x, y, right, top in those]
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(those)
        axes.add_patch(PathPatch(Path(np.concatenate(corners), codes), **how))


def beyond(shown: int, of: int, noun: str, where: str = "") -> str:
    """The sentence for the caption that says how much is left out; '' if nothing is."""
    return f"Also not shown: {counted(of - shown, 'more ' + noun)}{where}." if of > shown else ""


def nothing(sentence: str) -> Drawing:
    """What a figure is when there is nothing to draw: the sentence that says so, and what to measure to get it."""
    figure = Figure(figsize=(WIDTH, 0.8))
    figure.text(BLANK / WIDTH, 0.5, "\n".join(textwrap.wrap(sentence, 120)), va="center", color=QUIET)
    return Drawing(figure, sentence)


def _with_caption(drawing: Drawing) -> float:
    """Make room below the picture and write the caption there; returns that room's height in points."""
    figure = drawing.figure
    lines = textwrap.wrap(drawing.caption, 140)
    width, height = figure.get_size_inches()
    room = _LINE * len(lines) + 2 * BLANK
    for axes in figure.axes:
        box = axes.get_position()
        bottom, tall = (box.y0 * height + room) / (height + room), box.height * height / (height + room)
        axes.set_position((box.x0, bottom, box.width, tall))
    for label in figure.texts:
        x, y = label.get_position()
        label.set_position((x, (y * height + room) / (height + room)))
    figure.set_size_inches(width, height + room)
    top = (room - BLANK) / (height + room)
    figure.text(BLANK / width, top, "\n".join(lines), va="top", color=QUIET, fontsize=9, gid=CAPTION)
    return 72 * room


def _drawn(name: str, run: Run) -> tuple[Drawing, float]:
    """The figure with its caption below it, and that caption's height in points; inside theme() alone."""
    draw = importlib.import_module(f"handoff.figures.{name}").draw
    drawing: Drawing = draw(run)
    drawing = replace(drawing, caption=" ".join(filter(None, (drawing.caption, run.plan.pythons_said))))
    return drawing, _finished(drawing)


def _finished(drawing: Drawing) -> float:
    room = _with_caption(drawing)
    for axes in drawing.figure.axes:
        spare(axes)
    return room


def _svg(title: str, drawing: Drawing, room: float) -> str:
    out = io.StringIO()
    drawing.figure.savefig(out, format="svg", metadata={"Date": None})
    return finish(out.getvalue(), title, drawing.caption, room)


def _png(drawing: Drawing) -> bytes:
    # Agg draws no more than 65,535 pixels in a row, and nobody looks at half as many.
    dots = min(DOTS, TALLEST / drawing.figure.get_size_inches()[1])
    out = io.BytesIO()
    # matplotlib would write its version into the file.
    drawing.figure.savefig(out, format="png", dpi=dots, metadata={"Software": None})
    return out.getvalue()


def to_svg(name: str, run: Run) -> str:
    """The figure of that name as the text of an SVG file: the same bytes for the same tables."""
    with theme():
        return _svg(FIGURES[name], *_drawn(name, run))


def to_png(name: str, run: Run) -> bytes:
    """The same picture as a PNG file, with its caption: the same bytes for the same tables and matplotlib."""
    with theme():
        return _png(_drawn(name, run)[0])


def plot(name: str, run: Run, out: File) -> None:
    """Write one figure to an SVG file, and beside it the same picture as .png and what it shows as .json."""
    with theme():
        drawing, room = _drawn(name, run)
        _write(FIGURES[name], drawing, room, out)


def plot_apart(title: str, draw: Callable[[], Drawing], out: File) -> None:
    """The same of a figure that is none of a run's: `draw` makes it, in the house's theme."""
    with theme():
        drawing = draw()
        _write(title, drawing, _finished(drawing), out)


def _write(title: str, drawing: Drawing, room: float, out: File) -> None:
    picture, pixels = _svg(title, drawing, room), _png(drawing)
    write_atomically(out.with_suffix(".json"), to_json(title, drawing.caption, drawing.table))
    write_bytes_atomically(out.with_suffix(".png"), pixels)
    write_atomically(out, picture)
