"""The article's experiments, with its figures and ours side by side.

The article is Itamar Turner-Trauring's "Python's multiprocessing performance problem" (2023). Its times are of
its author's machine and Python 3.11: what can be compared is their ratio inside one experiment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypedDict, cast

from handoff import statistics
from handoff.breakdown import Breakdown, said, share_for_task
from handoff.figures.run import Run
from handoff.records import read_json
from handoff.shapes import of_shape
from handoff.summaries import BlockValues, block_values
from handoff.words import NONE, counted, interval, number, percent, ratio, seconds, text

ARTICLE_PYTHON: Final = "Python 3.11"

EXPLAINED: Final = "array-64MiB.{task}.reusex8.w{workers}"
"""The scenarios that show why A2 works, and for which tasks it does not."""
LISTED: Final = "array-64KiB.read.send.w1"
"""The scenario in which a ShareableList is measured beside pickle: small, as it takes its numbers one by one."""
LONGER: Final = "array-64MiB.busy.send.w1"
"""The scenario whose task takes 100 ms, whatever it is handed."""
TASKS_S: Final = {"1 s": 1.0, "10 s": 10.0, "10 min": 600.0}
"""Longer tasks, for which the hand-over's share is computed."""
PICKLED: Final = {
    "A1": "array-1GiB-uint8-ones.sum.send.w1.cold",
    "A5": "array-64MiB.read.send.w1",
    "A3": LONGER,
}
"""Experiment -> its scenario whose time by pool_spawn-pickle is taken apart. A4's task does nothing."""
GIL: Final = {"sum": "lets go of the GIL", "loop": "holds the GIL"}
SHARERS: Final = {"threads": "threads-reference", "processes over shared memory": "process_spawn-shared_memory"}
COUNTS: Final = (2, 4)
"""Of workers in A2, beside one."""


@dataclass(frozen=True)
class Line:
    """One timed line of an experiment: the article's seconds, if it has any, and where ours stand."""

    name: str
    article_s: float | None
    strategy: str
    scenarios: tuple[tuple[str, int], ...]
    """Scenario ids in order of preference, each with the share of the article's size as 1/n."""


@dataclass(frozen=True)
class Experiment:
    """One experiment of the article. A ratio is its first line's time over each later line's."""

    id: str
    title: str
    exactly: str
    lines: tuple[Line, ...] = ()
    says: str = ""
    """What the article says where it has no figure."""


def thousandths(value: float | None) -> str:
    """Seconds as the article prints them, without the unit: '0.310'."""
    return NONE if value is None else f"{value:.3f}"


def in_seconds(value: float | None) -> str:
    """As the article prints its times: '0.310 s'."""
    return NONE if value is None else f"{value:.3f} s"


def _full(scenario: str) -> tuple[tuple[str, int], ...]:
    return ((scenario, 1),)


def _eighth(rest: str) -> tuple[tuple[str, int], ...]:
    return ((f"array-8GiB-ones.{rest}", 1), (f"array-1GiB-ones.{rest}", 8))


EXPERIMENTS: Final = (
    Experiment(
        "A1", "a thread against a process",
        "numpy.sum of a 1 GiB array of ones (uint8), by a pool of one thread and by a spawned Pool of one process; "
        "the pool's start is not timed, and it is not warmed",
        (
            Line("process", 1.801, "pool_spawn-pickle", _full(PICKLED["A1"])),
            Line("thread", 0.310, "threads-reference", _full(PICKLED["A1"])),
        ),
    ),
    Experiment(
        "A2", "just use threads",
        "ten sums of an 8 GiB array of ones (float64), one after another and by four threads",
        (
            Line("one after another", 4.253, "threads-reference", _eighth("sum.reusex10.w1")),
            Line("four threads", 1.385, "threads-reference", _eighth("sum.reusex10.w4")),
        ),
    ),
    Experiment(
        "A3", "live with it",
        "how much pickling matters as the task grows longer; measured here with an array of 64 MiB and a task that "
        "takes 100 ms, computed for longer ones",
        (
            Line("process", None, "pool_spawn-pickle", _full(LONGER)),
            Line("thread", None, "threads-reference", _full(LONGER)),
        ),
        says="a few seconds on a ten-minute computation",
    ),
    Experiment(
        "A4", "write it to disk",
        "a frame of one column of 10,000,000 integers to a Pool of one, pickled and as an uncompressed Parquet file "
        "by fastparquet, to a task that does nothing with it",
        (
            Line("pickle", 0.242, "pool_spawn-pickle", _full("frame-80MB-columns1-int64.noop.send.w1.cold")),
            Line("Parquet", 0.172, "pool_spawn-fastparquet-disk", _full("frame-80MB-columns1-int64.noop.send.w1.cold")),
        ),
    ),
    Experiment(
        "A5", "shared memory", "an array of 64 MiB to a process: pickled, and in a segment of shared memory",
        (
            Line("pickle", None, "pool_spawn-pickle", _full(PICKLED["A5"])),
            Line("shared memory", None, "process_spawn-shared_memory", _full(PICKLED["A5"])),
        ),
        says="it suits arrays; no cheap way for any object",
    ),
    Experiment(
        "A6", "fork, the bad option", "a thread prints to standard error while a forked Process starts",
        says="it consistently deadlocks",
    ),
    Experiment("A7", "you need to measure", "is the transfer the bottleneck?", says="profile first"),
)  # fmt: skip


@dataclass(frozen=True)
class Ours:
    """Our line beside one of the article's; without a time, the note says why."""

    name: str
    article_s: float | None
    median_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    article_ratio: float | None = None
    """Of the experiment's first line to this one, in the article; None for the first line."""
    our_ratio: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Beside:
    """One experiment, the article's and ours."""

    experiment: Experiment
    lines: list[Ours] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """What we have to say beside the lines, or without any."""


def _ours(run: Run, line: Line) -> tuple[Ours, int]:
    """Our line, and the n of the 1/n to which it is scaled: of the first scenario that was timed."""
    rows = {(text(row, "scenario"), text(row, "strategy")): row for row in run.summary}
    obstacles = []
    for scenario, share in line.scenarios:
        row = rows.get((scenario, line.strategy))
        if row is None:
            continue
        if (median := number(row, "median_s")) is None:
            obstacles.append(f"{text(row, 'status').replace('_', ' ')}: {text(row, 'reason')}")
            continue
        why = f": at full size {obstacles[0]}" if obstacles else ""
        note = f"scaled to 1/{share}{why}" if share > 1 else ""
        if row["status"] != "ok":
            note = "; ".join(filter(None, (note, f"{text(row, 'status')} {text(row, 'reason')}")))
        return Ours(line.name, line.article_s, median, number(row, "low_s"), number(row, "high_s"), note=note), share
    return Ours(line.name, line.article_s, note="; ".join(obstacles) or "not measured in this run"), 0


def _lines(run: Run, experiment: Experiment) -> list[Ours]:
    both = [_ours(run, line) for line in experiment.lines]
    if not both:
        return []
    first, share = both[0]
    beside = [first]
    for ours, its_share in both[1:]:
        # Lines of different sizes have no ratio.
        beside.append(Ours(
            ours.name, ours.article_s, ours.median_s, ours.low_s, ours.high_s,
            article_ratio=_times(first.article_s, ours.article_s),
            our_ratio=_times(first.median_s, ours.median_s) if share == its_share else None, note=ours.note,
        ))  # fmt: skip
    return beside


def _times(longer: float | None, shorter: float | None) -> float | None:
    return longer / shorter if longer and shorter else None


class Counts(TypedDict, total=False):
    """How many of the runs of a program hung."""

    runs: int
    hung: int


class Deadlock(Counts, total=False):
    """What is said of deadlock.json; older ones lack parts of it."""

    python: str
    note: str
    unbuffered: Counts
    deterministic: Counts
    stacks: dict[str, dict[str, str]]


def read_deadlock(path: Path) -> Deadlock:
    """What a deadlock.json holds.

    Raises:
        BadTable: it is missing or damaged.
    """
    return cast(Deadlock, read_json(path, of_shape(Deadlock)))


def _hung(counts: Mapping[str, Any], of: str) -> str:
    return (
        f"{of}: {counts['hung']} of {counted(int(counts['runs']), 'run')} hung"
        if "runs" in counts and "hung" in counts
        else ""
    )


def deadlock_said(deadlock: Mapping[str, Any] | None) -> list[str]:
    """What deadlock.json says, in sentences; parts that it lacks are left out."""
    if not deadlock:
        return ["not measured in this run"]
    python = f", Python {deadlock['python']}" if deadlock.get("python") else ""
    parts = [
        _hung(deadlock, f"the article's program{python}"),
        _hung(deadlock.get("unbuffered") or {}, "the same with PYTHONUNBUFFERED=1"),
        _hung(deadlock.get("deterministic") or {}, "a thread that holds a lock at the moment of the fork"),
        str(deadlock.get("note") or ""),
    ]
    return [part for part in parts if part]


@dataclass(frozen=True)
class Hang:
    """One deadlock, caught: which lock it is about, and where the threads were."""

    title: str
    why: str
    child: str
    parent: str


WHY: Final = {
    "printing": (
        "a thread prints while the child is forked",
        "The lock is that of standard error's buffer. The thread in keep_printing held it, inside print(), at the "
        "moment of the fork. The child got the locked copy without the thread that would unlock it, and waits for it "
        "as it flushes standard error at its end. The parent waits for the child.",
    ),
    "locked": (
        "a thread holds a lock at the moment of the fork",
        "The lock is the program's own. The thread in hold_the_lock held it at the moment of the fork. The child got "
        "the locked copy without that thread, and waits for it in want_the_lock. The parent waits for the child.",
    ),
}
"""Of each program in deadlock.json's `stacks`: a title, and which thread held which lock."""


def hangs(deadlock: Mapping[str, Any] | None) -> list[Hang]:
    """The deadlocks whose stacks were caught; none in older files."""
    found = (deadlock or {}).get("stacks") or {}
    return [
        Hang(*WHY[name], stacks.get("child", ""), stacks.get("parent", ""))
        for name in WHY if (stacks := found.get(name))
    ]  # fmt: skip


def _times_as_fast(values: BlockValues, task: str, strategy: str, level: float) -> str:
    """How many times as fast two workers are as one: '1.92 [1.85, 1.99]'; '' where that is not known."""
    one, two = (values.get((EXPLAINED.format(task=task, workers=count), strategy), {}) for count in (1, 2))
    gains = statistics.paired_log_ratios(one, two)
    if not gains or not math.isfinite(centre := statistics.hodges_lehmann(gains)):
        return ""
    found = statistics.signed_rank_interval(gains, level)
    ends = [math.exp(end) if math.isfinite(end) else None for end in found] if found else [None, None]
    return f"{ratio(math.exp(centre))} {interval(*ends)}".rstrip()


def two_workers_said(run: Run) -> list[str]:
    """What a second worker brings a task that lets go of the GIL and one that holds it, by threads and by processes."""
    values = block_values(run.invocations, run.timings)
    said = []
    for who, strategy in SHARERS.items():
        gains = {task: _times_as_fast(values, task, strategy, run.plan.level) for task in GIL}
        parts = [f"{task} ({GIL[task]}) {gain}" for task, gain in gains.items() if gain]
        if parts:
            said.append(f"2 {who} against one: {' and '.join(parts)} times as fast, the hand-over included")
    return said


def shareable_list_said(run: Run) -> list[str]:
    """What the other thing costs that the article names, a ShareableList, beside a pickle of the same numbers."""
    rows = {text(row, "strategy"): row for row in run.summary if row["scenario"] == LISTED}
    listed, pickled = (rows.get(name) for name in ("process_spawn-shareable_list", "pool_spawn-pickle"))
    times = _times(number(listed or {}, "median_s"), number(pickled or {}, "median_s"))
    if not times:
        return []
    return [f"64 KiB of the same numbers in a ShareableList take {ratio(times)} times as long as pickled"]


def _pickled(run: Run, scenario: str) -> Breakdown | None:
    known = next((each for each in run.plan.scenarios if each.id == scenario), None)
    return run.breakdown(known, "pool_spawn-pickle") if known else None


def longer_tasks_said(run: Run) -> list[str]:
    """How much of the time pickling and moving are, as the task grows longer: measured once, then computed."""
    found = _pickled(run, LONGER)
    if not found:
        return []
    longer = [
        f"{percent(share_for_task(found.handing_over_s, task_s), 2)} of one of {name}"
        for name, task_s in TASKS_S.items()
    ]
    return [
        f"handing 64 MiB over by pickle takes {seconds(found.handing_over_s)}: measured, "
        f"{percent(1 - found.task_share, 2)} of a call whose task takes 100 ms; computed, {', '.join(longer)}"
    ]


def bottleneck_said(run: Run) -> list[str]:
    """Whether the transfer is the bottleneck at all, in each experiment that pickles."""
    found = {name: _pickled(run, scenario) for name, scenario in PICKLED.items()}
    told = [f"{name}: {said(split).rstrip('.')}" for name, split in sorted(found.items()) if split]
    return told or ["not measured in this run"]


def crowding_said(machines: Sequence[Mapping[str, Any]]) -> list[str]:
    """That there were fewer cores than workers, where it was so."""
    cores = [int(found) for machine in machines if (found := (machine.get("hardware") or {}).get("cores"))]
    crowded = [str(count) for count in COUNTS if count > min(cores, default=count)]
    if not crowded:
        return []
    return [f"this machine has {counted(min(cores), 'core')}, on which {' or '.join(crowded)} workers take turns"]


def _said(
    run: Run, experiment: str, deadlock: Mapping[str, Any] | None, machines: Sequence[Mapping[str, Any]]
) -> list[str]:  # fmt: skip
    """What there is to say of an experiment beside its lines."""
    match experiment:
        case "A2":
            return [*two_workers_said(run), *crowding_said(machines)]
        case "A3":
            return longer_tasks_said(run)
        case "A5":
            return shareable_list_said(run)
        case "A6":
            return deadlock_said(deadlock)
        case "A7":
            return bottleneck_said(run)
    return []


def beside(
    run: Run, deadlock: Mapping[str, Any] | None = None, machines: Sequence[Mapping[str, Any]] = ()
) -> list[Beside]:
    """Every experiment of the article, with ours where the plan lists it; none if it lists none."""
    if not run.plan.experiments:
        return []
    return [
        Beside(experiment, _lines(run, experiment), _said(run, experiment.id, deadlock, machines))
        if experiment.id in run.plan.experiments
        else Beside(experiment, said=["not asked for in this run"])
        for experiment in EXPERIMENTS
    ]


def pythons(run: Run) -> Sequence[str]:
    """The interpreters that measured, as 'CPython 3.13.0'."""
    return sorted({text(row, "interpreter") for row in run.invocations if row["interpreter"]})
