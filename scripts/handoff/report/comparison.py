"""Several runs in one page: what differs between them and what does not, first in words, then scenario by scenario.

Each later run is judged against the first, as two runs are (handoff.comparison). Of different machines the ratios to
the reference decide, which are paired inside each run; their times stand beside each other and are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from handoff.comparison import Change, Comparison, Line, State, compare
from handoff.figures.drawing import MOST_PANELS
from handoff.figures.run import words
from handoff.records import Row
from handoff.report import moment
from handoff.report.comparison_picture import Panel, drawn
from handoff.results import ACROSS, OF_THE_ENVIRONMENT, OF_THE_MACHINE, Results
from handoff.scenarios import Scenario
from handoff.statistics import SURE_BLOCKS
from handoff.terminal import plain
from handoff.words import NONE, counted, interval, number, percent, ratio, seconds, text

HERE: Final = Path(__file__).parent

MOST_FACTS: Final = 60
"""Facts that differ, in the table of the runs; machines of two makers differ in hundreds."""


def joined(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


@dataclass(frozen=True)
class Cell:
    """A strategy in a scenario of one run, as the table has it."""

    time: str
    ratio: str
    verdict: str
    change: str
    """Against the first run; '' in the first run itself."""


@dataclass(frozen=True)
class Place:
    """A scenario that two runs have at least."""

    scenario: Scenario
    answer: str
    agreed: bool
    rows: Sequence[tuple[str, str, Sequence[Cell | None]]]
    """Strategy, role, and a cell a run; None where the run has no such strategy."""
    picture: Markup | None


class Several:
    """Two or more finished runs. The first is the one that the others are judged against."""

    def __init__(self, runs: Sequence[Results], tie_zone: float | None = None) -> None:
        """Raises CannotCompare if a run measured something else than the first under the same names."""
        self.runs = tuple(runs)
        self.pairs: tuple[Comparison, ...] = tuple(compare(runs[0], run, tie_zone, ACROSS) for run in runs[1:])
        self.changes: list[Mapping[tuple[str, str], Line]] = [
            {(line.scenario, line.strategy): line for line in pair.lines} for pair in self.pairs
        ]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the runs are called: their folders' names, or the whole paths where two of these are alike."""
        short = [plain(run.folder.resolve().name) for run in self.runs]
        if len({*short}) == len(short):
            return tuple(short)
        return tuple(f"{place}: {plain(str(run.folder))}" for place, run in enumerate(self.runs, start=1))

    @property
    def machines_differ(self) -> bool:
        return any("machines" in pair.across for pair in self.pairs)

    @cached_property
    def scenarios(self) -> list[Scenario]:
        """Those that two runs have at least, in the order of the first run that has them."""
        known: dict[str, Scenario] = {}
        for run in self.runs:
            known = {**run.scenarios, **known}
        return [scenario for name, scenario in known.items() if sum(name in run.scenarios for run in self.runs) > 1]

    def answers(self, scenario: str) -> dict[str, list[str]]:
        """What is recommended there -> the runs that recommend it, each marked where it is not decided."""
        found: dict[str, list[str]] = {}
        for name, run in zip(self.names, self.runs, strict=True):
            if answer := run.answers.get(scenario):
                unclear = answer["recommended"] and answer["confidence"] == "unclear"
                found.setdefault(answer["recommended"], []).append(f"{name} (unclear)" if unclear else name)
        return found

    @cached_property
    def elsewhere(self) -> list[Scenario]:
        """Scenarios in which not all runs recommend the same."""
        return [scenario for scenario in self.scenarios if len(self.answers(scenario.id)) > 1]

    @property
    def exit_code(self) -> int:
        """1 if in a later run something is shown to be slower or fails newly, else 0."""
        return max(pair.exit_code for pair in self.pairs)


# In words.


def _answer_said(several: Several, scenario: Scenario) -> str:
    """'threads-reference in all runs', 'threads-reference in a and b; process_spawn-arena in c (unclear)'."""
    answers = several.answers(scenario.id)
    if not answers:
        return "no run has an answer"
    said = [f"{use or 'nothing'} in {joined(runs)}" for use, runs in answers.items()]
    if len(said) == 1:
        (use, runs), *_ = answers.items()
        unclear = [run for run in runs if run.endswith("(unclear)")]
        return f"{use or 'nothing'} in all runs{f', not decided in {len(unclear)} of them' if unclear else ''}"
    return "; ".join(said)


def in_short(several: Several) -> str:
    """Whether the runs recommend the same, in one sentence."""
    count, total, other = len(several.runs), len(several.scenarios), len(several.elsewhere)
    runs = "Both runs" if count == 2 else f"All {count} runs"
    if not other:
        return (
            f"{runs} recommend the same in {'all ' if total > 1 else ''}{counted(total, 'scenario')} that they share."
        )
    if other == total:
        where = f"any of the {total} scenarios" if total > 1 else "the one scenario"
        return f"In {where} that they share, the {count} runs do not recommend the same."
    return f"{runs} recommend the same in {total - other} of {total} scenarios; in {other} the answer is another one."


def _measured_said(first: Results, run: Results, across: Sequence[str]) -> str:
    """What is another one in a later run: 'on another machine, with CPython 3.14.0 instead of CPython 3.13.0'."""
    said = ["on another machine" if "machines" in across else "on the same machine"]
    if "environments" in across:
        mine, theirs = (joined(sorted(each.ids("interpreter"))) for each in (run, first))
        packages = run.facts(("packages",)) != first.facts(("packages",))
        if mine != theirs:
            said.append(f"with {mine} instead of {theirs}{' and other packages' if packages else ''}")
        else:
            said.append("with other packages" if packages else "with other strategies, or other code of Handoff")
    elif "machines" not in across:
        said.append("with the same Python and packages")
    return ", ".join(said)


def _pair_said(several: Several, place: int) -> str:
    """What became of the answers, the verdicts and the times from the first run to a later one."""
    pair, first, name = several.pairs[place], several.names[0], several.names[place + 1]
    changed = sum(one["recommended"] != other["recommended"] for _, one, other in pair.recommended)
    count = len(pair.recommended)
    if count == 1:
        answers = f"{'another' if changed else 'the same'} answer in the one scenario that both have"
    else:
        answers = (
            f"another answer in {changed} of {count} scenarios"
            if changed
            else f"the same answer in all {count} scenarios"
        )
    found = pair.agreement
    agree = (
        f"{len(found.agreeing)} of {counted(len(found.decided), 'verdict')} that both decided agree"
        f"{f' (reversed: {len(found.reversed)})' if found.reversed else ''}"
        if found.decided
        else "no verdict is decided in both"
    )
    by = ", by their ratios" if "machines" in pair.across else ""
    faster = len(pair.judged("faster")) or "none"
    slower = len(pair.judged("slower")) or "none"
    moved = (
        f"Counted in every scenario, {slower} of {counted(len(pair.candidates), 'way')} became slower and {faster} "
        f"faster{by}"
    )
    measured = _measured_said(several.runs[0], several.runs[place + 1], pair.across)
    failing = f"; newly failing: {len(pair.newly_failing)}" if pair.newly_failing else ""
    return f"{name} against {first}, measured {measured}: {answers}; {agree}. {moved}{failing}."


def told(several: Several) -> list[str]:
    """All of it in sentences: the answers, then each later run against the first."""
    return [in_short(several), *(_pair_said(several, place) for place in range(len(several.pairs)))]


def told_elsewhere(several: Several) -> list[tuple[Scenario, str]]:
    """Where the answer is another one, and which."""
    return [(scenario, _answer_said(several, scenario)) for scenario in several.elsewhere]


def text_of(several: Several) -> str:
    """The same words for a terminal."""
    elsewhere = [f"  {scenario.id}: {said}" for scenario, said in told_elsewhere(several)]
    return (
        "\n".join(map(plain, [*told(several), *(["The answer is another one:"] if elsewhere else []), *elsewhere]))
        + "\n"
    )


# What the runs are.


def _usual(run: Results) -> dict[str, str]:
    """Of every run: where, when, on what and with how many blocks."""
    facts = run.facts((*OF_THE_MACHINE, *OF_THE_ENVIRONMENT))
    began, ended = (sorted(run.ids(column) - {"", "None"}) for column in ("started_at", "ended_at"))
    return {
        "folder": plain(str(run.folder)),
        "host": joined(sorted(run.ids("host"))),
        "processor": facts.get("hardware.processor", NONE),
        "cores": facts.get("hardware.cores", NONE),
        "kernel": facts.get("kernel.release", NONE),
        "Python": joined(sorted(run.ids("interpreter"))),
        "measured": f"{moment(began[0])} to {moment(ended[-1])}" if began and ended else NONE,
        "blocks": str(run.plan.blocks),
    }


SAID_ALREADY: Final = ("hardware.processor", "hardware.cores", "kernel.release", "python.version")


def facts(several: Several) -> tuple[list[tuple[str, list[str]]], list[tuple[str, list[str]]], int]:
    """Rows of a table with a column a run: the usual facts, those others that differ, and how many more differ."""
    usual = [_usual(run) for run in several.runs]
    described = [run.facts((*OF_THE_MACHINE, *OF_THE_ENVIRONMENT)) for run in several.runs]
    keys = dict.fromkeys(key for each in described for key in each if key not in SAID_ALREADY)
    rows = [(key, [each.get(key, "not there") for each in described]) for key in keys]
    differing = [(key, values) for key, values in rows if len({*values}) > 1]
    return (
        [(key, [each[key] for each in usual]) for key in usual[0]],
        differing[:MOST_FACTS],
        max(0, len(differing) - MOST_FACTS),
    )


# Scenario by scenario.


def _change_said(change: Change) -> str:
    low, high = (ratio(end) if end else "?" for end in (change.low, change.high))
    doubt = "" if low == high == "?" else f" [{low}, {high}]"
    return f"{ratio(change.ratio)}{doubt}, {change.verdict}" if change.verdict else NONE


def _time_said(row: Row, outcome: str) -> str:
    median = number(row, "median_s")
    status = outcome.replace("_", " ")
    return status if median is None else f"{seconds(median)}{'' if outcome == 'ok' else f' ({status})'}"


def _cell(several: Several, place: int, scenario: str, strategy: str) -> Cell | None:
    run, pair = several.runs[place], (scenario, strategy)
    if (row := run.rows.get(pair)) is None:
        return None
    lines = [changes[pair] for changes in several.changes if pair in changes]
    line = several.changes[place - 1].get(pair) if place else None
    state: State | None = line.after if line else lines[0].before if lines and not place else None
    share = number(row, "ratio_to_reference")
    doubt = interval(number(row, "ratio_low"), number(row, "ratio_high"))
    reference = strategy == run.plan.reference
    return Cell(
        _time_said(row, run.outcome(pair)),
        "1" if reference else NONE if share is None else f"{ratio(share)} {doubt}".rstrip(),
        "reference" if reference else state.verdict if state else text(row, "verdict"),
        _change_said(line.judged) if line else NONE if place else "",
    )


def _strategies(several: Several, scenario: str) -> list[tuple[str, str]]:
    """Strategies of the scenario with their roles: ways before floors, the fastest of the first run first."""
    found: dict[str, tuple[bool, bool, float, str]] = {}
    roles: dict[str, str] = {}
    for run in several.runs:
        for (where, strategy), row in run.rows.items():
            if where == scenario and strategy not in found:
                role, median = text(row, "role"), number(row, "median_s")
                roles[strategy] = role
                found[strategy] = (role != "candidate", median is None, median or 0.0, strategy)
    return [(strategy, roles[strategy]) for strategy in sorted(found, key=lambda name: found[name])]


def places(several: Several) -> Iterator[Place]:
    """Every shared scenario, the first MOST_PANELS with a picture."""
    for count, scenario in enumerate(several.scenarios):
        strategies = _strategies(several, scenario.id)
        rows = [
            (name, role, [_cell(several, place, scenario.id, name) for place in range(len(several.runs))])
            for name, role in strategies
        ]
        panel = Panel(
            f"To {words(scenario)}", several.names,
            [(name, [run.rows.get((scenario.id, name)) for run in several.runs])
             for name, role in strategies if role == "candidate"],
            several.pairs[0].reference, several.pairs[0].tie_zone, several.machines_differ,
        )  # fmt: skip
        picture = drawn(panel, f"scenario-{count}") if count < MOST_PANELS else None
        yield Place(scenario, _answer_said(several, scenario), scenario not in several.elsewhere, rows, picture)


def alone(several: Several) -> list[tuple[str, str]]:
    """Run, and the scenarios that no other run has."""
    shared = {scenario.id for scenario in several.scenarios}
    found = [
        (name, [scenario for scenario in run.scenarios if scenario not in shared])
        for name, run in zip(several.names, several.runs, strict=True)
    ]
    return [(name, ", ".join(ids)) for name, ids in found if ids]


def page(several: Several) -> str:
    """The comparison as the text of an HTML file. It loads nothing and runs nothing."""
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["counted"] = counted
    usual, differing, more = facts(several)
    fewest = min(run.plan.blocks for run in several.runs)
    values: dict[str, Any] = {
        "names": several.names,
        "css": Markup((HERE / "style.css").read_text(encoding="utf-8")),  # nosec B704 # our own file
        "told": told(several),
        "elsewhere": [(words(scenario), scenario.id, said) for scenario, said in told_elsewhere(several)],
        "remarks": [
            (name, [plain(said) for said in pair.remarks])
            for name, pair in zip(several.names[1:], several.pairs, strict=True)
        ],
        "machines_differ": several.machines_differ,
        "fewest": fewest if fewest < SURE_BLOCKS else 0,
        "sure_blocks": SURE_BLOCKS,
        "reference": several.pairs[0].reference,
        "tie_zone": percent(several.pairs[0].tie_zone),
        "level": percent(max(pair.level for pair in several.pairs)),
        "usual": usual,
        "differing": differing,
        "more_facts": more,
        "places": [(words(place.scenario), place) for place in places(several)],
        "alone": alone(several),
    }
    return made.get_template("comparison.html.jinja").render(values)
