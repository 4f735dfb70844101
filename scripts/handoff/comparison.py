"""Two runs, scenario by scenario and strategy by strategy: what became slower, what fails now, what both agree on.

Two runs share no block, so nothing is paired between them: the times of one are compared with the times of the
other (statistics.shift and rank_sum_interval, on logarithms). Such a comparison also carries what happened to the
machine from one run to the other. Ratios to the reference, and ratios to the floor `inline`, carry less of it: they
are paired inside each run, and then the ratios of one run are compared with those of the other. Where `inline`
itself moved, the ratios decide and not the times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, cast

from handoff import statistics
from handoff.results import ACROSS, CannotCompare, Pair, Results, differences, refuse, remarks
from handoff.strategies import FLOORS
from handoff.words import counted, percent, ratio, seconds

FLOOR: Final = FLOORS[0].id

JUDGED_BY: Final = {"times": "times", "to_reference": "ratio to reference", "to_floor": f"ratio to {FLOOR}"}
"""The changes of a line that its verdict may rest on, in words."""

MOVED: Final = ("faster", "slower")
"""Verdicts of what lies wholly beyond the tie zone."""


@dataclass(frozen=True)
class Change:
    """Where a quantity lies against the same of the run before: 1.2 is a fifth more."""

    ratio: float | None
    """None where there is nothing to compare, or where it is lost to time limits."""
    low: float | None
    """Ends of the interval; None where there is none, or where an end is lost to time limits."""
    high: float | None
    verdict: str
    """faster, slower, tie or unclear; '' if one of the runs has nothing to compare"""


def change(before: Sequence[float], after: Sequence[float], zone: float, level: float) -> Change:
    """Of logarithms, one a block, of times or of ratios; `zone` is a logarithm too."""
    if not before or not after:
        return Change(None, None, None, "")
    low, high = statistics.rank_sum_interval(before, after, level) or (-math.inf, math.inf)
    centre = statistics.shift(before, after)
    return Change(_ratio(centre), _ratio(low), _ratio(high), statistics.side(low, high, zone))


def _ratio(log: float) -> float | None:
    return math.exp(log) if math.isfinite(log) else None


@dataclass(frozen=True)
class State:
    """A strategy in a scenario of one run."""

    blocks: int
    median_s: float | None
    outcome: str
    reason: str
    verdict: str
    """Against the reference, inside the run; '' if there is nothing to compare."""


@dataclass(frozen=True)
class Line:
    """A strategy in a scenario that both runs have."""

    scenario: str
    strategy: str
    role: str
    before: State
    after: State
    times: Change
    to_reference: Change
    to_floor: Change
    judged_by: str
    """A key of JUDGED_BY."""

    @property
    def judged(self) -> Change:
        """The change that the verdict rests on."""
        return cast(Change, getattr(self, self.judged_by))

    @property
    def verdict(self) -> str:
        return self.judged.verdict

    @property
    def newly_failing(self) -> bool:
        return self.before.outcome == "ok" and self.after.outcome != "ok"

    @property
    def no_longer_failing(self) -> bool:
        return self.before.outcome != "ok" and self.after.outcome == "ok"


class Agreement:
    """How far two runs agree on who is faster or slower than the reference."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.both = [line for line in lines if line.before.verdict and line.after.verdict]
        self.decided = [line for line in self.both if "unclear" not in (line.before.verdict, line.after.verdict)]
        self.agreeing = [line for line in self.decided if line.before.verdict == line.after.verdict]
        self.reversed = [
            line for line in self.decided if {line.before.verdict, line.after.verdict} == {"faster", "slower"}
        ]

    @property
    def share(self) -> float | None:
        """How many of those decided in both runs have the same verdict."""
        return len(self.agreeing) / len(self.decided) if self.decided else None

    def to_json(self) -> dict[str, Any]:
        return {
            "both": len(self.both), "decided": len(self.decided), "agreeing": len(self.agreeing), "share": self.share,
            "reversed": [{"scenario": line.scenario, "strategy": line.strategy} for line in self.reversed],
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Everything that is said about two runs."""

    before: str
    after: str
    across: tuple[str, ...]
    """What of ACROSS differs."""
    reference: str
    tie_zone: float
    level: float
    differences: tuple[str, ...]
    remarks: tuple[str, ...]
    lines: tuple[Line, ...]
    only_before: tuple[Pair, ...]
    only_after: tuple[Pair, ...]
    recommended: tuple[tuple[str, Mapping[str, str], Mapping[str, str]], ...]
    """Scenario, and what either run recommends in it with which confidence."""

    @property
    def candidates(self) -> list[Line]:
        """Ways to hand data over; floors are none."""
        return [line for line in self.lines if line.role == "candidate"]

    def judged(self, verdict: str) -> list[Line]:
        return [line for line in self.candidates if line.verdict == verdict]

    @property
    def newly_failing(self) -> list[Line]:
        return [line for line in self.lines if line.newly_failing]

    @cached_property
    def agreement(self) -> Agreement:
        return Agreement(self.candidates)

    @property
    def exit_code(self) -> int:
        """1 if something is shown to be slower or fails newly, else 0."""
        return 1 if self.judged("slower") or self.newly_failing else 0

    def to_json(self) -> dict[str, Any]:
        lines = [{**asdict(line), "verdict": line.verdict} for line in self.lines]
        return {**asdict(self), "lines": lines, "agreement": self.agreement.to_json(), "exit_code": self.exit_code}


class _Judge:
    """Compares pair after pair of two runs, by the same tie zone and level."""

    def __init__(self, before: Results, after: Results, tie_zone: float, across_machines: bool) -> None:
        self.before, self.after, self.reference = before, after, before.plan.reference
        self.zone, self.level = math.log1p(tie_zone), max(before.plan.level, after.plan.level)
        self.moved = {scenario for scenario in before.scenarios if across_machines or self.floor_moved(scenario)}

    def change(self, values: Callable[[Results], Sequence[float]]) -> Change:
        return change(values(self.before), values(self.after), self.zone, self.level)

    def floor_moved(self, scenario: str) -> bool:
        return self.change(lambda run: run.logs((scenario, FLOOR))).verdict in MOVED

    def state(self, run: Results, pair: Pair) -> State:
        row, ratios = run.rows[pair], run.log_ratios(pair, self.reference)
        verdict = statistics.verdict(ratios, self.zone, self.level) if ratios else ""
        median_s = cast("float | None", row["median_s"])
        return State(len(run.values.get(pair, {})), median_s, run.outcome(pair), str(row["reason"]), verdict)

    def line(self, pair: Pair) -> Line:
        to_reference = self.change(lambda run: run.log_ratios(pair, self.reference))
        role = str(self.before.rows[pair]["role"])
        # The reference has no ratio to itself; how it moved shows against the floor.
        ratios = "to_reference" if to_reference.verdict else "to_floor"
        return Line(
            *pair, role, self.state(self.before, pair), self.state(self.after, pair),
            times=self.change(lambda run: run.logs(pair)),
            to_reference=to_reference,
            to_floor=self.change(lambda run: run.log_ratios(pair, FLOOR)),
            judged_by=ratios if role == "candidate" and pair[0] in self.moved else "times",
        )  # fmt: skip


def compare(before: Results, after: Results, tie_zone: float | None = None, across: Collection[str] = ()) -> Comparison:
    """The run `after` against the run `before`, whose tie zone holds unless another is given.

    Raises:
        CannotCompare: they differ in what `across` does not allow, or have nothing in common.
    """
    found = differences(before, after)
    refuse(before, after, found, across)
    pairs = [pair for pair in before.rows if pair in after.rows]
    if not pairs:
        raise CannotCompare(f"{before.folder} and {after.folder} have no scenario with a strategy in common")
    zone = before.plan.tie_zone if tie_zone is None else tie_zone
    crossed = tuple(what for what in ACROSS if what in {difference.what for difference in found})
    judge = _Judge(before, after, zone, "machines" in crossed)
    return Comparison(
        str(before.folder), str(after.folder), crossed, judge.reference, zone, judge.level,
        differences=tuple(difference.said for difference in found),
        remarks=tuple(remarks(before, after)),
        lines=tuple(map(judge.line, pairs)),
        only_before=tuple(pair for pair in before.rows if pair not in after.rows),
        only_after=tuple(pair for pair in after.rows if pair not in before.rows),
        recommended=tuple(
            (name, answer, after.answers[name]) for name, answer in before.answers.items() if name in after.answers
        ),
    )  # fmt: skip


# In words.


def _list(heading: str, items: Sequence[str]) -> list[str]:
    return [f"{heading}: {len(items)}{':' if items else '.'}", *(f"  {item}" for item in items)]


def _times(found: Change) -> str:
    """'1.21 [1.18, 1.25]'; '?' for an end that is not known, no brackets without an interval, '-' without a ratio."""
    low, high = (ratio(end) if end else "?" for end in (found.low, found.high))
    return f"{ratio(found.ratio) if found.ratio else '-'}{'' if low == high == '?' else f' [{low}, {high}]'}"


def _time(state: State) -> str:
    """'5.2 ms', '5.2 ms (leaked)' or 'crashed'."""
    if not state.median_s:
        return state.outcome
    return seconds(state.median_s) + ("" if state.outcome == "ok" else f" ({state.outcome})")


def _place(line: Line) -> str:
    return f"{line.scenario}, {line.strategy}"


def _moved(line: Line) -> str:
    by = "" if line.judged_by == "times" else f", {JUDGED_BY[line.judged_by]}"
    return f"{_place(line)}: {_times(line.judged)}{by} ({_time(line.before)}, then {_time(line.after)})"


def _failed(line: Line) -> str:
    reason = line.after.reason if line.newly_failing else line.before.reason
    return f"{_place(line)}: {line.before.outcome}, then {line.after.outcome}{f' ({reason})' if reason else ''}"


def _heading(found: Comparison) -> list[str]:
    across = f", across {' and '.join(found.across)}" if found.across else ""
    fewest = min((min(line.before.blocks, line.after.blocks) for line in found.lines if line.times.ratio), default=0)
    indicative = f" Indicative: as few as {counted(fewest, 'block')}, it takes {statistics.SURE_BLOCKS} to be sure."
    return [
        f"{found.after} against {found.before}{across}",
        f"Above 1 is slower in {found.after}. Reference {found.reference}, tie zone {percent(found.tie_zone)}, "
        f"intervals of {percent(found.level)}.{indicative if fewest < statistics.SURE_BLOCKS else ''}",
        *(["Different:"] if found.differences else []),
        *(f"  {text}" for text in found.differences),
        *found.remarks,
    ]


def _machine(found: Comparison) -> list[str]:
    """What became of the machine, as far as the floor tells."""
    floors = [line for line in found.lines if line.strategy == FLOOR]
    moved = [line for line in floors if line.times.verdict in MOVED]
    total = counted(len(floors), "scenario")
    if "machines" in found.across:
        lines = ["Times of two machines are not compared as such: the ratios decide."]
    elif moved:
        cause = "the environment or the machine" if found.across else "the machine"
        lines = [
            f"The floor {FLOOR}, the task alone, moved beyond the tie zone in {len(moved)} of {total}: {cause} changed "
            "between the runs. There the ratios decide and not the times:",
            *(f"  {line.scenario}: {_times(line.times)}" for line in moved),
        ]
    else:
        still = sum(line.times.verdict == "tie" for line in floors)
        lines = [
            f"The floor {FLOOR}, the task alone, is shown to take the same time in {still} of {total}, "
            "and to have moved in none."
        ]
    carried = sum(
        line.strategy == found.reference and line.judged_by == "to_floor" and line.verdict in MOVED
        for line in found.lines
    )
    if carried:
        where = counted(carried, "scenario")
        lines.append(f"In {where} {found.reference} itself moved against {FLOOR}, and the ratios to it moved with it.")
    return lines


def _agreement(found: Comparison) -> list[str]:
    said = found.agreement
    heading = f"Verdicts against the reference: {len(said.both)} in both runs, {len(said.decided)} decided in both"
    if said.share is None:
        return [f"{heading}."]
    return [
        f"{heading}, {len(said.agreeing)} of these agree ({percent(said.share)}).",
        *_list("Reversed", [f"{_place(at)}: {at.before.verdict}, then {at.after.verdict}" for at in said.reversed]),
    ]


def _recommended(found: Comparison) -> list[str]:
    other = [answers for answers in found.recommended if answers[1]["recommended"] != answers[2]["recommended"]]
    total = counted(len(found.recommended), "scenario")
    lines = [f"Recommended: the same in {len(found.recommended) - len(other)} of {total}{':' if other else '.'}"]
    for name, *answers in other:
        was, now = (f"{answer['recommended'] or 'nothing'} ({answer['confidence']})" for answer in answers)
        lines.append(f"  {name}: {was}, then {now}")
    return lines


def _alone(found: Comparison) -> list[str]:
    shared = {line.scenario for line in found.lines}
    lines = []
    for folder, pairs in ((found.before, found.only_before), (found.after, found.only_after)):
        said = [", ".join(pair) if pair[0] in shared else f"{pair[0]}, all of it" for pair in pairs]
        if said:
            lines += _list(f"Only in {folder}", list(dict.fromkeys(said)))
    return lines


def _table(found: Comparison) -> list[str]:
    head = ("", "before", "after", "time", "ratio to reference", f"ratio to {FLOOR}", "verdict", "by")
    rows = [
        (f"  {line.strategy}", _time(line.before), _time(line.after), _times(line.times), _times(line.to_reference),
         _times(line.to_floor), line.verdict or "-", JUDGED_BY[line.judged_by] if line.verdict else "-")
        for line in found.lines
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    said = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
    table, scenario = [said[0]], ""
    for line, text in zip(found.lines, said[1:], strict=True):
        if line.scenario != scenario:
            table.append(scenario := line.scenario)
        table.append(text)
    return table


def comparison_text(found: Comparison) -> str:
    """The whole comparison for a terminal: words first, then the table."""
    parts = [
        _heading(found),
        _list("Shown to be slower", list(map(_moved, found.judged("slower")))),
        _list("Newly failing", list(map(_failed, found.newly_failing))),
        _list("Shown to be faster", list(map(_moved, found.judged("faster")))),
        _list("No longer failing", [_failed(line) for line in found.lines if line.no_longer_failing]),
        [f"Ties: {len(found.judged('tie'))}. Unclear: {len(found.judged('unclear'))}."],
        _machine(found),
        _agreement(found),
        _recommended(found),
        _alone(found),
        ["", *_table(found)],
    ]
    return "\n".join(line for part in parts for line in part) + "\n"
