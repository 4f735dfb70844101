"""Drift: whether the same work took as long at the end of the run as at its beginning."""

from __future__ import annotations

import math
from datetime import datetime
from statistics import median
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from handoff.disturbances import DISTURBANCES
from handoff.figures.drawing import Drawing, Margins, bare, beyond, heading, nothing, sheet
from handoff.figures.run import Run
from handoff.figures.style import INK, QUIET, TIE, look, ticks
from handoff.figures.table import Table
from handoff.records import Row
from handoff.strategies import FLOORS, SENTINEL, find
from handoff.words import number, ratio, text

BODY: Final = 1.9
MARGINS: Final = Margins(left=0.75, right=2.3, head=0.78, foot=0.6)
MOST_PANELS: Final = 4
MOST_JOBS: Final = 160
"""Points of a panel: of a longer run every second block is drawn, or every third, and so on."""
TAKEN: Final = tuple(each for each in DISTURBANCES if each.per_second)
"""What takes the cores away from a job: it is ringed."""


class Job(NamedTuple):
    """One measuring job of the reference, the floor or their twins."""

    row: Row
    minutes: float
    """Since the run's first job, without the pauses between campaigns."""
    share: float
    """Its value of its own median, in the middle over its scenarios."""


def disturbed(row: Row) -> bool:
    """Whether other programs or the hypervisor took a share of this job's time."""
    return any(each.hit(row, usual=0.0) for each in TAKEN)


def clock(invocations: list[Row]) -> dict[str, float]:
    """Minutes of each job since the first one; a campaign begins where the one before it ended.

    Jobs without a readable time, or that all began at once, stand one after another, a minute each.
    """
    begun: dict[str, float] = {}
    for row in invocations:
        try:
            begun[text(row, "invocation")] = datetime.fromisoformat(text(row, "started_at")).timestamp() / 60
        except (ValueError, OverflowError):
            continue
    if len(set(begun.values())) < 2:
        ordered = sorted(invocations, key=lambda row: (number(row, "block") or 0.0, number(row, "slot") or 0.0))
        return {text(row, "invocation"): float(place) for place, row in enumerate(ordered)}
    campaigns: dict[str, list[str]] = {}
    for row in invocations:
        if text(row, "invocation") in begun:
            campaigns.setdefault(text(row, "campaign"), []).append(text(row, "invocation"))
    found, end = {}, 0.0
    for names in sorted(campaigns.values(), key=lambda names: min(begun[name] for name in names)):
        first = min(begun[name] for name in names)
        found.update({name: end + begun[name] - first for name in names})
        end += max(begun[name] for name in names) - first
    return found


def jobs(run: Run, kind: str, twin: str) -> list[Job]:
    """Those of a strategy and its sentinel with payloads of a kind, in the order in which they ran."""
    minutes = clock(run.invocations)
    ids = [scenario.id for scenario in run.plan.of_kind(kind)]
    middles = {}
    for each in ids:
        both = [*run.values.get((each, twin), {}).values(), *run.values.get((each, twin + SENTINEL), {}).values()]
        finite = [value for value in both if math.isfinite(value)]
        middles[each] = median(finite) if finite else None
    found = []
    for row in run.invocations:
        if row["kind"] != kind or find(text(row, "strategy")).twin != twin or text(row, "invocation") not in minutes:
            continue
        block = text(row, "campaign"), int(number(row, "block") or 0)
        shares = [
            value / middle for each in ids
            if (value := run.values.get((each, text(row, "strategy")), {}).get(block, math.inf)) < math.inf
            and (middle := middles[each])
        ]  # fmt: skip
        if shares:
            found.append(Job(row, minutes[text(row, "invocation")], median(shares)))
    return sorted(found, key=lambda job: job.minutes)


def _thinned(those: list[Job]) -> list[Job]:
    blocks = sorted({int(number(job.row, "block") or 0) for job in those})
    kept = set(blocks[:: math.ceil(len(those) / MOST_JOBS) or 1])
    return [job for job in those if int(number(job.row, "block") or 0) in kept]


def _edges(run: Run, kind: str) -> list[float]:
    """Minutes at which the blocks of a kind begin."""
    minutes = clock(run.invocations)
    first: dict[tuple[str, float], float] = {}
    for row in run.invocations:
        if row["kind"] == kind and (at := minutes.get(text(row, "invocation"))) is not None:
            block = text(row, "campaign"), number(row, "block") or 0.0
            first[block] = min(at, first.get(block, math.inf))
    return sorted(first.values())


def _panel(axes: Axes, run: Run, kind: str, found: dict[str, list[Job]]) -> None:
    every = [job for those in found.values() for job in those]
    shares = [job.share for job in every]
    low, high = min(0.93, *shares) / 1.03, max(1.07, *shares) * 1.03
    last = max(job.minutes for job in every) or 1.0
    edges = _edges(run, kind)
    across = [x for edge in edges for x in (edge, edge, math.nan)]
    axes.plot(across, [low, high, math.nan] * len(edges), color="#c4c9ce", linewidth=0.8, zorder=0.6)
    zone = 1 + run.plan.tie_zone
    axes.fill_between([-last, 2 * last], 1 / zone, zone, color=TIE, zorder=0.3, linewidth=0)
    for place, (strategy, those) in enumerate(found.items()):
        colour, marker, _ = look(strategy)
        marker = "o" if find(strategy).is_floor else marker
        times, values = [job.minutes for job in those], [job.share for job in those]
        axes.plot(times, values, color=colour, linewidth=0.9, marker=marker, markersize=4.5, markeredgecolor="white",
                  markeredgewidth=0.4)  # fmt: skip
        hit = [job for job in those if disturbed(job.row)]
        axes.plot([job.minutes for job in hit], [job.share for job in hit], "o", color="none", markersize=10,
                  markeredgecolor="#D55E00", markeredgewidth=1.3)  # fmt: skip
        height = 0.9 - 0.16 * place
        axes.plot([1.03], [height], marker, color=colour, markersize=5.5, transform=axes.transAxes, clip_on=False)
        axes.text(1.05, height, strategy, transform=axes.transAxes, va="center", fontsize=9, color=INK)
    count = sum(disturbed(row) for row in run.invocations if row["kind"] == kind)
    total = sum(row["kind"] == kind for row in run.invocations)
    said = f"{count} of {total} jobs disturbed"
    axes.text(1.05, 0.9 - 0.16 * len(found), said, transform=axes.transAxes, va="center", fontsize=9, color=QUIET)
    axes.set_yscale("log")
    axes.set_xlim(-0.02 * last, 1.02 * last)
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(ticks(low, high, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{ratio(value)} ×"))
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("minutes since the first job, without the pauses between campaigns")
    heading(axes, f"{kind}: time of a job, of its strategy's median", "each upright line is the beginning of a block")
    bare(axes, "right", "top")


def draw(run: Run) -> Drawing:
    """One panel a payload kind; of each the reference and the task alone, with their twins."""
    followed = (run.plan.reference, FLOORS[0].id)
    kinds = {}
    for kind in run.plan.kinds:
        found = {name: those for name in followed if (those := jobs(run, kind, name))}
        if found:
            kinds[kind] = found
    if not kinds:
        return nothing("There is no drift to show: neither the reference nor the task alone has a time in any block.")
    shown = dict(list(kinds.items())[:MOST_PANELS])
    drawn = {kind: {name: _thinned(those) for name, those in found.items()} for kind, found in shown.items()}
    figure, panels = sheet([BODY] * len(drawn), MARGINS)
    for axes, (kind, found) in zip(panels, drawn.items(), strict=True):
        _panel(axes, run, kind, found)
    every = sum(len(those) for found in shown.values() for those in found.values())
    points = sum(len(those) for found in drawn.values() for those in found.values())
    caption = (
        f"Each point is a job, over {run.blocks_said}: the middle, over its scenarios, of its block's value divided by "
        "the median of all blocks; the reference and the task alone are measured twice a block, and both are here. "
        f"Shaded: within {100 * run.plan.tie_zone:g} % of that median. A level line is a machine that stayed the same; "
        "a slope or a step is drift, which blocks take out of every ratio. "
        f"A ring: while it ran {', or '.join(each.said for each in TAKEN)}. There are no intervals, since a point is "
        "one job. Not shown: the other strategies, and failed jobs."
    )
    left_out = beyond(len(shown), len(kinds), "payload kind"), beyond(points, every, "job", ", whole blocks at a time")
    rows = tuple(
        (kind, text(job.row, "strategy"), number(job.row, "block"), 60 * job.minutes, job.share,
         "yes" if disturbed(job.row) else "no")
        for kind, found in drawn.items() for those in found.values() for job in those
    )  # fmt: skip
    columns = ("payload kind", "strategy", "block", "since the first job, s", "share of its median", "disturbed")
    return Drawing(figure, " ".join(filter(None, (caption, *left_out))), Table(columns, rows))
