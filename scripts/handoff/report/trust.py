"""How far to trust a run: its warnings, did the same thing measured twice agree, what failed, what disturbed it."""

from __future__ import annotations

import statistics as plain
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from handoff.figures.run import Run
from handoff.health import CHECKS
from handoff.health.twice import Sentinel
from handoff.records import STATUSES, Row
from handoff.strategies import find
from handoff.words import NONE, counted, number, ratio, seconds, text

Warnings: TypeAlias = Sequence[Mapping[str, Any]]
"""Of health.json."""

MOST_ELSEWHERE: Final = 500
"""Warnings about strategies that are not the answer: so many are in the page."""
MOST_JOBS: Final = 100
"""Measuring jobs that failed: so many are in the page, with what they wrote."""
MADE_BY: Final = {
    "default": "report", "smoke": "quick", "article": "article", "calibrate": "calibrate", "everything": "everything",
    "sweep": "sweep",
}  # fmt: skip
"""Name of a run of config/ -> the target of the Makefile that makes it."""


@dataclass(frozen=True)
class Told:
    """The warnings of a run, each at the one place where it matters."""

    of_the_run: Warnings
    beside: Mapping[str, Warnings]
    """By scenario: of all its strategies, of the floor and the reference, and of the recommended one."""
    elsewhere: Warnings
    """Of other strategies."""


def told(warnings: Warnings, answers: Sequence[Mapping[str, Any]], reference: str) -> Told:
    """Where each warning is shown; answers are those of recommendations.json."""
    floors = {answer["scenario"]: find(answer["recommended"] or reference).floor for answer in answers}
    concerned = {a["scenario"]: ("", floors[a["scenario"]], reference, a["recommended"]) for a in answers}

    def is_beside(warning: Mapping[str, Any]) -> bool:
        return warning["strategy"] in concerned.get(warning["scenario"], ())

    return Told(
        [each for each in warnings if not each["scenario"]],
        {name: [each for each in warnings if each["scenario"] == name and is_beside(each)] for name in concerned},
        [each for each in warnings if each["scenario"] and not is_beside(each)],
    )


def checked_said(checked: Sequence[str], hosts: int) -> str:
    """Which checks were made, and which were not; of a run on so many hosts."""

    def names(codes: Sequence[str]) -> str:
        return ", ".join(code.replace("_", " ") for code in codes)

    # One host has nobody to disagree with.
    missing = [code for code in CHECKS if code not in checked and (code != "hosts" or hosts > 1)]
    parts = [
        f"Checked: {names(checked)}." if checked else "",
        f"Not checked, for want of blocks or of what the kernel tells: {names(missing)}." if missing else "",
    ]
    return " ".join(filter(None, parts))


def sentinels_said(found: Sequence[Sentinel], warned: bool = False) -> str:
    """What the A/A comparisons say about this machine, in words; warned: a warning tells how many miss."""
    if not found:
        return "No strategy was timed twice, so nothing can be said about how well the machine repeats itself."
    judged = [sentinel for sentinel in found if sentinel.agrees is not None]
    spread = f"their ratios lie between {ratio(min(s.ratio for s in found))} and {ratio(max(s.ratio for s in found))}"
    if warned or not judged:
        few = "" if judged else " Intervals need 6 blocks."
        return f"{counted(len(found), 'comparison')} of a strategy with itself: {spread}.{few}"
    agree = sum(bool(sentinel.agrees) for sentinel in judged)
    return (
        f"{agree} of {counted(len(judged), 'comparison')} of a strategy with itself hold 1 in their interval; "
        f"{spread}. "
        "Where nothing is wrong, about one in twenty is expected to miss it."
    )


def statuses(run: Run) -> list[tuple[str, str, int]]:
    """Status, its meaning, and in how many pairs of scenario and strategy it is the outcome; those that occur."""
    counts = Counter(text(row, "status") for row in run.summary)
    return [(status, meaning, counts[status]) for status, meaning in STATUSES.items() if counts[status]]


def disturbances(run: Run) -> list[tuple[str, str]]:
    """What went on beside the measuring jobs, as name and value."""

    def known(column: str) -> list[float]:
        return [value for row in run.invocations if (value := number(row, column)) is not None]

    def of(column: str, say: str, times: float = 1) -> str:
        values = [times * value for value in known(column)]
        return say.format(middle=plain.median(values), most=max(values), total=sum(values)) if values else NONE

    others, steal = known("others_cpu_s"), known("steal_s")
    share = "{middle:.1f} % at the median, {most:.1f} % at most"
    return [
        ("load average before a job", of("load_before", "{middle:.2f} at the median, {most:.2f} at most")),
        ("processor time that other programs used", f"{seconds(sum(others))} in all" if others else NONE),
        ("time taken by the hypervisor", f"{seconds(sum(steal))} in all" if steal else NONE),
        ("share of time in which a task waited for a core", of("cpu_pressure", share, 100)),
        ("share of time in which a task waited for memory", of("memory_pressure", share, 100)),
        ("stops by the CPU quota", of("throttled", "{total:,.0f}")),
        ("times that a core slowed down from heat", of("overheated", "{total:,.0f}")),
        ("pages swapped", of("swapped", "{total:,.0f}")),
    ]


def commands(run: str) -> list[tuple[str, str]]:
    """What to do with the run, and the command for it."""
    if run in MADE_BY:
        where, made = "", f"make {MADE_BY[run]}"
    elif run == "mine" or run.startswith("mine-"):
        where, made = "PAYLOAD and TASK as before", "make mine PAYLOAD=… TASK=…"
    else:
        where, made = f"CONFIG is the file whose run is {run}", "snakemake --cores all --configfile CONFIG"
    found = [(f"To go on, or to make what is missing{where and f'; {where}'}", made)]
    if run == "default":
        found += [
            ("To go on until every answer is decided", "make thorough"),
            ("To measure what failed again", "make again"),
        ]
    return [*found, ("For more blocks, which are added to these: a higher number in the config, then", made)]


@dataclass(frozen=True)
class Failure:
    """One reason for which a strategy gave no time, or not in every block, and where."""

    strategy: str
    status: str
    reason: str
    scenarios: list[str]


def failures(run: Run) -> list[Failure]:
    """What is not ok, one line for each strategy and reason; real failures before what cannot work."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in run.summary:
        if row["status"] != "ok":
            key = (text(row, "strategy"), text(row, "status"), text(row, "reason"))
            groups.setdefault(key, []).append(text(row, "scenario"))
    found = [Failure(*key, scenarios) for key, scenarios in groups.items()]
    mild = ("raced_out", "skipped", "unsupported")
    return sorted(found, key=lambda failure: mild.index(failure.status) if failure.status in mild else -1)


def failed_jobs(run: Run, most: int = MOST_JOBS) -> list[Row]:
    """The measuring jobs that did not end well, with what they wrote; at most so many."""
    quiet = ("ok", "unsupported", "skipped", "raced_out")
    return [row for row in run.invocations if row["status"] not in quiet][:most]
