"""Failures: what became of every strategy in every scenario, as a symbol and a word."""

from __future__ import annotations

import textwrap
from typing import Final

from matplotlib.axes import Axes

from handoff.figures.drawing import Drawing, Margins, bare, nothing, sheet
from handoff.figures.run import Run
from handoff.figures.style import INK, QUIET, TIE, label
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
MOST: Final = 8
"""Panels of so many scenarios."""
MARGINS: Final = Margins(left=2.45, right=0.15, head=0.85, foot=0.2)


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


def _heading(scenario: Scenario) -> str:
    lines = textwrap.wrap(scenario.payload.id, 15)
    lines = lines if len(lines) <= 3 else [*lines[:2], f"{lines[2][:13]}…"]
    last = f"w{scenario.workers}{' cold' if scenario.cold else ''}"
    return "\n".join([*lines, f"{scenario.pattern} {scenario.task}"[:16], last])


def _panel(axes: Axes, run: Run, scenarios: list[Scenario], strategies: list[str]) -> None:
    for y, strategy in enumerate(strategies):
        for x, scenario in enumerate(scenarios):
            status, word = outcome(run.row(scenario, strategy), run.plan.blocks)
            marker, colour = MARKS.get(status, ("", QUIET))
            if marker:
                edge = 1.4 if marker in "x_|" else 0
                axes.plot([x - 0.41], [y], marker, color=colour, markersize=6, markeredgewidth=edge)
            ink = QUIET if status in ("", "unsupported") else INK
            axes.text(x - 0.30, y, word, va="center", fontsize=8.5, color=ink)
    axes.set_xlim(-0.5, COLUMNS - 0.5)
    axes.set_ylim(len(strategies) - 0.5, -0.5)
    axes.set_yticks(range(len(strategies)), [label(name) for name in strategies])
    columns = [x - 0.45 for x in range(len(scenarios))]
    axes.set_xticks(columns, [_heading(scenario) for scenario in scenarios], ha="left", fontsize=8.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for y in range(1, len(strategies)):
        axes.plot([-0.5, len(scenarios) - 0.5], [y - 0.5, y - 0.5], color=TIE, linewidth=0.7)
    bare(axes, "left", "right", "top", "bottom")


def draw(run: Run) -> Drawing:
    """Panels of up to seven scenarios; a line a strategy."""
    strategies = _strategies(run)
    scenarios = [scenario for scenario in run.plan.scenarios if run.by_scenario[scenario.id]]
    if not strategies or not scenarios:
        return nothing("There is no outcome to show: nothing of this run was measured.")
    shown = scenarios[: COLUMNS * MOST]
    groups = [shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    figure, panels = sheet([ROW * len(strategies)] * len(groups), MARGINS)
    for axes, group in zip(panels, groups, strict=True):
        _panel(axes, run, group, strategies)
    caption = (
        f"What became of each strategy in each scenario; {counted(run.plan.blocks, 'block was', 'blocks were')} "
        "planned, and 5/6 means that five of six gave a time. Nothing is left out: 'unsupported' cannot work by its "
        "nature or for want of a package, 'skipped' did not fit, 'timeout' ran longer than its limit, "
        "'not asked' is not in the config. "
        "Not shown: the reasons, which stand in the report's table and in summary.csv."
    )
    if len(scenarios) > len(shown):
        caption += f" Also not shown: {len(scenarios) - len(shown)} more scenarios."
    return Drawing(figure, caption)
