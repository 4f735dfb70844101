"""Decision map: which way to take, by the payload's size and the task's length, and by size and workers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from scipy.ndimage import distance_transform_edt

from handoff.figures.choices import COLUMNS, LOOP, ROWS, Choice, Grid, Map, maps, usable
from handoff.figures.curve_groups import below_said
from handoff.figures.drawing import Box, Drawing, Margins, bare, beyond, boxes, heading, nothing, sheet
from handoff.figures.forest import sizes_between
from handoff.figures.run import Run
from handoff.figures.style import INK, QUIET, WIDTH, Look, look, ticks
from handoff.figures.table import Cell, Table
from handoff.scenarios import Scenario
from handoff.words import counted, number, size, text, tick

BODY: Final = 3.1
CELL: Final = 0.62
"""Height of a cell of the second sort of panel, in inches."""
MARGINS: Final = Margins(left=1.05, right=2.75, head=0.66, foot=0.62)
BREADTH: Final = WIDTH - MARGINS.left - MARGINS.right
LETTER: Final = 0.085
"""Width of a letter of an area's name, in inches."""
MOST_MAPS: Final = 4
MOST_TABLES: Final = 3
LIGHTER: Final = (0.45, 0.75, 0.15)
"""How far a strategy's colour is moved towards white; the second and third are for further ones of the same colour."""
OF_BLACK: Final = (0.68, 0.85, 0.5)
"""The same of black, which must not hide what is written on it."""
BY_TASK: Final = ("what", "payload, bytes", "workers", "task from, s", "take", "as good within the tie zone")


def paints(names: Iterable[str]) -> dict[str, str]:
    """Colours of areas: each has its strategy's, lighter or darker than that of an earlier one with the same."""
    found: dict[str, str] = {}
    seen: dict[str, int] = {}
    for name in names:
        if name == LOOP:
            found[name] = "#e3e6e9"
        elif name and name not in found:
            colour = look(name).colour
            shades = OF_BLACK if colour == "#000000" else LIGHTER
            lighter = shades[seen.get(colour, 0) % len(shades)]
            seen[colour] = seen.get(colour, 0) + 1
            red, green, blue = (1 - (1 - part) * (1 - lighter) for part in to_rgb(colour))
            found[name] = str(to_hex((red, green, blue)))
    return found


def _stretches(line: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Beginning and end of each stretch of equal neighbours."""
    start = 0
    for _, same in groupby(line):
        end = start + sum(1 for _ in same)
        yield start, end
        start = end


def _runs(grid: Grid) -> dict[Choice, list[Box]]:
    """The cells of each choice as boxes, in columns and rows: stretches of a column, as broad as neighbours share them.

    By columns, since areas lie above each other.
    """
    found: dict[Choice, list[Box]] = {}
    for x, column in enumerate(zip(*grid, strict=True)):
        for low, high in _stretches(column):
            if (choice := column[low]) is None:
                continue
            those = found.setdefault(choice, [])
            left = next((place for place, box in enumerate(those) if box[1:] == (low, x, high)), None)
            begin = those.pop(left)[0] if left is not None else x
            those.append((begin, low, x + 1, high))
    return found


def _outlines(grid: Grid) -> tuple[list[float], list[float]]:
    """The lines between areas of different choices, as one path."""
    names = np.array([[choice.chosen if choice else "" for choice in line] for line in grid])
    xs: list[float] = []
    ys: list[float] = []
    for y, differs in enumerate(names[1:] != names[:-1], start=1):
        for begin, end in (each for each in _stretches(list(differs)) if differs[each[0]]):
            xs += [begin, end, math.nan]
            ys += [y, y, math.nan]
    for x, differs in enumerate((names[:, 1:] != names[:, :-1]).T, start=1):
        for begin, end in (each for each in _stretches(list(differs)) if differs[each[0]]):
            xs += [x, x, math.nan]
            ys += [begin, end, math.nan]
    return xs, ys


def _label_at(grid: Grid, name: str, lines: list[str], cell: tuple[float, float]) -> tuple[float, float] | None:
    """Where an area's name fits, in columns and rows; None if nowhere. `cell` is a cell's size in inches."""
    inside = np.array([[choice is not None and choice.chosen == name for choice in line] for line in grid])
    wide = LETTER * max(map(len, lines)) / cell[0] + 1
    high = 0.16 * len(lines) / cell[1] + 1
    # The distance to the area's edge, in units in which the name's box is a square of side 2.
    far = distance_transform_edt(np.pad(inside, 1), sampling=(2 / high, 2 / wide))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(far)), far.shape)
    return (float(x) + 0.5, float(y) + 0.5) if far[y, x] >= 1.0 else None


def _draw_map(axes: Axes, made: Map, tie_zone: float) -> None:
    grid = made.grid(tie_zone)
    found = _runs(grid)
    shares = Counter(choice.chosen for line in grid for choice in line if choice is not None)
    rivals = dict.fromkeys(choice.rival for choice in found if choice.rival and choice.rival not in shares)
    colours = paints([*(name for name, _ in shares.most_common()), *rivals])
    _fill(axes, found, colours)
    axes.plot(*_outlines(grid), color=INK, linewidth=0.9, zorder=2)
    small = []
    for name, _ in shares.most_common():
        lines = name.replace("-", "-\n", 1).split("\n") if len(name) > 16 else [name]
        at = _label_at(grid, name, lines, (BREADTH / COLUMNS, BODY / ROWS))
        if at is None:
            small.append(name)
            continue
        axes.text(*at, "\n".join(lines), ha="center", va="center", fontsize=9, zorder=3,
                  bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1.5})  # fmt: skip
    _legend(axes, [*((name, "small area") for name in small), *((name, "in stripes") for name in rivals)], colours)
    axes.set_xlim(0, COLUMNS)
    axes.set_ylim(0, ROWS)
    _scales(axes, made)
    heading(axes, made.title, made.below)


def _fill(axes: Axes, found: dict[Choice, list[Box]], colours: dict[str, str]) -> None:
    """The areas in their colours, striped with that of the rival."""
    for choice, those in found.items():
        striped = bool(choice.rival)
        boxes(axes, those, facecolor=colours[choice.chosen], edgecolor=colours[choice.rival] if striped else "none",
              hatch="//" if striped else None, linewidth=0, zorder=1)  # fmt: skip


def _legend(axes: Axes, those: Sequence[tuple[str, str]], colours: dict[str, str]) -> None:
    """The names that found no room in the map, right of it."""
    for place, (name, why) in enumerate(those[:14]):
        height = 0.96 - 0.068 * place
        drawn = Look(QUIET, "s", "-") if name == LOOP else look(name)
        axes.plot([1.03], [height], drawn.marker, color=colours[name], markersize=7, transform=axes.transAxes,
                  markeredgecolor=INK, markeredgewidth=0.5, clip_on=False)  # fmt: skip
        axes.text(1.05, height, f"{name} ({why})", transform=axes.transAxes, va="center", fontsize=8.5, color=INK)


def _scales(axes: Axes, made: Map) -> None:
    def across(value: float) -> float:
        return COLUMNS * math.log(value / made.sizes[0]) / math.log(made.sizes[-1] / made.sizes[0])

    def up(value: float) -> float:
        return ROWS * math.log(value / made.tasks[0]) / math.log(made.tasks[1] / made.tasks[0])

    measured = made.sizes if len(made.sizes) <= 8 else sizes_between(made.sizes[0], made.sizes[-1])
    lengths = ticks(*made.tasks, 8)
    axes.xaxis.set_major_locator(FixedLocator([across(value) for value in measured]))
    axes.set_xticks([across(value) for value in measured], [size(value) for value in measured])
    axes.set_yticks([up(value) for value in lengths], [tick(value) for value in lengths])
    # Where the map stands on a measurement, and where between two.
    axes.plot([across(value) for value in made.sizes], [0.0] * len(made.sizes), "|", color=INK, markersize=9,
              clip_on=False, zorder=4)  # fmt: skip
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(visible=False)
    axes.set_xlabel("size of one payload; a stroke where it was measured")
    axes.set_ylabel("one task takes")
    bare(axes, "right", "top")


@dataclass(frozen=True)
class Cells:
    """One panel of sizes and workers, measured ones alone."""

    scenarios: dict[tuple[int, int], Scenario]
    """(size, workers) -> the scenario."""

    @property
    def sizes(self) -> list[int]:
        return sorted({place for place, _ in self.scenarios})

    @property
    def workers(self) -> list[int]:
        return sorted({count for _, count in self.scenarios})


def measured_cells(run: Run) -> list[Cells]:
    """Of each payload's kind, task and pattern with two sizes and two numbers of workers or more."""
    families: dict[tuple[object, ...], dict[tuple[int, int], Scenario]] = {}
    for each in run.plan.scenarios:
        if each.payload.size and fastest_in(run, each) is not None:
            key = each.payload.kind, each.payload.options, each.task, each.pattern, each.calls, each.cold
            families.setdefault(key, {})[each.payload.size, each.workers] = each
    found = [Cells(scenarios) for scenarios in families.values()]
    return [each for each in found if len(each.sizes) > 1 and len(each.workers) > 1]


def fastest_in(run: Run, scenario: Scenario) -> Choice | None:
    """The fastest usable way of a measured scenario, and the next one if it is within the tie zone."""
    times = {
        text(row, "strategy"): number(row, "median_s") or math.inf
        for row in run.timed(scenario, "candidate") if usable(run, scenario, row)
    }  # fmt: skip
    ordered = sorted(times, key=lambda name: times[name])
    if not ordered:
        return None
    tied = len(ordered) > 1 and times[ordered[1]] <= times[ordered[0]] * (1 + run.plan.tie_zone)
    return Choice(ordered[0], ordered[1] if tied else "")


def _draw_cells(axes: Axes, run: Run, those: Cells) -> None:
    sizes, counts = those.sizes, those.workers
    found: dict[Choice, list[Box]] = {}
    for (place, count), scenario in those.scenarios.items():
        choice = fastest_in(run, scenario)
        if choice is None:
            continue
        x, y = sizes.index(place), counts.index(count)
        found.setdefault(choice, []).append((x + 0.02, y + 0.04, x + 0.98, y + 0.96))
        room = max(8, int(BREADTH / len(sizes) / 0.075) - 2)
        said = choice.chosen.replace("-", "-\n", 1) + (f"\n= {choice.rival}" if choice.rival else "")
        cut = "\n".join(line if len(line) <= room else f"{line[: room - 1]}…" for line in said.split("\n"))
        axes.text(x + 0.5, y + 0.5, cut, ha="center", va="center", fontsize=8, zorder=3, linespacing=1.15)
    _fill(axes, found, paints(name for choice in found for name in (choice.chosen, choice.rival)))
    axes.set_xlim(0, len(sizes))
    axes.set_ylim(0, len(counts))
    axes.set_xticks([place + 0.5 for place in range(len(sizes))], [size(each) for each in sizes])
    axes.yaxis.set_major_locator(FixedLocator([place + 0.5 for place in range(len(counts))]))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda at, _: counted(counts[min(int(at), len(counts) - 1)], "worker"))
    )
    axes.grid(visible=False)
    axes.tick_params(length=0)
    first = next(iter(those.scenarios.values()))
    heading(axes, f"{first.payload.kind}, {first.pattern}: the fastest way as measured", below_said(first))
    bare(axes, "left", "right", "top", "bottom")


def draw(run: Run) -> Drawing:
    """First the maps of size and task, then those of size and workers."""
    found, tables = maps(run), measured_cells(run)
    if not found and not tables:
        return nothing(
            "There is no decision map to draw: it takes the pattern send or broadcast with two sizes or more of a "
            "payload, or two sizes and two numbers of workers."
        )
    # Each family once, before any of them a second time.
    kept = sorted(found, key=lambda made: made.holds_gil)[:MOST_MAPS]
    shown, cells = [made for made in found if made in kept], tables[:MOST_TABLES]
    figure, panels = sheet([BODY] * len(shown) + [CELL * len(each.workers) for each in cells], MARGINS)
    for axes, made in zip(panels, shown, strict=False):
        _draw_map(axes, made, run.plan.tie_zone)
    for axes, each in zip(panels[len(shown) :], cells, strict=True):
        _draw_cells(axes, run, each)
    zone = f"{100 * run.plan.tie_zone:g} %"
    caption = (
        f"By the medians of {run.blocks_said}. "
        "In the maps the time of a way is what it was measured to take beside the task, with a payload of that size "
        "and so many workers at once, and one task of that length; the plain loop hands nothing over and does one task "
        "after another. Between the sizes measured a straight line of logarithms stands for the time; nothing is "
        "extrapolated, and white is where no way was measured. "
        f"An area has the simplest of those within {zone} of the fastest, and stripes of the fastest other one of "
        "them. Whether a task lets go of the GIL decides about threads: NumPy and pandas mostly do, plain "
        f"Python does not. In the panels of workers each cell was measured, and '=' is the next one within {zone}. "
        "Not shown: intervals, ways that do not meet the config's needs or are not safe, start-up of the workers, and "
        "how workers hinder each other in longer tasks."
    )
    left_out = beyond(len(shown), len(found), "map"), beyond(len(cells), len(tables), "panel", " of workers")
    rows = (*(row for made in shown for row in _map_rows(made, run.plan.tie_zone)),
            *(row for each in cells for row in _cell_rows(run, each)))  # fmt: skip
    return Drawing(figure, " ".join(filter(None, (caption, *left_out))), Table(BY_TASK, rows))


def _map_rows(made: Map, tie_zone: float) -> list[tuple[Cell, ...]]:
    """At each size measured the stretches of task lengths with the same choice, by their beginning."""
    rows: list[tuple[Cell, ...]] = []
    _, tasks = made.centres()
    for place in made.sizes:
        before = None
        for task, choice in zip(tasks, made.column(place, tasks, tie_zone), strict=True):
            if choice is not None and choice != before:
                rows.append((made.title, place, made.workers, task, choice.chosen, choice.rival))
            before = choice
    return rows


def _cell_rows(run: Run, those: Cells) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for (place, count), scenario in sorted(those.scenarios.items()):
        choice = fastest_in(run, scenario)
        if choice is not None:
            said = f"{scenario.payload.kind}, {scenario.pattern}, as measured with the task {scenario.task}"
            rows.append((said, place, count, None, choice.chosen, choice.rival))
    return rows
