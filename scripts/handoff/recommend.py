"""From the summary and the user's needs to an answer for each scenario, with its reasons in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, cast

from handoff import costs, statistics, strategies
from handoff.contest import Contest, standing
from handoff.records import RECOMMENDATIONS, Row, read_json
from handoff.scenarios import Plan, Scenario, format_size
from handoff.shapes import shaped
from handoff.summaries import BlockValues
from handoff.words import counted, number, percent, ratio, seconds, size

Answer = dict[str, Any]
"""The fields of recommendations.json for one scenario."""


class Rejected(TypedDict):
    """Who is not recommended, and why."""

    strategy: str
    because: str


class MeasuredOn(TypedDict):
    """What an answer rests on."""

    blocks: int


class LaterParts(TypedDict, total=False):
    """What answers of before version 1.3 lack."""

    saves_low_s: float | None
    saves_high_s: float | None
    saves_bytes: int | None


class AnswerParts(LaterParts):
    """What whoever reads an answer relies on."""

    scenario: str
    recommended: str
    runner_up: str
    tied_with: list[str]
    saves_s: float | None
    ratio_to_reference: float | None
    ratio_low: float | None
    ratio_high: float | None
    confidence: str
    why: str
    changes_when: str
    rejected: list[Rejected]
    snippet: str
    measured_on: MeasuredOn


def read_answers(path: Path) -> list[Answer]:
    """The answers that a recommendations.json holds.

    Raises:
        BadTable: it is missing or damaged.
    """
    return read_json(path, _answers)


def _answers(data: Any) -> list[Answer]:
    answers = cast(list[Answer], shaped(data, list[AnswerParts]))
    for answer in answers:
        may_be_none = filter(None, (answer["recommended"], answer["runner_up"]))
        for name in (*may_be_none, *answer["tied_with"], *(other["strategy"] for other in answer["rejected"])):
            strategies.find(name)
    return answers


def _said(log_ratios: Sequence[float], level: float, than: str = "") -> str:
    """'0.053 of its time, 95 % interval 0.050 to 0.057', or '3.84 times as long as <than>, ...'."""
    centre = math.exp(statistics.hodges_lehmann(log_ratios))
    of = f"times as long as {than}" if than else "of its time" if centre < 1 else "times its time"
    estimate = f"{ratio(centre)} {of}" if 0 < centre < math.inf else "no estimate"
    interval = statistics.signed_rank_interval(log_ratios, level)
    if interval is None:
        return f"{estimate}, too few blocks for an interval"
    low, high = (math.exp(end) for end in interval)
    if low > 0 and high < math.inf:
        return f"{estimate}, 95 % interval {ratio(low)} to {ratio(high)}"
    return f"{estimate}, 95 % interval {f'from {ratio(low)} up' if 0 < low < math.inf else 'without an end'}"


def _more(log_ratios: Sequence[float], zone: float, level: float) -> str:
    """How many more blocks would decide it, as a sentence."""
    more = statistics.more_blocks(log_ratios, zone, level)
    if more > statistics.MANY_BLOCKS:
        return f"Not decided, and hardly to be decided: it would take more than {statistics.MANY_BLOCKS} more blocks."
    blocks, about = math.ceil(more), "at least" if len(log_ratios) < statistics.MIN_BLOCKS else "about"
    return f"Not decided yet: it would take {about} {counted(blocks, 'more block')}."


def _time(contest: Contest, name: str) -> str:
    return seconds(contest.median(name) or 0.0)


def _nothing(contest: Contest) -> str:
    failed = sum(bool(contest.failed(name)) for name in contest.rows)
    others = len(contest.rows) - failed
    first = next((f" {name}: {why}." for name, why in contest.obstacles.items()), "")
    counts = f"failed or not possible: {failed}{f', not safe or not meeting the needs: {others}' if others else ''}"
    return f"Nothing can be recommended ({counts}).{first}"


def _keep(contest: Contest) -> str:
    name, zone = contest.winner, percent(contest.tie_zone)
    if rival := contest.doubt[0]:
        said = _said(contest.ratios(rival, name), contest.level)
        return (
            f"Nothing is shown to be better than what you do now: {name} takes {_time(contest, name)}, "
            f"{rival} {_time(contest, rival)} ({said})."
        )
    return (
        f"What you do now is as good as any: {name} takes {_time(contest, name)}, "
        f"and nothing else that can be used here is more than {zone} faster."
    )


def _change(contest: Contest) -> str:
    name, reference, against = contest.winner, contest.reference, contest.against_reference
    obstacle = contest.obstacles.get(reference, "" if against else "it was never measured in the same block")
    if reference not in contest.rows:
        return f"{name} takes {_time(contest, name)}; {reference} is not among the strategies here."
    if not against or contest.median(reference) is None:
        return f"{name} takes {_time(contest, name)}; {reference} has no time to compare with: {obstacle}."
    theirs, ratio_said = _time(contest, reference), _said(against, contest.level)
    said = f"{name} takes {_time(contest, name)} where {reference} takes {theirs} ({ratio_said})"
    if obstacle:
        return f"{said}; {reference} cannot be recommended: {obstacle}."
    if standing(against, contest.zone, contest.level) != "tie":
        return f"{said}."
    return f"{said}: a tie{', and it is simpler' if reference in contest.equals else ''}."


def why(contest: Contest) -> str:
    """The reason for the recommendation, in one to three sentences."""
    winner, best = contest.winner, contest.best
    if not winner:
        return _nothing(contest)
    if contest.feasible == [contest.reference]:
        return f"{winner} takes {_time(contest, winner)}; there is no other that can be used here."
    python = f"{winner} runs under {contest.python}." if contest.python else ""
    sentences = [_keep(contest) if winner == contest.reference else _change(contest)]
    if len(contest.feasible) == 1:
        sentences.append("There is no other that can be used here.")
    if winner not in (best, contest.reference):
        sentences.append(
            f"{best} is the fastest with {_time(contest, best)}, but not shown to be "
            f"more than {percent(contest.tie_zone)} faster, and less simple."
        )
    if contest.doubt[0]:
        sentences.append(_more(contest.doubt[1], contest.zone, contest.level))
    elif contest.n_blocks >= statistics.SURE_BLOCKS and contest.overclaimed:
        sentences.append(f"As one claim among {len(contest.feasible)} it needs more blocks to be sure.")
    return " ".join(filter(None, (*sentences, python)))


def because(contest: Contest, name: str) -> str:
    """Why a candidate is not the recommended one, as a clause."""
    if name in contest.obstacles:
        return contest.obstacles[name]
    rival = contest.winner if name in contest.equals else contest.best
    against = contest.ratios(name, rival)
    if not against:  # both were measured beside the best, but never beside each other
        return f"it takes {_time(contest, name)} and is less simple"
    said = _said(against, contest.level, rival)
    if rival == contest.best and name not in contest.equals:
        return f"it takes {_time(contest, name)}: {said}"
    tie = "a tie, " if standing(against, contest.zone, contest.level) == "tie" else ""
    return f"it takes {_time(contest, name)} ({tie}{said}) and is less simple"


def _saved(contest: Contest, reference_s: float | None) -> dict[str, float | int | None]:
    """The interval of the seconds that the winner saves, and the memory; nothing of what is not known."""
    row, other = contest.rows.get(contest.winner, {}), contest.rows.get(contest.reference, {})
    low, high = number(row, "ratio_low"), number(row, "ratio_high")
    mine, theirs = number(row, "peak_extra_bytes"), number(other, "peak_extra_bytes")
    known = reference_s is not None and contest.winner != contest.reference
    return {
        "saves_low_s": reference_s * (1 - high) if known and reference_s is not None and high is not None else None,
        "saves_high_s": reference_s * (1 - low) if known and reference_s is not None and low is not None else None,
        "saves_bytes": int(theirs - mine) if mine is not None and theirs is not None else None,
    }


def _answer(contest: Contest, measured_on: Mapping[str, Any]) -> Answer:
    winner = contest.winner
    mine, theirs = contest.median(winner), contest.median(contest.reference)
    row = contest.rows.get(winner, {})
    return {
        "scenario": contest.scenario.id,
        "recommended": winner,
        "runner_up": next((name for name in contest.feasible if name != winner), ""),
        "tied_with": contest.tied,
        "saves_s": theirs - mine if mine is not None and theirs is not None else None,
        **_saved(contest, theirs),
        "ratio_to_reference": row.get("ratio_to_reference"),
        "ratio_low": row.get("ratio_low"),
        "ratio_high": row.get("ratio_high"),
        "confidence": contest.confidence,
        "why": why(contest),
        "changes_when": "",
        "rejected": [{"strategy": name, "because": because(contest, name)} for name in contest.rows if name != winner],
        "snippet": f"scripts/handoff/snippets/{strategies.find(winner).snippet.name}" if winner else "",
        "measured_on": {**measured_on, "blocks": contest.n_blocks},
    }


def _place(kind: str, invocations: Sequence[Row]) -> dict[str, str]:
    """Machine and environment of a payload kind's invocations; several of one, if there are, with commas."""
    mine = [row for row in invocations if row["kind"] == kind]
    return {
        name: ", ".join(sorted({str(row[name]) for row in mine if row[name]}))
        for name in ("host", "machine_id", "environment_id", "interpreter")
    }


def _from_where(plan: Plan, values: BlockValues, here: tuple[Scenario, str], there: tuple[Scenario, str]) -> str:
    """Where the one's strategy gives way to the other's, of neighbouring sizes: 'from about 300 KiB on (260 KiB to
    350 KiB)', or 'below about ...'; '' where the fitted costs do not tell."""
    (scenario, mine), (other, theirs) = here, there
    ends = sorted((scenario.payload.size, other.payload.size))
    found = costs.meeting(plan, values, scenario, (strategies.find(mine), strategies.find(theirs)))
    if found is None or not (ends[0] <= found.size <= ends[1] and found.low > 0 and found.high < math.inf):
        return ""
    interval = f"({size(found.low)} to {size(found.high)})"
    if other.payload.size > scenario.payload.size:
        return f"from about {size(found.size)} on {interval}"
    return f"below about {size(found.size)} {interval}"


def _changes(plan: Plan, values: BlockValues, scenario: Scenario, answers: Sequence[tuple[Scenario, Answer]]) -> str:
    """At which other sizes another strategy is recommended: '64KiB: x; 1GiB: y (unclear)', '' if at none."""
    alike = sorted(
        ((s, answer) for s, answer in answers if costs.but_size(s) == costs.but_size(scenario)),
        key=lambda each: each[0].payload.size,
    )
    place = next(i for i, (s, _) in enumerate(alike) if s.id == scenario.id)
    mine = alike[place][1]["recommended"]
    said: dict[int, str] = {}
    # Outwards from this size, so that "from about 1 MiB on" also stands for the sizes behind it.
    for outwards in (range(place - 1, -1, -1), range(place + 1, len(alike))):
        covered = ""
        for i in outwards:
            other, answer = alike[i]
            theirs = answer["recommended"]
            use = f"{theirs}{' (unclear)' if answer['confidence'] == 'unclear' else ''}"
            if use == covered:
                continue
            covered = ""
            if theirs in ("", mine):
                continue
            neighbours = mine and abs(i - place) == 1
            crossing = _from_where(plan, values, (scenario, mine), (other, theirs)) if neighbours else ""
            said[i] = f"{crossing or f'at {format_size(other.payload.size)}'}: {use}"
            covered = use if crossing else ""
    return "; ".join(said[i] for i in sorted(said))


def recommend(summary: Sequence[Row], values: BlockValues, plan: Plan, invocations: Sequence[Row]) -> list[Answer]:
    """One answer for each scenario of the plan, with the fields of recommendations.json."""
    answers = []
    for scenario in plan.scenarios:
        contest = Contest(plan, scenario, [row for row in summary if row["scenario"] == scenario.id], values)
        answers.append((scenario, _answer(contest, _place(scenario.payload.kind, invocations))))
    return [{**answer, "changes_when": _changes(plan, values, scenario, answers)} for scenario, answer in answers]


def table_rows(answers: Sequence[Answer]) -> list[Row]:
    """The rows of recommendations.csv."""
    names = [name for name in RECOMMENDATIONS.names if name != "schema_version"]
    return [
        {**{name: answer.get(name) for name in names}, "tied_with": " ".join(answer["tied_with"])} for answer in answers
    ]
