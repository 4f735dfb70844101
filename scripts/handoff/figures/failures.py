"""Failures: what became of every strategy in every scenario, as a symbol and a word."""

from __future__ import annotations

import math
import textwrap
from typing import Final

from matplotlib.axes import Axes
from matplotlib.markers import MarkerStyle
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from handoff.figures.drawing import Drawing, Margins, bare, beyond, name_rows, nothing, sheet
from handoff.figures.run import Run, telling, words
from handoff.figures.style import INK, QUIET, TIE, WIDTH, label
from handoff.figures.table import Table
from handoff.records import STATUSES, Row
from handoff.scenarios import Scenario
from handoff.strategies import FLOORS, TABLE, find
from handoff.words import counted, number, text

MARKS: Final = {
    "ok": ("o", "#0072B2"),
    "invalid": ("X", "#D55E00"),
    "error": ("x", "#D55E00"),
    "timeout": (">", "#D55E00"),
    "crashed": ("*", "#D55E00"),
    "out_of_memory": ("s", "#D55E00"),
    "leaked": ("v", "#CC79A7"),
    "skipped": ("_", "#5f6368"),
    "unsupported": ("_", "#5f6368"),
    "raced_out": ("|", "#5f6368"),
}
"""Status -> marker and colour. The word always stands beside it."""
assert MARKS.keys() == STATUSES.keys()

ROW: Final = 0.27
COLUMNS: Final = 7
"""Scenarios side by side; further ones stand in the next panel."""
MOST: Final = 3
"""Panels of so many scenarios."""
MOST_ROWS: Final = 32
"""Strategies: first those with whom something went wrong."""
MOST_WORDS: Final = 250
"""With more cells only what went wrong has a word beside its symbol: each is a node of the page."""
MARGINS: Final = Margins(left=2.45, right=0.15, head=0.85, foot=0.2)
BODY: Final = WIDTH - MARGINS.left - MARGINS.right
"""Width of a panel's axes, in inches."""
SYMBOL: Final = 6 / 72
"""Width of a symbol, in inches."""


def outcome(row: Row | None, blocks: int) -> tuple[str, str]:
    """Status and the word for it, which counts the blocks where only some of them gave a time."""
    if row is None:
        return "", "not asked"
    status = text(row, "status")
    timed = int(number(row, "n_blocks") or 0)
    word = {"out_of_memory": "memory", "raced_out": "raced out"}.get(status, status)
    return status, word if timed in (0, blocks) else f"{word} {timed}/{blocks}"


def _strategies(run: Run) -> list[str]:
    """Floors first, then candidates, in the table's order; each that has a row."""
    present = {text(row, "strategy") for row in run.summary if row["role"] in ("floor", "candidate")}
    order = [line.id for line in (*FLOORS, *TABLE)]
    return sorted(present, key=lambda name: (order.index(find(name).base), name))


def _troubled_first(run: Run, scenarios: list[Scenario], strategies: list[str]) -> list[str]:
    """In the table's order; of too many those with which most went wrong."""

    def fine(name: str) -> int:
        found = [outcome(run.row(each, name), run.plan.blocks) for each in scenarios]
        return -sum(status not in ("", "unsupported") and word != "ok" for status, word in found)

    kept = sorted(strategies, key=fine)[:MOST_ROWS]
    return [name for name in strategies if name in kept]


def _heading(scenario: Scenario) -> str:
    lines = textwrap.wrap(scenario.payload.id, 14)
    lines = lines if len(lines) <= 3 else [*lines[:2], f"{lines[2][:13]}…"]
    last = f"w{scenario.workers}{' cold' if scenario.cold else ''}"
    return "\n".join([*lines, f"{scenario.pattern} {scenario.task}"[:16], last])


def _symbols(axes: Axes, status: str, cells: list[tuple[float, float]]) -> None:
    """The symbols of one status, as one path; a cell's place is that of its symbol."""
    marker, colour = MARKS[status]
    style = MarkerStyle(marker)
    # matplotlib's circle has eight curves, and there are hundreds of them: nobody sees its twelve corners.
    shape = (
        Path.unit_regular_polygon(12).transformed(Affine2D().scale(0.5))
        if marker == "o"
        else (style.get_path().transformed(style.get_transform()))
    )
    # In inches on the sheet, whatever the axes' units are: 6 points across, as a marker would be.
    wide, high = SYMBOL * COLUMNS / BODY, SYMBOL / ROW
    scaled = [shape.transformed(Affine2D().scale(wide, -high).translate(x, y)) for x, y in cells]
    edge = {"edgecolor": colour, "linewidth": 1.4, "fill": False} if marker in "x_|" else {"linewidth": 0}
    axes.add_patch(PathPatch(Path.make_compound_path(*scaled), facecolor=colour, **edge))


def _panel(axes: Axes, run: Run, scenarios: list[Scenario], strategies: list[str], wordy: bool) -> None:
    marked: dict[str, list[tuple[float, float]]] = {}
    for y, strategy in enumerate(strategies):
        for x, scenario in enumerate(scenarios):
            status, word = outcome(run.row(scenario, strategy), run.plan.blocks)
            if status in MARKS:
                marked.setdefault(status, []).append((x - 0.41, float(y)))
            if wordy or (status not in ("", "unsupported") and word != "ok"):
                ink = QUIET if status in ("", "unsupported") else INK
                axes.text(x - 0.30, y, word, va="center", fontsize=8.5, color=ink)
    for status, cells in marked.items():
        _symbols(axes, status, cells)
    axes.set_xlim(-0.5, COLUMNS - 0.5)
    axes.set_ylim(len(strategies) - 0.5, -0.5)
    name_rows(axes, [label(name) for name in strategies], MARGINS.left)
    columns = [x - 0.45 for x in range(len(scenarios))]
    axes.set_xticks(columns, [_heading(scenario) for scenario in scenarios], ha="left", fontsize=8.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(visible=False)
    rules = [end for y in range(1, len(strategies)) for end in (y - 0.5, y - 0.5, math.nan)]
    axes.plot([-0.5, len(scenarios) - 0.5, math.nan] * (len(rules) // 3), rules, color=TIE, linewidth=0.7, zorder=0.5)
    bare(axes, "left", "right", "top", "bottom")


def draw(run: Run) -> Drawing:
    """Panels of up to seven scenarios; a line a strategy."""
    strategies = _strategies(run)
    scenarios = [scenario for scenario in run.plan.scenarios if run.by_scenario[scenario.id]]
    if not strategies or not scenarios:
        return nothing("There is no outcome to show: nothing of this run was measured.")
    shown = telling(scenarios, COLUMNS * MOST)
    kept = _troubled_first(run, shown, strategies)
    groups = [shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    wordy = len(kept) * len(shown) <= MOST_WORDS
    figure, panels = sheet([ROW * len(kept)] * len(groups), MARGINS)
    for axes, group in zip(panels, groups, strict=True):
        _panel(axes, run, group, kept, wordy)
    caption = (
        f"What became of each strategy in each scenario; {counted(run.plan.blocks, 'block was', 'blocks were')} "
        "planned, and 5/6 means that five of six gave a time. Nothing is left out: 'unsupported' cannot work by its "
        "nature or for want of a package, 'skipped' did not fit, 'timeout' ran longer than its limit, "
        "'not asked' is not in the config. "
        "Not shown: the reasons, which stand in the report's table and in summary.csv."
    )
    plain = "" if wordy else "A dot alone is 'ok', a grey dash 'unsupported', an empty place 'not asked'."
    left_out = (
        beyond(len(shown), len(scenarios), "scenario"),
        beyond(len(kept), len(strategies), "line", ", of strategies with which less went wrong"),
    )
    table = Table(
        ("scenario", "strategy", "outcome", "reason"),
        tuple(
            (words(each), name, outcome(row, run.plan.blocks)[1], text(row, "reason") if row else "")
            for each in shown for name in kept
            if (row := run.row(each, name)) is None or row["status"] != "ok" or wordy
        ),
    )  # fmt: skip
    return Drawing(figure, " ".join(filter(None, (caption, plain, *left_out))), table)
