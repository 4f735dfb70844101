"""The sheet that every figure is drawn on, and how it becomes an SVG file.

A figure's own file has one function, `draw(run) -> Drawing`. Its caption stands in the SVG twice: as
the picture's description for those who do not see it, and as text below it for those who meet the
picture alone. The report shows it as text of the page and cuts it off the picture.
"""

from __future__ import annotations

import importlib
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from handoff.figures import FIGURES
from handoff.figures.run import Run
from handoff.figures.style import BLANK, INK, QUIET, WIDTH, theme
from handoff.figures.svg import CAPTION, finish
from handoff.records import write_atomically

_LINE: Final = 0.18
"""Height of a line of the caption, in inches."""


MOST_PANELS: Final = 24
"""Of one picture. More would make a page that no browser likes; the tables on disk have them all."""


@dataclass(frozen=True)
class Drawing:
    """A picture and what must be said with it: how many blocks, what an interval is, what is not shown."""

    figure: Figure
    caption: str


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


def bare(axes: Axes, *sides: str) -> None:
    """Take the frame away on these sides."""
    for side in sides:
        axes.spines[side].set_visible(False)


def nothing(sentence: str) -> Drawing:
    """What a figure is when there is nothing to draw: the sentence that says so."""
    figure = Figure(figsize=(WIDTH, 0.8))
    figure.text(BLANK / WIDTH, 0.5, sentence, va="center", color=QUIET)
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


def to_svg(name: str, run: Run) -> str:
    """The figure of that name as the text of an SVG file: the same bytes for the same tables."""
    with theme():
        draw = importlib.import_module(f"handoff.figures.{name}").draw
        drawing: Drawing = draw(run)
        drawing = replace(drawing, caption=" ".join(filter(None, (drawing.caption, run.plan.pythons_said))))
        room = _with_caption(drawing)
        out = io.StringIO()
        drawing.figure.savefig(out, format="svg", metadata={"Date": None})
    return finish(out.getvalue(), FIGURES[name], drawing.caption, room)


def plot(name: str, run: Run, out: Path) -> None:
    """Write one figure to an SVG file."""
    write_atomically(out, to_svg(name, run))
