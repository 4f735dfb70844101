"""Figures: one file each in this folder, one line each in the table below.

This module needs the standard library alone, so that a workflow can list the figures without
loading what draws them. handoff.figures.drawing loads a figure's own file when it is drawn.
"""

from __future__ import annotations

from typing import Final

FIGURES: Final = {
    "ranking": "Which way is fastest, scenario by scenario",
    "decision_map": "Which way to take, by payload and by task",
    "timeline": "Who does what, and when",
    "phases": "Where the time goes",
    "time_against_size": "How the time grows with the payload",
    "crossovers": "From which size on another way is cheaper",
    "break_even": "How long a task must run until workers pay",
    "memory": "What the time costs in memory",
    "start_up": "How long it takes until workers are there",
    "workers": "How the time changes with the number of workers",
    "failures": "What worked, what did not",
    "drift": "Whether the machine stayed the same",
}
"""Name of the figure's file here and of what it is written to -> its title, in the report's order."""


def figure_names() -> tuple[str, ...]:
    """The names that `scripts/plot_figure.py --figure` knows, in the report's order."""
    return tuple(FIGURES)
