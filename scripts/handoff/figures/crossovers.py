"""Crossovers: the size of the payload at which a way costs what the reference does."""

from __future__ import annotations

import math
import textwrap
from dataclasses import replace
from typing import Final

from matplotlib.axes import Axes

from handoff.figures.curve_groups import Group, cells, groups
from handoff.figures.drawing import Drawing, beyond, heading, nothing, sheet
from handoff.figures.forest import MARGINS, ROW, Mark, draw_marks, limits, sizes_between
from handoff.figures.run import Run
from handoff.figures.style import QUIET, TIE, label, look
from handoff.figures.table import Cell, Table
from handoff.records import Row
from handoff.words import number, size, text

MOST_PANELS: Final = 5
MOST_ROWS: Final = 45
"""Of the whole picture."""
MOST_NAMED: Final = 12
"""Ways that never meet the reference, on each side."""
COLUMNS: Final = (
    "what", "strategy", "costs the same at, bytes", "low, bytes", "high, bytes", "extrapolated", "in words",
)  # fmt: skip


def sides(run: Run, group: Group, strategy: str) -> list[tuple[int, bool]]:
    """The sizes with a median of both, smallest first, each with whether the strategy is faster there."""
    found = []
    for scenario in group.scenarios:
        own, base = (run.row(scenario, name) for name in (strategy, run.plan.reference))
        times = [number(row, "median_s") for row in (own, base) if row is not None]
        if scenario.payload.size and len(times) == 2 and times[0] is not None and times[1] is not None:
            found.append((scenario.payload.size, times[0] < times[1]))
    return found


def never(run: Run, group: Group, strategy: str) -> str:
    """On which side of the reference a way is that never meets it: 'faster', 'slower', or 'not placed'."""
    found = {faster for _, faster in sides(run, group, strategy)}
    return "not placed" if len(found) != 1 else "faster" if found.pop() else "slower"


def direction(run: Run, group: Group, strategy: str, at: float) -> str:
    """Where it is the cheaper one: 'cheaper above', 'cheaper below', or '' where no size says it."""
    found = sides(run, group, strategy)
    if not found:
        return ""
    # The size that is furthest from the crossing says it most clearly.
    place, faster = max(found, key=lambda each: abs(math.log(each[0] / at)))
    return "cheaper above" if faster == (place > at) else "cheaper below"


def _short(value: float | None) -> str:
    """A size with three digits at most: 116.6 KiB is '117 KiB'."""
    amount, _, unit = size(value).partition(" ")
    return f"{float(amount):.0f} {unit}" if unit and float(amount) >= 100 else size(value)


def _met(group: Group) -> list[Row]:
    rows = [row for row in group.rows if (number(row, "crossover_with_reference_bytes") or 0.0) > 0]
    return sorted(rows, key=lambda row: (number(row, "crossover_with_reference_bytes") or 0.0, text(row, "strategy")))


def _mark(run: Run, group: Group, row: Row) -> Mark:
    value, low, high = cells(row, "crossover_with_reference_bytes", "crossover_low_bytes", "crossover_high_bytes")
    assert value is not None
    strategy = text(row, "strategy")
    ends = ", may never meet" if high is None else f" [{_short(low)}, {_short(high)}]"
    said = f"{direction(run, group, strategy, value)} {_short(value)}{ends}".strip()
    hollow = bool(row["crossover_extrapolated"])
    return Mark(label(strategy), value, low or 0.0, math.inf if high is None else high, said, look(strategy), hollow)


def _apart(run: Run, group: Group) -> dict[str, list[str]]:
    """The ways that have no crossing, by side."""
    found: dict[str, list[str]] = {"faster": [], "slower": [], "not placed": []}
    for row in group.rows:
        strategy = text(row, "strategy")
        meets = strategy == run.plan.reference or number(row, "crossover_with_reference_bytes")
        if not meets and sides(run, group, strategy):
            found[never(run, group, strategy)].append(strategy)
    return found


def _said(apart: dict[str, list[str]]) -> list[str]:
    """Lines below the rows."""
    beginnings = {
        "faster": "faster at every size measured:",
        "slower": "slower at every size measured:",
        "not placed": "no crossing found, though not always on one side:",
    }
    lines: list[str] = []
    for side, names in apart.items():
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            listed = f"{beginnings[side]} {', '.join(names[:MOST_NAMED])}{more}"
            lines += textwrap.wrap(listed, 128, break_on_hyphens=False, subsequent_indent="    ")
    return lines


def _panel(axes: Axes, run: Run, group: Group, marks: list[Mark], said: list[str]) -> None:
    known = [each.payload.size for each in group.scenarios if each.payload.size]
    ends = limits(marks, min(known), max(known))
    draw_marks(axes, marks, ends, sizes_between(*ends), size)
    rows = max(1, len(marks))
    axes.set_ylim(rows - 0.4, -0.6)
    axes.axvspan(min(known), max(known), color=TIE, alpha=0.6, linewidth=0, zorder=0.3)
    if not marks:
        axes.text(0.5, 0.5, "no way meets the reference", transform=axes.transAxes, ha="center", va="center")
    heading(axes, group.title, f"{group.below}; shaded: the sizes measured")
    axes.annotate(
        "\n".join(said), (0, 0), xycoords=("figure fraction", "axes fraction"), xytext=(11, -24),
        textcoords="offset points", va="top", fontsize=8.5, color=QUIET, annotation_clip=False,
    )  # fmt: skip


def draw(run: Run) -> Drawing:
    """One panel for every family of scenarios that differ in size alone and have a fit of the reference."""
    reference = run.plan.reference
    fitted = [
        group for group in groups(run)
        if any(scenario.payload.size for scenario in group.scenarios)
        and any(row["strategy"] == reference and number(row, "latency_s") is not None for row in group.rows)
        and any(row["strategy"] != reference and number(row, "latency_s") is not None for row in group.rows)
    ]  # fmt: skip
    if not fitted:
        return nothing(
            "There are no crossovers to show: they take three sizes of a payload or more, with a time of the reference "
            "and of another way at each."
        )
    shown = fitted[:MOST_PANELS]
    most = MOST_ROWS // len(shown)
    marks = [[_mark(run, group, row) for row in _met(group)] for group in shown]
    said = [_said(_apart(run, group)) for group in shown]
    # Room for the lines below is taken from under the axis: a panel's foot has the same height everywhere.
    foot = MARGINS.foot + 0.17 * max(map(len, said))
    figure, panels = sheet(
        [ROW * max(1, len(those[:most])) + 0.1 for those in marks],
        replace(MARGINS, foot=foot),
    )
    for axes, group, those, lines in zip(panels, shown, marks, said, strict=True):
        _panel(axes, run, group, those[:most], lines)
    caption = (
        f"The payload's size at which a way costs as much as the reference, {reference}, by a fit of latency and "
        f"bandwidth to the medians of {run.blocks_said}, on a logarithmic axis. Intervals of 95 % by bootstrap "
        "over blocks. Hollow: outside the sizes measured, so a guess. "
        "An arrow: the interval goes on there, perhaps for ever. "
        "Not shown: ways with fewer than three sizes, crossings further than 8 times beyond the sizes measured, and "
        "further crossings of the same two curves."
    )
    cut = sum(max(0, len(those) - most) for those in marks)
    left_out = (
        beyond(len(shown), len(fitted), "panel", "; costs.csv has them"),
        beyond(0, cut, "line", ", of larger sizes"),
    )
    rows = tuple(row for group in shown for row in _rows(run, group, most))
    return Drawing(figure, " ".join(filter(None, (caption, *left_out))), Table(COLUMNS, rows))


def _rows(run: Run, group: Group, most: int) -> list[tuple[Cell, ...]]:
    found: list[tuple[Cell, ...]] = []
    for row in _met(group)[:most]:
        at, low, high = cells(row, "crossover_with_reference_bytes", "crossover_low_bytes", "crossover_high_bytes")
        strategy = text(row, "strategy")
        where = direction(run, group, strategy, at or 1.0)
        guess = "yes" if row["crossover_extrapolated"] else "no"
        found.append((group.title, strategy, at, low, high, guess, where))
    for side, names in _apart(run, group).items():
        said = side if side == "not placed" else f"{side} at every size measured"
        found += [(group.title, name, None, None, None, "", said) for name in names[:MOST_NAMED]]
    return found
