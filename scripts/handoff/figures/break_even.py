"""Break-even: from which length of a task on workers beat a plain loop."""

from __future__ import annotations

import math
from typing import Final

from handoff.figures.curve_groups import Group, cells, groups
from handoff.figures.drawing import Drawing, beyond, heading, nothing, sheet
from handoff.figures.forest import MARGINS, ROW, Mark, draw_marks, limits
from handoff.figures.run import Run
from handoff.figures.style import label, look, ticks
from handoff.figures.table import Table
from handoff.records import Row
from handoff.words import interval, number, seconds, size, text, tick

MOST_PANELS: Final = 6
MOST_ROWS: Final = 40
"""Of the whole picture."""
COLUMNS: Final = {
    "break_even_bytes": "payload, bytes",
    "break_even_task_s": "pays from a task of, s",
    "break_even_low_s": "low, s",
    "break_even_high_s": "high, s",
}
"""Of costs.csv -> of the table."""


def _mark(row: Row, reference: str, largest: float) -> Mark:
    value, low, high = cells(row, "break_even_task_s", "break_even_low_s", "break_even_high_s")
    strategy = text(row, "strategy")
    assert value is not None
    held = number(row, "break_even_bytes") or largest
    smaller = f"with {size(held)}" if held < largest else ""
    said = " ".join(filter(None, ("always" if value <= 0 else seconds(value), interval(low, high, seconds), smaller)))
    high = math.inf if high is None and low is not None else high
    name = label(strategy, "reference" if strategy == reference else "")
    return Mark(name, value, low, high, said, look(strategy), hollow=bool(smaller))


def _largest(group: Group) -> float:
    """The payload that most of its rows hold for, in bytes; 0 where nobody knows."""
    return max((number(row, "break_even_bytes") or 0.0 for row in group.rows), default=0.0)


def _rows(group: Group, reference: str, most: int) -> list[Row]:
    """Those that pay from the shortest tasks on, and the reference; last those known with smaller payloads alone."""
    timed = [row for row in group.rows if number(row, "break_even_task_s") is not None]

    def place(row: Row) -> tuple[float, float, str]:
        smaller = _largest(group) - (number(row, "break_even_bytes") or 0.0)
        return (smaller, number(row, "break_even_task_s") or 0.0, text(row, "strategy"))

    timed.sort(key=place)
    base = [row for row in timed if row["strategy"] == reference]
    kept = {text(row, "strategy") for row in [*base, *timed][:most]}
    return [row for row in timed if row["strategy"] in kept]


def draw(run: Run) -> Drawing:
    """One panel for every family of scenarios that has any; a row a strategy, shortest tasks first."""
    paying = [group for group in groups(run) if any(number(row, "break_even_task_s") is not None for row in group.rows)]
    if not paying:
        return nothing(
            "There is no break-even to show: it takes the pattern send or broadcast with two workers or more, "
            "and a transfer that succeeded."
        )
    shown = paying[:MOST_PANELS]
    rows = [_rows(group, run.plan.reference, MOST_ROWS // len(shown)) for group in shown]
    figure, panels = sheet([ROW * len(those) + 0.1 for those in rows], MARGINS)
    marks = [
        [_mark(row, run.plan.reference, _largest(group)) for row in those]
        for group, those in zip(shown, rows, strict=True)
    ]
    ends = limits([mark for those in marks for mark in those])
    for axes, group, those in zip(panels, shown, marks, strict=True):
        draw_marks(axes, those, ends, ticks(*ends, 6), tick)
        largest = _largest(group)
        heading(axes, group.title, group.below + (f"; payload of {size(largest)}" if largest else ""))
    caption = (
        "How long a task must take until the workers beat the caller who does all tasks one after another, "
        f"{run.blocks_said}, on a logarithmic axis: all that a transfer takes beside the "
        "task, divided by the workers less one. "
        f"{run.interval_said} A longer task pays, a shorter one does not. Threads: only for tasks that let go of the "
        "GIL; with others they never pay. Hollow: failed with the largest payload, so a smaller one is told. "
        "It holds for workers that do not hinder each other. "
        "Not shown: start-up of the workers, single workers, which cannot beat the caller, "
        "and smaller payloads where the largest is known."
    )
    every = sum(number(row, "break_even_task_s") is not None for group in shown for row in group.rows)
    left_out = (
        beyond(len(shown), len(paying), "panel", "; costs.csv has them"),
        beyond(sum(map(len, rows)), every, "line", ", of ways that pay later"),
    )
    table = tuple(
        (group.title, text(row, "strategy"), *cells(row, *COLUMNS)) for group, those in zip(shown, rows, strict=True)
        for row in those
    )  # fmt: skip
    return Drawing(
        figure, " ".join(filter(None, (caption, *left_out))), Table(("what", "strategy", *COLUMNS.values()), table)
    )
