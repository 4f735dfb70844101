"""Tables as data of the page: the script makes their rows when somebody looks at them.

A column of text is kept as its different values and, for each row, the place of one: ten thousand rows of a
hundred strategies are then small. Numbers have six digits; the file that a table comes from has all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from markupsafe import Markup

from handoff.figures.run import Run
from handoff.health.twice import Sentinel
from handoff.records import Row
from handoff.report.costs import Group
from handoff.words import interval

Cell: TypeAlias = str | float | None

DIGITS: Final = 6
UNITS: Final = {"s": "seconds", "bytes": "bytes"}
"""Unit at the end of a figure's column, as in 'median, s' -> how its numbers are shown."""
TEXTS: Final = {"strategy": "strategy", "reason": "long", "in words": "long"}
"""A figure's column of text -> how it is shown, where it is not plain."""


@dataclass(frozen=True)
class Column:
    """A column: its name where it is copied as CSV, its heading, how its cells are shown.

    form: 'text', 'long' (text that needs room), 'strategy', 'seconds', 'bytes', 'speed', 'ratio', 'count' or 'number'.
    quiet: shown only where all columns are asked for.
    """

    name: str
    title: str
    form: str = "text"
    quiet: bool = False


@dataclass(frozen=True)
class Table:
    """What a table of the page holds; origin: the file of the run's folder that has the same and all digits."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    origin: str


SUMMARY_COLUMNS: Final = (
    Column("scenario", "scenario"),
    Column("strategy", "strategy", "strategy"),
    Column("role", "role"),
    Column("median_s", "median", "seconds"),
    Column("low_s", "median from", "seconds"),
    Column("high_s", "median to", "seconds"),
    Column("ratio_to_reference", "of the reference", "ratio"),
    Column("ratio_low", "ratio from", "ratio"),
    Column("ratio_high", "ratio to", "ratio"),
    Column("verdict", "verdict"),
    Column("ratio_to_best", "of the best", "ratio"),
    Column("first_s", "first transfer", "seconds"),
    Column("peak_extra_bytes", "extra memory", "bytes"),
    Column("n_blocks", "blocks", "count"),
    Column("status", "status"),
    Column("flags", "flags"),
    Column("reason", "reason", "long"),
    Column("payload", "payload", quiet=True),
    Column("kind", "kind", quiet=True),
    Column("payload_bytes", "size", "bytes", quiet=True),
    Column("task", "task", quiet=True),
    Column("pattern", "pattern", quiet=True),
    Column("workers", "workers", "count", quiet=True),
    Column("executor", "executor", quiet=True),
    Column("transport", "transport", quiet=True),
    Column("storage", "storage", quiet=True),
    Column("floor_fraction", "floor over it", "ratio", quiet=True),
    Column("bandwidth_bytes_per_s", "bandwidth", "speed", quiet=True),
    Column("stop_reason", "stopped for", quiet=True),
)
"""Of summary.csv, in the page's order."""


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def summary(run: Run) -> Table:
    """The whole summary, scenario by scenario, the fastest first."""

    def cells(row: Row) -> list[Cell]:
        named = {**row, "verdict": "reference" if row["strategy"] == run.plan.reference else row["verdict"]}
        return [_cell(named.get(column.name)) for column in SUMMARY_COLUMNS]

    rows = [cells(row) for group in run.by_scenario.values() for row in group]
    return Table("All scenarios and strategies", SUMMARY_COLUMNS, rows, "summary.csv")


def of_figure(title: str, names: Sequence[str], rows: Sequence[Sequence[Cell]], origin: str) -> Table:
    """A figure's numbers. The unit at the end of a column's name, as in 'median, s', says how they are shown."""
    columns = []
    for place, name in enumerate(names):
        title_, _, unit = name.rpartition(", ")
        texts = any(isinstance(row[place], str) for row in rows)
        if texts or not rows:
            columns.append(Column(name, name, TEXTS.get(name, "text")))
        elif unit in UNITS and title_:
            columns.append(Column(name, title_, UNITS[unit]))
        else:
            columns.append(Column(name, name, "ratio" if name.startswith(("ratio", "share")) else "number"))
    return Table(title, tuple(columns), rows, origin)


def costs(groups: Sequence[Group], reference: str) -> Table:
    """The fitted curves of all questions."""
    columns = (
        Column("what", "what"), Column("sizes", "fitted to"), Column("strategy", "strategy", "strategy"),
        Column("latency", "latency"), Column("bandwidth", "bandwidth"), Column("beyond", "beyond"),
        Column("off", "off"), Column("meets", f"as {reference}"),
    )  # fmt: skip
    rows = [
        [group.what, group.sizes, line.strategy, line.latency, line.bandwidth, line.beyond, line.off, line.meets]
        for group in groups for line in group.lines
    ]  # fmt: skip
    return Table("What handing over costs, fitted", columns, rows, "costs.csv")


def twice(found: Sequence[Sentinel]) -> Table:
    """Each comparison of a strategy with itself."""
    columns = (
        Column("scenario", "scenario"), Column("strategy", "strategy", "strategy"), Column("ratio", "ratio", "ratio"),
        Column("interval", "interval"), Column("blocks", "blocks", "count"), Column("holds_1", "holds 1"),
    )  # fmt: skip
    said = {None: "not known", True: "yes", False: "no"}
    rows: list[list[Cell]] = [
        [each.scenario.id, each.strategy, each.ratio, interval(each.low, each.high), each.n_blocks, said[each.agrees]]
        for each in found
    ]
    return Table("Measured twice in each block, time over time", columns, rows, "timings.csv")


def warnings(found: Iterable[Mapping[str, Any]]) -> Table:
    """Warnings of health.json, as they are."""
    names = ("scenario", "strategy", "severity", "what", "cause", "remedy")
    forms = ("text", "strategy", "text", "long", "long", "long")
    columns = tuple(Column(name, name, form) for name, form in zip(names, forms, strict=True))
    rows = [[str(each[name]) for name in names] for each in found]
    return Table("Warnings and notes about other strategies", columns, rows, "health.json")


def jobs(rows: Sequence[Row]) -> Table:
    """Measuring jobs that did not end well, with what they wrote."""
    columns = (
        Column("strategy", "strategy", "strategy"), Column("kind", "kind"), Column("block", "block", "count"),
        Column("status", "status"), Column("fail_phase", "got as far as"), Column("fail_reason", "reason", "long"),
        Column("signal", "signal"), Column("swept", "left behind"), Column("stderr_tail", "standard error", "long"),
    )  # fmt: skip
    cells = [[_cell(row.get(column.name)) for column in columns] for row in rows]
    return Table("Measuring jobs that did not end well", columns, cells, "invocations.csv")


def rejected(answers: Sequence[Mapping[str, Any]], most: int) -> Table:
    """Why not the others, for each answer by its number; of very many no more than that in all, each answer alike."""
    columns = (Column("answer", "answer", "count"), Column("strategy", "strategy"), Column("because", "because"))
    each = max(1, most // max(1, len(answers)))
    rows: list[list[Cell]] = []
    for number, answer in enumerate(answers, start=1):
        others = [[number, other["strategy"], other["because"]] for other in answer["rejected"]]
        fit = len(others) if len(others) <= each else each - 1
        rows += others[:fit]
        if left := len(others) - fit:
            rows.append([number, "", f"{left} more stand in recommendations.json."])
    return Table("Why not the others", columns, rows, "recommendations.json")


def packed(table: Table) -> dict[str, Any]:
    """The table as the page's script reads it."""
    columns = []
    for place, column in enumerate(table.columns):
        cells = [row[place] for row in table.rows]
        about: dict[str, Any] = {"name": column.name, "title": column.title, "form": column.form}
        if column.quiet:
            about["quiet"] = 1
        if column.form in ("text", "long", "strategy"):
            texts = ["" if each is None else each if isinstance(each, str) else f"{each:.{DIGITS}g}" for each in cells]
            levels = {level: number for number, level in enumerate(dict.fromkeys(texts))}
            about |= {"levels": list(levels), "cells": [levels[each] for each in texts]}
        else:
            about["cells"] = [_short(cell) for cell in cells]
        columns.append(about)
    return {"title": table.title, "columns": columns, "length": len(table.rows)}


def _short(cell: Cell) -> Cell:
    """The number with six digits; with nine where it would then lie between two shorter ones, and be rounded twice."""
    if not isinstance(cell, float):
        return cell
    digits = f"{cell:.{DIGITS - 1}e}".split("e")[0].replace(".", "").rstrip("0")
    short = float(f"{cell:.9g}" if digits.endswith("5") and len(digits) < DIGITS else f"{cell:.{DIGITS}g}")
    if short != short or abs(short) == float("inf"):
        return None
    return int(short) if short == int(short) and abs(short) < 2**53 else short


def embedded(data: Any) -> Markup:
    """Data as JSON for a script element: nothing in it can end the element or be taken for markup.

    JSON in ASCII escapes U+2028, U+2029 and whatever turns the direction of writing by itself.
    """
    said = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for sign in "<>&":
        said = said.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(said)  # nosec B704 # just escaped
