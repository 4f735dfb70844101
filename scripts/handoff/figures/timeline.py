"""Timeline: one transfer of a few strategies side by side, with who is at work when, to scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from handoff.figures.drawing import Box, Drawing, Margins, bare, beyond, boxes, heading, nothing, sheet
from handoff.figures.phases import PHASES, components, key
from handoff.figures.run import Run, telling, words
from handoff.figures.style import INK, QUIET, label
from handoff.figures.table import Table
from handoff.scenarios import PATTERNS, Scenario
from handoff.strategies import find
from handoff.words import ratio, seconds, text, tick

ROW: Final = 0.5
"""Height of a strategy with its two lanes, in inches."""
MARGINS: Final = Margins(left=2.95, right=1.75, head=0.78, foot=0.42)
BESIDE: Final = 1.03
MOST_SCENARIOS: Final = 4
MOST_STRATEGIES: Final = 6
DWARFED: Final = 6.0
"""Where the longest bar is so many times as long as the middle one, the others get a second panel, enlarged."""

LANES: Final = {"sender": -0.19, "between": 0.0, "worker": 0.19}
"""Who is at work -> the middle of the lane, in rows; what lies between stretches over both lanes."""
HALF: Final = {"sender": 0.15, "between": 0.34, "worker": 0.15}
RELEASE: Final = "#d5dade"


def course(pattern: str) -> tuple[tuple[str, str], ...]:
    """The phases of a transfer in the order in which they happen, each with whose lane it is.

    'sender' is the caller, who holds the payload at first or, of `return`, gets it at last. Where the payload comes
    back and is used twice, attach and task are both sides' and cannot be told apart: they lie between.
    """
    how = PATTERNS[pattern]
    if how.payloads == "held":
        # The request comes first; the worker publishes what it holds, and the caller runs the task on it.
        return (
            ("dispatch", "between"), ("publish", "worker"), ("reply", "between"), ("attach", "sender"),
            ("task", "sender"),
        )  # fmt: skip
    users = "between" if how.back else "worker"
    return ("publish", "sender"), ("dispatch", "between"), ("attach", users), ("task", users), ("reply", "between")


@dataclass(frozen=True)
class Course:
    """One transfer of one strategy: its phases with lane, beginning and end, in seconds."""

    strategy: str
    steps: tuple[tuple[str, str, float, float], ...]
    total: float
    release: float
    misfit: float
    """By which share the medians of the parts were stretched so that they add up to that of the whole."""


def course_of(run: Run, scenario: Scenario, strategy: str) -> Course | None:
    """None if the strategy has no transfer with all its phases."""
    split = components(run, scenario, strategy)
    parts = sum(split.get(phase, 0.0) for phase in PHASES)
    total = split.get("total", 0.0)
    if not PHASES.keys() <= split.keys() or parts <= 0 or total <= 0:
        return None
    steps, now = [], 0.0
    for phase, lane in course(scenario.pattern):
        end = now + split[phase] * total / parts
        steps.append((phase, lane, now, end))
        now = end
    return Course(strategy, tuple(steps), total, split.get("release", 0.0), abs(math.log(total / parts)))


def chosen(run: Run, scenario: Scenario) -> list[str]:
    """The reference, the recommended way, the fastest one, then the fastest of each executor; fastest first."""
    timed = [text(row, "strategy") for row in run.timed(scenario, "candidate")]
    first = [name for name in (run.plan.reference, run.contest(scenario).winner, *timed[:1]) if name in timed]
    executors = {find(name).executor for name in first}
    of_executors = []
    for name in timed:
        if (executor := find(name).executor) not in executors:
            executors.add(executor)
            of_executors.append(name)
    kept = list(dict.fromkeys([*first, *of_executors, *timed]))[:MOST_STRATEGIES]
    return [name for name in timed if name in kept]


def _panel(axes: Axes, those: list[Course], named: dict[str, str]) -> None:
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    found: dict[str, list[Box]] = {}
    for y, each in enumerate(those):
        for phase, lane, begin, end in each.steps:
            middle, half = y + LANES[lane], HALF[lane]
            found.setdefault(phase, []).append((begin, middle - half, end, middle + half))
        if each.release > 0:
            middle, half = y + LANES["sender"], HALF["sender"]
            found.setdefault("release", []).append(
                (each.total, middle - half, each.total + each.release, middle + half)
            )
        after = f" + {seconds(each.release)}" if each.release > 0 else ""
        axes.text(BESIDE, y, seconds(each.total) + after, transform=beside, va="center", fontsize=9)
    last = max(each.total + each.release for each in those) * 1.02
    lanes = [(0.0, y + LANES[lane] - 0.15, last, y + LANES[lane] + 0.15) for y in range(len(those))
             for lane in ("sender", "worker")]  # fmt: skip
    boxes(axes, lanes, facecolor="#f6f7f8", linewidth=0, zorder=0.3)
    for phase, (colour, hatch) in PHASES.items():
        boxes(axes, found.get(phase, []), facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.4)
    boxes(axes, found.get("release", []), facecolor=RELEASE, edgecolor="white", linewidth=0.4)
    strokes = [
        end for y, each in enumerate(those) for end in ((each.total, y - 0.4), (each.total, y + 0.4), (math.nan,) * 2)
    ]
    axes.plot(*zip(*strokes, strict=True), color=INK, linewidth=1.3, solid_capstyle="butt")
    for y in range(len(those)):
        axes.annotate("sender\nworker", (0, y), xycoords=beside, xytext=(-5, 0), textcoords="offset points", ha="right",
                      va="center", fontsize=7.5, color=QUIET, linespacing=1.25)  # fmt: skip
        axes.annotate(named[those[y].strategy], (0, y), xycoords=beside, xytext=(-46, 0), textcoords="offset points",
                      ha="right", va="center", fontsize=9.5)  # fmt: skip
    axes.annotate("total + release", (BESIDE, 1), xycoords="axes fraction", xytext=(0, 17), textcoords="offset points",
                  fontsize=8.5, color=QUIET)  # fmt: skip
    axes.set_xlim(0, last)
    axes.set_ylim(len(those) - 0.42, -0.58)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.grid(axis="y", visible=False)
    axes.set_axisbelow(True)
    bare(axes, "left", "right", "top")


def _names(run: Run, scenario: Scenario, those: list[Course]) -> dict[str, str]:
    winner = run.contest(scenario).winner
    marks = {run.plan.reference: "reference"}
    # The name of a way that is both is long enough already.
    if winner != run.plan.reference:
        marks[winner] = "recommended"
    return {each.strategy: _wrapped(label(each.strategy, marks.get(each.strategy, ""))) for each in those}


def _wrapped(name: str) -> str:
    """In two lines where it is long."""
    if len(name) <= 24:
        return name
    return name.replace(" (", "\n(", 1) if " (" in name else name.replace("-", "-\n", 1)


def _enlarged(those: list[Course]) -> list[Course]:
    """The quick ones, where the slow ones make them too small to be seen; none otherwise."""
    longest = max(each.total for each in those)
    quick = [each for each in those if each.total * DWARFED < longest]
    dwarfed = longest > DWARFED * median(each.total for each in those) or 2 * len(quick) >= len(those)
    return quick if dwarfed and len(quick) > 1 else []


def draw(run: Run) -> Drawing:
    """One panel for the largest payload of each kind and pattern, and one for its quick ways alone where needed."""
    # Of many calls over one payload a phase holds what lies before the last call: no single course.
    single = [each for each in run.plan.scenarios if not PATTERNS[each.pattern].calls]
    known = {each.id: [way for name in chosen(run, each) if (way := course_of(run, each, name))] for each in single}
    drawable = [each for each in single if known[each.id]]
    if not drawable:
        return nothing(
            "There is no timeline to show: no transfer of this run succeeded, of a pattern with one call. Measure the "
            "pattern send, for example, with a way that works here."
        )
    shown = telling(drawable, MOST_SCENARIOS)
    panels: list[tuple[Scenario, list[Course], str]] = []
    for scenario in shown:
        those = known[scenario.id]
        panels.append((scenario, those, scenario.id))
        if quick := _enlarged(those):
            times = max(each.total + each.release for each in those) / max(each.total + each.release for each in quick)
            panels.append((scenario, quick, f"the quick ones of above, {ratio(times)} times enlarged"))
    figure, sheets = sheet([ROW * len(those) for _, those, _ in panels], MARGINS)
    for axes, (scenario, those, below) in zip(sheets, panels, strict=True):
        _panel(axes, those, _names(run, scenario, those))
        heading(axes, words(scenario), below)
    more: dict[str, Any] = {"release": {"facecolor": RELEASE}}
    key(sheets[0], **more)
    misfit = max(each.misfit for scenario in shown for each in known[scenario.id])
    caption = (
        f"One transfer of each way, to scale: medians over {run.blocks_said}, in the order in which they happen, along "
        "the worker that finishes last. Upper lane: the sender, who is the caller; lower lane: the worker, a process "
        "or a thread; what fills both is on its way between them, pickling and unpickling included. "
        "The black stroke is when the clock stops; release, paler, happens after it. "
        f"Parts are stretched or shrunk, by {100 * math.expm1(misfit):.1f} % at most, so that they add up to the "
        "median of the whole. Of return the worker publishes and the caller attaches and runs the task; "
        "where a payload comes back, attach and task are those of both sides. "
        "Chosen: the reference, the recommended and the fastest way, then the fastest of each executor, up to six. "
        "Not shown: intervals (see the ranking), start-up, first transfers, many calls over one payload."
    )
    rows = tuple(
        (words(scenario), each.strategy, phase, lane, begin, end - begin)
        for scenario in shown for each in known[scenario.id]
        for phase, lane, begin, end in (*each.steps, ("release", "sender", each.total, each.total + each.release))
    )  # fmt: skip
    said = " ".join(filter(None, (caption, beyond(len(shown), len(drawable), "scenario"))))
    return Drawing(figure, said, Table(("scenario", "strategy", "phase", "lane", "begins at, s", "takes, s"), rows))
