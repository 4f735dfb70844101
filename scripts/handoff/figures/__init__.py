"""Figures: one file each in this folder, one line each in the table below.

This module needs the standard library alone, so that a workflow can list the figures without
loading what draws them. handoff.figures.drawing loads a figure's own file when it is drawn.
"""

from __future__ import annotations

from typing import Final

FIGURES: Final = {
    "ranking": "Which way is fastest, scenario by scenario",
    "time_against_size": "How the time grows with the payload",
    "workers": "How the time changes with the number of workers",
    "phases": "Where the time goes",
    "failures": "What worked, what did not",
}
"""Name of the figure's file here and of its SVG -> its title, in the report's order."""


def figure_names() -> tuple[str, ...]:
    """The names that `scripts/plot_figure.py --figure` knows, in the report's order."""
    return tuple(FIGURES)
