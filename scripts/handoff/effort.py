"""How much more measuring an answer needs: which scenarios are still open, and the blocks that would close them.

Looked at after each start of the workflow. What is asked for is data, effort.json; the next start reads it
(blocks.continued) and measures only that: open scenarios, and in them the strategies that may still win.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final, TypedDict, cast

from handoff import statistics
from handoff.contest import Contest, bounds
from handoff.records import SCHEMA_VERSION, Row, read_json
from handoff.scenarios import Extra, Plan, Scenario
from handoff.shapes import of_shape
from handoff.strategies import FLOORS, SENTINEL, find, under
from handoff.summaries import BlockValues
from handoff.words import number

MOST_AT_ONCE: Final = 5
"""Blocks asked for before looking again. Fewer looks mean fewer chances to stop at a lucky one."""

STOP_REASONS: Final = {
    "blocks": "they have as many blocks as the config asks for (effort: fixed)",
    "decided": "their answers are decided",
    "precision": "every ratio in them is known as precisely as asked",
    "budget": "the budget is spent",
    "max": "they have max_blocks blocks",
    "failed": "nothing in them can be recommended, which more blocks would not change",
    "raced_out": "it is so much slower than the best that more blocks would not change the answer",
}


@dataclass(frozen=True)
class Assessment:
    """One scenario: what its blocks have settled."""

    scenario: str
    kind: str
    blocks: int
    """Behind the answer: those in which both sides of its comparison have a time."""
    half_width: float | None
    """Of the widest interval of a ratio in it, as a logarithm; None where some strategy has no interval yet."""
    stop_reason: str
    """A key of STOP_REASONS; '' if it is still open."""
    more_blocks: int | None
    """How many more would probably decide it; 0 if it is decided, None if no number would."""
    live: tuple[str, ...]
    """Candidates that more blocks would measure."""
    raced_out: tuple[str, ...]


@dataclass(frozen=True)
class Effort:
    """The state of a run, and what to measure next."""

    spent_s: float
    scenarios: tuple[Assessment, ...]
    next: tuple[Extra, ...]
    next_s: float
    """What that will probably take."""

    def to_json(self, plan: Plan) -> dict[str, Any]:
        """As effort.json holds it."""
        return {
            "schema_version": SCHEMA_VERSION, "effort": plan.effort, "budget_s": plan.budget_s, **asdict(self)
        }  # fmt: skip


def _raced_out(contest: Contest) -> tuple[str, ...]:
    """Candidates that are out of the race; never the reference, which the ratios need.

    One block may have been an unlucky one: by itself it rules out whoever is twice as far behind, as ratios count.
    """
    others = (name for name in contest.feasible if name not in (contest.best, contest.reference))
    ratios = {name: contest.ratios(name, contest.best) for name in others}

    def far(of: Sequence[float]) -> bool:
        return of[0] >= 2 * contest.race_out if len(of) == 1 else bounds(of, contest.level).low >= contest.race_out

    return tuple(name for name, of in ratios.items() if of and far(of))


def _half_width(contest: Contest, live: Sequence[str]) -> float | None:
    """Of the widest interval of a live strategy's ratio to the reference, or to the best where that has no time."""
    rival = contest.reference if contest.blocks.get(contest.reference) else contest.best
    found = [
        statistics.signed_rank_interval(contest.ratios(name, rival), contest.level) for name in live if name != rival
    ]  # fmt: skip
    widths = [(interval.high - interval.low) / 2 for interval in found if interval]
    return max(widths, default=0.0) if len(widths) == len(found) else None


def _more(contest: Contest) -> float:
    """Blocks that would probably decide it; infinite if none would."""
    to_be_sure = max(0, statistics.SURE_BLOCKS - contest.n_blocks)
    if contest.doubt[0]:
        return max(to_be_sure, statistics.more_blocks(contest.doubt[1], contest.zone, contest.level))
    return max(to_be_sure, 1 if contest.overclaimed else 0)


def last_block(plan: Plan, kind: str) -> int:
    """The number of the kind's last block."""
    return max([plan.blocks, *(extra.block for extra in plan.extra if extra.kind == kind)])


def assess(plan: Plan, scenario: Scenario, rows: Sequence[Row], values: BlockValues) -> Assessment:
    """What the blocks of one scenario have settled; rows are its rows of summary.csv."""
    contest = Contest(plan, scenario, rows, values)
    raced_out = _raced_out(contest)
    live = tuple(name for name in contest.feasible if name not in raced_out)
    more = _more(contest) if contest.winner else math.inf
    width = _half_width(contest, live) if contest.winner else None
    precise = width is not None and math.expm1(width) <= plan.precision and contest.n_blocks >= statistics.SURE_BLOCKS
    if plan.effort == "fixed" and scenario.payload.kind not in {extra.kind for extra in plan.extra}:
        reason = "blocks"
    elif not contest.winner:
        reason = "failed"
    elif not more:
        reason = "decided"
    elif precise:
        reason = "precision"
    else:
        at_most = last_block(plan, scenario.payload.kind) >= plan.max_blocks
        reason = "max" if at_most else "blocks" if plan.effort == "fixed" else ""
    finite = width if width is not None and math.isfinite(width) else None
    return Assessment(
        scenario.id, scenario.payload.kind, contest.n_blocks, finite, reason,
        math.ceil(more) if math.isfinite(more) else None, live, raced_out,
    )  # fmt: skip


def _seconds(row: Row) -> float:
    return ((number(row, "ended_ns") or 0.0) - (number(row, "started_ns") or 0.0)) / 1e9


class _Costs:
    """What a block will take, from what the jobs of earlier blocks took."""

    def __init__(self, invocations: Sequence[Row]) -> None:
        taken: dict[tuple[str, str], list[float]] = {}
        for row in invocations:
            taken.setdefault((str(row["kind"]), str(row["strategy"])), []).append(_seconds(row))
        self._taken = {key: median(values) for key, values in taken.items()}

    def of(self, extra: Extra) -> float:
        return sum(self._taken.get((extra.kind, name), 0.0) for name in extra.strategies)


def _block(plan: Plan, kind: str, number: int, open_ones: Sequence[Assessment]) -> Extra:
    """The next block of a kind: open scenarios; floors, sentinels, the reference and who may still win in them."""
    scenarios = tuple(each.scenario for each in open_ones)
    live = {name for each in open_ones for name in each.live}
    pythons = {find(name).interpreter for name in live}
    always = {under(floor.id, python) for floor in FLOORS for python in {"", *pythons}}
    always |= {FLOORS[0].id + SENTINEL, plan.reference, plan.reference + SENTINEL}
    wanted = tuple(s.id for s in plan.strategies(kind) if s.id in always | live)
    return Extra(number, kind, scenarios, wanted)


def _next_blocks(plan: Plan, found: Sequence[Assessment], costs: _Costs, left_s: float) -> tuple[list[Extra], float]:
    """Blocks that the open scenarios ask for, one of each kind in turn, as far as the budget reaches; their seconds."""
    last = {kind: last_block(plan, kind) for kind in plan.kinds}
    full: set[str] = set()
    blocks: list[Extra] = []
    spent = 0.0
    for step in range(1, MOST_AT_ONCE + 1):
        for kind in plan.kinds:
            open_ones = [
                each for each in found
                if each.kind == kind and not each.stop_reason and last[kind] + step <= plan.max_blocks
                # Half the way that is left at most, and no more than there are: the estimate is rough, whoever is
                # out of the race shows after few blocks, and looking again is cheap.
                and (step == 1 or each.more_blocks is None or step <= each.more_blocks / 2
                     or each.blocks + step <= statistics.SURE_BLOCKS) and step <= max(1, each.blocks)
            ]  # fmt: skip
            if not open_ones or kind in full:
                continue
            extra = _block(plan, kind, last[kind] + step, open_ones)
            if spent + costs.of(extra) > left_s:
                full.add(kind)
                continue
            blocks.append(extra)
            spent += costs.of(extra)
    return blocks, spent


def decide(plan: Plan, summary: Sequence[Row], values: BlockValues, invocations: Sequence[Row]) -> Effort:
    """What is settled in each scenario, and which blocks to measure next.

    values: of summaries.block_values. An open scenario for which the budget allows no block has stopped.
    """
    rows = {scenario.id: [row for row in summary if row["scenario"] == scenario.id] for scenario in plan.scenarios}
    found = [assess(plan, scenario, rows[scenario.id], values) for scenario in plan.scenarios]
    spent = sum(map(_seconds, invocations))
    blocks, seconds = _next_blocks(plan, found, _Costs(invocations), plan.budget_s - spent)
    measured = {name for extra in blocks for name in extra.scenarios}
    found = [
        each if each.stop_reason or each.scenario in measured else replace(each, stop_reason="budget") for each in found
    ]
    return Effort(spent, tuple(found), tuple(blocks), seconds)


def with_stop_reasons(summary: Sequence[Row], effort: Effort) -> list[Row]:
    """The rows of summary.csv with why no more blocks were measured; empty for what was never measured."""
    of_scenario = {each.scenario: each for each in effort.scenarios}

    def reason(row: Row) -> str:
        if row["status"] in ("unsupported", "skipped"):
            return ""
        scenario = of_scenario[str(row["scenario"])]
        raced_out = row["strategy"] in scenario.raced_out and scenario.stop_reason != "blocks"
        return "raced_out" if raced_out else scenario.stop_reason

    return [{**row, "stop_reason": reason(row)} for row in summary]


class Stopped(TypedDict):
    """What is said of a scenario."""

    stop_reason: str


class State(TypedDict):
    """What is said of a run: a part of effort.json."""

    scenarios: list[Stopped]
    next: list[dict[str, Any]]
    next_s: float
    spent_s: float


def read_state(path: Path) -> State:
    """The state that an effort.json holds.

    Raises:
        BadTable: it is missing or damaged.
    """
    return cast(State, read_json(path, of_shape(State)))


def said(data: State) -> str:
    """The state that effort.json holds, in one sentence for a terminal."""
    scenarios = data["scenarios"]
    open_ones = sum(not each["stop_reason"] for each in scenarios)
    if open_ones:
        return (
            f"{open_ones} of {len(scenarios)} scenarios are still open; the next start measures "
            f"{len(data['next'])} more blocks of them, about {data['next_s']:.0f} s."
        )
    reasons = [each["stop_reason"] for each in scenarios]
    counts = (f"{reasons.count(reason)} because {STOP_REASONS[reason]}" for reason in STOP_REASONS if reason in reasons)
    return f"Nothing more to measure. Of {len(scenarios)} scenarios stopped {', '.join(counts)}."
