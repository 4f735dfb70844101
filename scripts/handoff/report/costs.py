"""What handing over costs, in words and for tables: from the rows of costs.csv."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from handoff.figures.curve_groups import KEY
from handoff.records import Row
from handoff.words import NONE, counted, interval, number, percent, seconds, size, text


@dataclass(frozen=True)
class Line:
    """One strategy's costs, as they stand in a table."""

    strategy: str
    latency: str
    bandwidth: str
    beyond: str
    off: str
    meets: str


@dataclass(frozen=True)
class Group:
    """Scenarios that differ in the payload's size alone."""

    what: str
    sizes: str
    lines: tuple[Line, ...]


def _what(row: Row) -> str:
    options = f" ({text(row, 'payload_options')})" if row["payload_options"] else ""
    cold = ", cold pool" if row["cold"] else ""
    workers = counted(int(number(row, "workers") or 0), "worker")
    return f"{text(row, 'kind')}{options}, {text(row, 'task')}, {text(row, 'pattern')}, {workers}{cold}"


def _speed(value: float | None) -> str:
    return NONE if value is None else f"{size(value)}/s"


def _ranged(row: Row, name: str, low: str, high: str, form: str) -> str:
    how = {"seconds": seconds, "speed": _speed, "size": size}[form]
    value = number(row, name)
    doubt = interval(number(row, low), number(row, high), how)
    return NONE if value is None else f"{how(value)} {doubt}".rstrip()


def _line(row: Row) -> Line:
    step = number(row, "step_bytes")
    beyond = _ranged(row, "bandwidth_beyond_bytes_per_s", "bandwidth_beyond_low_bytes_per_s",
                     "bandwidth_beyond_high_bytes_per_s", "speed")  # fmt: skip
    meets = _ranged(row, "crossover_with_reference_bytes", "crossover_low_bytes", "crossover_high_bytes", "size")
    residual = number(row, "residual")
    return Line(
        text(row, "strategy"),
        _ranged(row, "latency_s", "latency_low_s", "latency_high_s", "seconds"),
        _ranged(row, "bandwidth_bytes_per_s", "bandwidth_low_bytes_per_s", "bandwidth_high_bytes_per_s", "speed"),
        NONE if step is None else f"{beyond} past {size(step)}",
        NONE if residual is None else percent(residual, 2),
        f"{meets} (extrapolated)" if row["crossover_extrapolated"] else meets,
    )


def groups(costs: Sequence[Row]) -> list[Group]:
    """The curves that could be fitted, those of one question together."""
    fitted = [row for row in costs if row["latency_s"] is not None]
    found = []
    for _, rows in groupby(fitted, key=lambda row: [row[name] for name in KEY]):
        lines = list(rows)
        smallest, largest = number(lines[0], "smallest_bytes"), number(lines[0], "largest_bytes")
        found.append(Group(_what(lines[0]), f"{size(smallest)} to {size(largest)}", tuple(map(_line, lines))))
    return found


def break_evens(costs: Iterable[Row], strategies: Iterable[str]) -> list[str]:
    """From which task on workers pay, a sentence for each question and each of these strategies that has one."""
    wanted, said = set(strategies), []
    for row in costs:
        if row["break_even_task_s"] is None or row["strategy"] not in wanted:
            continue
        length = _ranged(row, "break_even_task_s", "break_even_low_s", "break_even_high_s", "seconds")
        gil = ", if they let go of the GIL" if "GIL" in text(row, "note") else ""
        at = size(number(row, "break_even_bytes")) if row["break_even_bytes"] else "this payload"
        said.append(
            f"{_what(row)}: by {text(row, 'strategy')}, workers pay from {length} of work on, with {at} each{gil}."
        )
    return said


def contention_said(costs: Iterable[Row]) -> str:
    """That nothing can be said of how workers hinder each other, where that is so; '' where costs.csv has figures."""
    rows = list(costs)
    if not rows or any(row["contention"] is not None for row in rows):
        return ""
    return "How much workers hinder each other cannot be told: that takes 4 different numbers of workers."
