"""Phases: of what the median steady transfer of each strategy is made."""

from __future__ import annotations

import math
import statistics
from typing import Any, Final, TypeAlias

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from handoff.figures.drawing import Box, Drawing, Margins, bare, beyond, boxes, heading, name_rows, nothing, sheet
from handoff.figures.run import Run, telling, words
from handoff.figures.style import INK, QUIET, label
from handoff.figures.table import Table
from handoff.scenarios import Scenario
from handoff.words import seconds, text, tick

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
TOTAL: Final = 1.03
"""Where the numbers begin, in widths of the axes."""
MOST_SCENARIOS: Final = 8
MOST_ROWS: Final = 120
"""Of the whole picture; each is two nodes of the page."""

Bars: TypeAlias = list[tuple[str, dict[str, float]]]
"""Strategy -> its phases, release and total, in seconds."""


def components(run: Run, scenario: Scenario, strategy: str) -> dict[str, float]:
    """Median over blocks of each phase, of release and of the total, as far as they are known."""
    found = {}
    for name in (*PHASES, "release", "total"):
        if values := run.blocks(scenario, strategy, f"{name}_s"):
            found[name] = statistics.median(values)
    return found


def _timed(run: Run, scenario: Scenario) -> Bars:
    """The strategies with a split time, fastest first."""
    rows = run.timed(scenario, "candidate", "floor")
    parts = [(text(row, "strategy"), components(run, scenario, text(row, "strategy"))) for row in rows]
    return [(strategy, split) for strategy, split in parts if any(phase in split for phase in PHASES)]


def _fewer(bars: Bars, reference: str, most: int) -> Bars:
    """The fastest of them, and the reference."""
    kept = {name for name, _ in [*(bar for bar in bars if bar[0] == reference), *bars][:most]}
    return [bar for bar in bars if bar[0] in kept]


def _limit(totals: list[tuple[str, float]], reference: str) -> float:
    """Where the axis ends: one way that is far slower than the others must not make them all invisible."""
    longest = max(total for _, total in totals)
    of_reference = dict(totals).get(reference, 0.0)
    limit = max(of_reference, 4 * statistics.median(total for _, total in totals))
    return longest if longest < 1.6 * limit else limit


def _bars(axes: Axes, bars: Bars, limit: float) -> None:
    """One path for each phase, and one for the strokes at the totals."""
    found: dict[str, list[Box]] = {phase: [] for phase in PHASES}
    strokes: list[tuple[float, float]] = []
    for y, (_, split) in enumerate(bars):
        left = 0.0
        for phase in PHASES:
            width = min(split.get(phase, 0.0), max(0.0, limit * 1.02 - left))
            if width > 0:
                found[phase].append((left, y - 0.33, left + width, y + 0.33))
            left += width
        total = split.get("total", left)
        if total > limit:
            axes.text(limit, y, "» ", ha="right", va="center", fontsize=13, fontweight="bold", color=INK)
        else:
            strokes += [(total, y - 0.42), (total, y + 0.42), (math.nan, math.nan)]
    for phase, (colour, hatch) in PHASES.items():
        boxes(axes, found[phase], facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.6)
    if strokes:
        axes.plot(*zip(*strokes, strict=True), color=INK, linewidth=1.4, solid_capstyle="butt")


def _panel(axes: Axes, scenario: Scenario, bars: Bars, reference: str) -> None:
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    totals = [(name, split.get("total", sum(split.get(phase, 0.0) for phase in PHASES))) for name, split in bars]
    limit = _limit(totals, reference)
    _bars(axes, bars, limit)
    for y, (_, split) in enumerate(bars):
        release = split.get("release")
        after = f" + {seconds(release)}" if release else ""
        axes.text(TOTAL, y, seconds(split.get("total")) + after, transform=beside, va="center", fontsize=9)
    axes.text(TOTAL, 1.02, "total + release", transform=axes.transAxes, fontsize=8.5, color=QUIET, va="bottom")

    axes.set_xlim(0, limit * 1.02)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    name_rows(axes, [label(name, "reference" if name == reference else "") for name, _ in bars], MARGINS.left)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.grid(axis="y", visible=False)
    axes.set_axisbelow(True)
    heading(axes, words(scenario), scenario.id)
    bare(axes, "left", "right", "top")


def key(axes: Axes, **more: Any) -> None:
    """What the colours mean, above a panel: once a picture."""
    keys = [
        Patch(facecolor=fill, hatch=hatch, edgecolor="white", label=phase) for phase, (fill, hatch) in PHASES.items()
    ]
    keys += [Patch(edgecolor="white", label=name, **how) for name, how in more.items()]
    axes.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(-0.012, 0.99), ncols=len(keys), frameon=False, fontsize=9,
        handlelength=1.6, columnspacing=1.4, borderpad=0, borderaxespad=0.3,
    )  # fmt: skip


def draw(run: Run) -> Drawing:
    """One panel a scenario, in the plan's order; the time axis is linear."""
    timed = [(scenario, bars) for scenario in run.plan.scenarios if (bars := _timed(run, scenario))]
    if not timed:
        return nothing("There are no phases to show: no transfer of this run succeeded.")
    chosen = telling([scenario for scenario, _ in timed], MOST_SCENARIOS)
    most = MOST_ROWS // len(chosen)
    shown = [(each, _fewer(bars, run.plan.reference, most)) for each, bars in timed if each in chosen]
    figure, panels = sheet([ROW * len(bars) for _, bars in shown], MARGINS)
    for axes, (scenario, bars) in zip(panels, shown, strict=True):
        _panel(axes, scenario, bars, run.plan.reference)
    key(panels[0])
    caption = (
        f"Each part is the median of that phase alone over {run.blocks_said}, on a linear axis, "
        "taken along the worker that finishes last. "
        "Medians of parts need not add up to the median of the whole, which is the black stroke. "
        "A bar that ends in » is cut, so that the shorter ones can be read: the number beside it is whole. "
        "Pickled data travel in dispatch and reply. "
        "Release happens after the clock has stopped and is no part of the total. "
        "Not shown: intervals (see the ranking), first transfers, strategies without a time."
    )
    fewer = sum(len(bars) for each, bars in timed if each in chosen) - sum(len(bars) for _, bars in shown)
    left_out = beyond(len(chosen), len(timed), "scenario"), beyond(0, fewer, "slower line", " of those that are")
    return Drawing(figure, " ".join(filter(None, (caption, *left_out))), _table(shown))


def _table(shown: list[tuple[Scenario, Bars]]) -> Table:
    names = (*PHASES, "total", "release")
    rows = [
        (words(scenario), strategy, *(split.get(name) for name in names))
        for scenario, bars in shown for strategy, split in bars
    ]  # fmt: skip
    return Table(("scenario", "strategy", *(f"{name}, s" for name in names)), tuple(rows))
