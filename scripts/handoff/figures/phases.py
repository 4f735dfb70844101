"""Phases: of what the median steady transfer of each strategy is made."""

from __future__ import annotations

import statistics
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from handoff.figures.drawing import MOST_PANELS, Drawing, Margins, bare, heading, nothing, sheet
from handoff.figures.run import Run, words
from handoff.figures.style import INK, QUIET, label
from handoff.scenarios import Scenario
from handoff.words import NONE, number, seconds, text, tick

PHASES: Final = {
    "publish": ("#0072B2", ""),
    "dispatch": ("#E69F00", ""),
    "attach": ("#56B4E9", "////"),
    "task": ("#b9bec4", ""),
    "reply": ("#CC79A7", "\\\\\\\\"),
}
"""Phase -> colour and hatch, in the order in which they happen. Neighbours differ in print, too."""

ROW: Final = 0.22
MARGINS: Final = Margins(left=2.75, right=1.9, head=0.78, foot=0.42)
TOTAL, RELEASE = 1.03, 1.19
"""Where the columns of numbers begin, in widths of the axes."""


def components(run: Run, scenario: Scenario, strategy: str) -> dict[str, float]:
    """Median over blocks of each phase, of release and of the total, as far as they are known."""
    found = {}
    for name in (*PHASES, "release", "total"):
        if values := run.blocks(scenario, strategy, f"{name}_s"):
            found[name] = statistics.median(values)
    return found


def _timed(run: Run, scenario: Scenario) -> list[tuple[str, dict[str, float]]]:
    """The strategies with a split time, fastest first."""
    rows = [row for row in run.rows(scenario, "candidate", "floor") if number(row, "median_s") is not None]
    parts = [(text(row, "strategy"), components(run, scenario, text(row, "strategy"))) for row in rows]
    return [(strategy, split) for strategy, split in parts if any(phase in split for phase in PHASES)]


def _limit(totals: list[tuple[str, float]], reference: str) -> float:
    """Where the axis ends: one way that is far slower than the others must not make them all invisible."""
    longest = max(total for _, total in totals)
    of_reference = dict(totals).get(reference, 0.0)
    limit = max(of_reference, 4 * statistics.median(total for _, total in totals))
    return longest if longest < 1.6 * limit else limit


def _bar(axes: Axes, y: int, split: dict[str, float], limit: float) -> None:
    left = 0.0
    for phase, (colour, hatch) in PHASES.items():
        width = min(split.get(phase, 0.0), max(0.0, limit * 1.02 - left))
        if width > 0:
            axes.barh(y, width, left=left, height=0.66, color=colour, hatch=hatch, edgecolor="white", linewidth=0.6)
        left += width
    total = split.get("total", left)
    if total > limit:
        axes.text(limit, y, "» ", ha="right", va="center", fontsize=13, fontweight="bold", color=INK)
    else:
        axes.plot([total, total], [y - 0.42, y + 0.42], color=INK, linewidth=1.4, solid_capstyle="butt")


def _panel(axes: Axes, scenario: Scenario, bars: list[tuple[str, dict[str, float]]], reference: str) -> None:
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    totals = [(name, split.get("total", sum(split.get(phase, 0.0) for phase in PHASES))) for name, split in bars]
    limit = _limit(totals, reference)
    for y, (_, split) in enumerate(bars):
        _bar(axes, y, split, limit)
        release = split.get("release")
        axes.text(TOTAL, y, seconds(split.get("total")), transform=beside, va="center", fontsize=9)
        after = seconds(release) if release else NONE
        axes.text(RELEASE, y, after, transform=beside, va="center", fontsize=9, color=QUIET)
    for x, column in ((TOTAL, "total"), (RELEASE, "then release")):
        axes.text(x, 1.02, column, transform=axes.transAxes, fontsize=8.5, color=QUIET, va="bottom")

    axes.set_xlim(0, limit * 1.02)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_yticks(range(len(bars)), [label(name, "reference" if name == reference else "") for name, _ in bars])
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.grid(axis="y", visible=False)
    axes.set_axisbelow(True)
    heading(axes, words(scenario), scenario.id)
    keys = [
        Patch(facecolor=fill, hatch=hatch, edgecolor="white", label=phase) for phase, (fill, hatch) in PHASES.items()
    ]
    axes.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(-0.012, 0.99), ncols=len(keys), frameon=False, fontsize=9,
        handlelength=1.6, columnspacing=1.4, borderpad=0, borderaxespad=0.3,
    )  # fmt: skip
    bare(axes, "left", "right", "top")


def draw(run: Run) -> Drawing:
    """One panel a scenario, in the plan's order; the time axis is linear."""
    timed = [(scenario, bars) for scenario in run.plan.scenarios if (bars := _timed(run, scenario))]
    if not timed:
        return nothing("There are no phases to show: no transfer of this run succeeded.")
    figure, panels = sheet([ROW * len(bars) for _, bars in timed[:MOST_PANELS]], MARGINS)
    for axes, (scenario, bars) in zip(panels, timed, strict=False):
        _panel(axes, scenario, bars, run.plan.reference)
    caption = (
        f"Each part is the median of that phase alone over {run.blocks_said}, on a linear axis, "
        "taken along the worker that finishes last. "
        "Medians of parts need not add up to the median of the whole, which is the black stroke. "
        "A bar that ends in » is cut, so that the shorter ones can be read: the number beside it is whole. "
        "Pickled data travel in dispatch and reply. "
        "Release happens after the clock has stopped and is no part of the total. "
        "Not shown: intervals (see the ranking), first transfers, strategies without a time."
    )
    if len(timed) > MOST_PANELS:
        caption += f" Also not shown: {len(timed) - MOST_PANELS} more scenarios."
    return Drawing(figure, caption)
