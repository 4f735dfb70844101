"""Start-up: how long it takes until workers are there, which is paid once and is no part of any transfer's time."""

from __future__ import annotations

from statistics import median
from typing import Final

from handoff.figures.drawing import Drawing, beyond, heading, nothing, sheet
from handoff.figures.forest import MARGINS, ROW, Mark, draw_marks, limits
from handoff.figures.run import Run
from handoff.figures.style import COLOURS, Look, ticks
from handoff.figures.table import Table
from handoff.records import Row
from handoff.statistics import median_interval
from handoff.strategies import executor_facts, find
from handoff.words import counted, interval, number, seconds, text, tick

MOST: Final = 24
"""Executors."""


def _by_executor(invocations: list[Row]) -> dict[str, list[float]]:
    """Seconds of each job, by executor and Python: 'pool_spawn@py313'. Floors start nothing."""
    found: dict[str, list[float]] = {}
    for row in invocations:
        strategy, start = find(text(row, "strategy")), number(row, "start_s")
        if start is not None and start > 0 and not strategy.is_floor:
            name = f"{strategy.executor}@{strategy.interpreter}" if strategy.interpreter else strategy.executor
            found.setdefault(name, []).append(start)
    return dict(sorted(found.items(), key=lambda item: median(item[1])))


def _mark(name: str, starts: list[float], level: float) -> Mark:
    found, middle = median_interval(starts, level), median(starts)
    low, high = found or (None, None)
    said = " ".join(filter(None, (seconds(middle), interval(low, high, seconds))))
    processes = executor_facts(name.partition("@")[0]).processes
    drawn = Look(COLOURS[0], "o", "-") if processes else Look(COLOURS[1], "s", "-")
    return Mark(name, middle, low, high, f"{said}, {counted(len(starts), 'job')}", drawn)


def draw(run: Run) -> Drawing:
    """One panel, a row an executor, quickest first."""
    found = _by_executor(run.invocations)
    if not found:
        return nothing("There is no start-up to show: no job of this run got its workers to answer.")
    marks = [_mark(name, starts, run.plan.level) for name, starts in found.items()]
    shown = marks[:MOST]
    figure, (axes,) = sheet([ROW * len(shown) + 0.1], MARGINS)
    ends = limits(shown)
    draw_marks(axes, shown, ends, ticks(*ends, 6), tick)
    heading(axes, "until every worker has answered", "median of jobs")
    counts = [len(starts) for starts in found.values()]
    caption = (
        f"Seconds from making the executor until all its workers had answered, {run.blocks_said}; a job is one "
        "strategy of one payload kind in one block, and jobs of all transports that this executor carries are "
        "taken together. Round: processes of their own; square: threads or interpreters inside the caller's. "
        f"{_interval_said(min(counts))} It is paid once and no part of any time in the other pictures. "
        "Not shown: first transfers, which are slower than later ones, and the floors, which start nothing."
    )
    rows = tuple((mark.name, mark.value, mark.low, mark.high, len(found[mark.name])) for mark in shown)
    columns = ("executor", "median until ready, s", "low, s", "high, s", "jobs")
    said = " ".join(filter(None, (caption, beyond(len(shown), len(marks), "executor"))))
    return Drawing(figure, said, Table(columns, rows))


def _interval_said(fewest: int) -> str:
    few = " Where there are fewer than 6 jobs there is none." if fewest < 6 else ""
    return f"Intervals hold the true median with at least 95 % confidence (exact, from order statistics of jobs).{few}"
