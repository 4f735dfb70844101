"""The ranking: for each scenario the strategies by their median time, with intervals and floors."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from handoff.figures.drawing import Drawing, Margins, bare, beyond, heading, name_rows, nothing, sheet
from handoff.figures.run import Run, telling, words
from handoff.figures.style import INK, QUIET, TIE, label, look, time_axis
from handoff.figures.table import Table
from handoff.records import Row
from handoff.scenarios import Scenario
from handoff.strategies import find
from handoff.words import NONE, counted, number, ratio, seconds, shortened, text

ROW: Final = 0.22
"""Height of one strategy, in inches."""
MARGINS: Final = Margins(left=2.75, right=2.75, head=0.74, foot=0.42)
MEDIAN: Final = 1.03
"""Where the numbers begin, in widths of the axes."""
MOST_SCENARIOS: Final = 9
MOST_ROWS: Final = 90
"""Of the whole picture: each is three nodes of the page, which has some thousand to spare for all pictures."""
COLUMNS: Final = (
    "scenario", "strategy", "median, s", "low, s", "high, s", "ratio to the reference", "ratio, low", "ratio, high",
    "verdict", "blocks", "outcome",
)  # fmt: skip


def _verdict(row: Row, reference: str) -> str:
    if row["strategy"] == reference:
        return "1 ×"
    if (share := number(row, "ratio_to_reference")) is None:
        return NONE
    said = ratio(share)
    return f"{said} ×, {verdict}" if (verdict := text(row, "verdict")) else f"{said} ×"


def _failed(axes: Axes, row: Row, y: float) -> None:
    """A strategy without a time: its status in words, an arrow where the true time lies further right."""
    status, edge = text(row, "status"), blended_transform_factory(axes.transAxes, axes.transData)
    if status == "timeout":
        axes.annotate(
            "", (1.0, y), (0.9, y), xycoords=edge, textcoords=edge,
            arrowprops={"arrowstyle": "-|>", "color": look(text(row, "strategy")).colour, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    axes.text(0.015, y, shortened(text(row, "reason"), 56), transform=edge, va="center", color=QUIET, fontsize=8.5)
    axes.text(MEDIAN, y, status.replace("_", " "), transform=edge, va="center", color=INK, fontsize=9)


def _timed(axes: Axes, run: Run, scenario: Scenario, row: Row, y: int) -> None:
    """A strategy's median, its interval and its blocks, and the numbers beside them."""
    strategy, median = text(row, "strategy"), number(row, "median_s")
    assert median is not None
    colour, marker, _ = look(strategy)
    low, high = number(row, "low_s"), number(row, "high_s")
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.plot(
        [median], [y], marker, color=colour, markersize=6.5, markeredgecolor="white", markeredgewidth=0.7, clip_on=False
    )
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    status = "" if row["status"] == "ok" else f", {text(row, 'status').replace('_', ' ')}"
    said = f"{seconds(median)},  {_verdict(row, run.plan.reference)}{status}"
    axes.text(MEDIAN, y, said, transform=beside, va="center", fontsize=9)


def _strokes(axes: Axes, run: Run, scenario: Scenario, timed: list[Row]) -> None:
    """The blocks of all rows, as one path: a node of the page each would be thousands."""
    blocks = [(value, y) for y, row in enumerate(timed) for value in run.blocks(scenario, text(row, "strategy"))]
    across = [x for value, _ in blocks for x in (value, value, math.nan)]
    axes.plot(across, [end for _, y in blocks for end in (y + 0.2, y + 0.38, math.nan)], color=QUIET, linewidth=0.8)


@dataclass(frozen=True)
class Lines:
    """A scenario's candidates, as they are listed: with a time, failed, and unable by their nature."""

    timed: list[Row]
    failed: list[Row]
    unable: list[str]
    cut: int
    """Further ones, slower than these."""

    @property
    def unable_text(self) -> list[str]:
        wrapped = textwrap.wrap(", ".join(self.unable), 104, break_on_hyphens=False) if self.unable else []
        return wrapped if len(wrapped) <= 3 else [*wrapped[:2], f"{wrapped[2]} …"]

    @property
    def height(self) -> float:
        """In rows."""
        own = len(self.timed) + len(self.failed) + 0.75 * len(self.unable_text) + (0.2 if self.unable else 0)
        return max(own, 1.0)


def _lines(run: Run, scenario: Scenario, most: int) -> Lines:
    """Of too many, the fastest stay, and the reference; then those that failed."""
    rows = run.rows(scenario, "candidate")
    timed = run.timed(scenario, "candidate")
    rest = [row for row in rows if number(row, "median_s") is None]
    unable = [text(row, "strategy") for row in rest if row["status"] == "unsupported"]
    failed = [row for row in rest if row["status"] != "unsupported"]
    base = [row for row in timed if row["strategy"] == run.plan.reference]
    kept = {text(row, "strategy") for row in [*base, *timed][: max(1, most - min(len(failed), most // 4))]}
    shown = [row for row in timed if row["strategy"] in kept]
    failures = failed[: max(0, most - len(shown))]
    return Lines(shown, failures, unable, len(timed) + len(failed) - len(shown) - len(failures))


def _behind(axes: Axes, run: Run, scenario: Scenario, bottom: float) -> None:
    """The tie zone and the floors, as far down as there are times."""
    base = run.row(scenario, run.plan.reference)
    if base is not None and (median := number(base, "median_s")) is not None:
        zone = 1 + run.plan.tie_zone
        axes.fill_betweenx([-0.6, bottom], median / zone, median * zone, color=TIE, zorder=0.5, linewidth=0)
    # Those of other Pythons would hide them; they stand in the figure of phases.
    rows = [row for row in run.rows(scenario, "floor") if not find(text(row, "strategy")).interpreter]
    floors = [(text(row, "strategy"), at) for row in rows if (at := number(row, "median_s"))]
    above = blended_transform_factory(axes.transData, axes.transAxes)
    for place, (floor, at) in enumerate(floors):
        axes.plot([at, at], [-0.6, bottom], color=QUIET, linestyle=(0, (4, 3)), linewidth=1, zorder=1)
        # The faster floor's name stands left of its line, the slower one's right: they are often close.
        side = "right" if place == 0 else "left"
        axes.text(at, 1.0, f" {floor} ", transform=above, fontsize=8.5, color=QUIET, va="bottom", ha=side)


def _panel(axes: Axes, run: Run, scenario: Scenario, lines: Lines) -> None:
    listed = len(lines.timed) + len(lines.failed)
    _behind(axes, run, scenario, len(lines.timed) - 0.4)
    _strokes(axes, run, scenario, lines.timed)
    for y, row in enumerate(lines.timed):
        _timed(axes, run, scenario, row, y)
    for y, row in enumerate(lines.failed, start=len(lines.timed)):
        _failed(axes, row, y)
    axes.set_ylim(lines.height - 0.4, -0.6)
    strategies = [text(row, "strategy") for row in (*lines.timed, *lines.failed)]
    names = [label(name, "reference" if name == run.plan.reference else "") for name in strategies]
    name_rows(axes, names, MARGINS.left)
    if lines.unable:
        below = blended_transform_factory(axes.transAxes, axes.transData)
        wrapped = "\n".join(lines.unable_text)
        axes.text(0.015, listed - 0.35, wrapped, transform=below, va="top", fontsize=8.5, color=QUIET, linespacing=1.35)
        axes.text(-0.021, listed - 0.35, "unsupported", transform=below, va="top", ha="right", color=QUIET)
    # As high as the scenario's id: a floor's name may stand right below.
    axes.annotate(
        "median,  and of the reference", (MEDIAN, 1), xycoords="axes fraction", xytext=(0, 17),
        textcoords="offset points", fontsize=8.5, color=QUIET,
    )  # fmt: skip
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.06)
    time_axis(axes, "x", most=7)
    heading(axes, words(scenario), scenario.id)
    bare(axes, "left", "right", "top")


def draw(run: Run) -> Drawing:
    """One panel a scenario, in the plan's order."""
    drawn = [scenario for scenario in run.plan.scenarios if run.rows(scenario, "candidate")]
    if not any(number(row, "median_s") is not None for scenario in drawn for row in run.rows(scenario, "candidate")):
        return nothing("There is no ranking: no transfer of this run succeeded. The table of failures has the reasons.")
    shown = telling(drawn, MOST_SCENARIOS)
    lines = [_lines(run, scenario, MOST_ROWS // len(shown)) for scenario in shown]
    figure, panels = sheet([ROW * each.height for each in lines], MARGINS)
    for axes, scenario, each in zip(panels, shown, lines, strict=True):
        _panel(axes, run, scenario, each)
    caption = (
        f"Time of one transfer on a logarithmic axis, median of {run.blocks_said}; the small strokes are the blocks. "
        f"{run.interval_said} Shaded: within {100 * run.plan.tie_zone:g} % of the reference, {run.plan.reference}. "
        "Dashed: the floors, inline (the task alone, nothing handed over) and memcpy (one copy before it), "
        "each for one task alone. An arrow means longer than the time limit. "
        "Ratios are paired by block, so they need not equal the ratio of two medians. "
        "Not shown: first transfers, the A/A sentinels, start-up of the workers."
    )
    fewer = sum(each.cut for each in lines)
    left_out = [
        beyond(len(shown), len(drawn), "scenario"),
        f"Of the scenarios shown, {counted(fewer, 'slower or failed line is', 'slower or failed lines are')} left out."
        if fewer else "",
    ]  # fmt: skip
    said = " ".join(filter(None, (caption, *left_out, "summary.csv has them all." if any(left_out) else "")))
    return Drawing(figure, said, _table(shown, lines))


def _table(scenarios: list[Scenario], lines: list[Lines]) -> Table:
    numbers = ("median_s", "low_s", "high_s", "ratio_to_reference", "ratio_low", "ratio_high")
    rows = [
        (
            words(scenario), text(row, "strategy"), *(number(row, name) for name in numbers), text(row, "verdict"),
            number(row, "n_blocks"), text(row, "status").replace("_", " "),
        )
        for scenario, those in zip(scenarios, lines, strict=True) for row in (*those.timed, *those.failed)
    ]  # fmt: skip
    return Table(COLUMNS, tuple(rows))
