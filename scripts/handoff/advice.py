"""An answer as one says it: what to do in one scenario, and all answers of a run in a few lines.

The report and the terminal say it in the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from handoff.records import Row
from handoff.scenarios import Plan
from handoff.statistics import SURE_BLOCKS
from handoff.words import counted, interval, ratio, seconds, size

Answer: TypeAlias = Mapping[str, Any]
"""The fields of recommendations.json for one scenario."""

NOTEWORTHY: Final = 2**20
"""Bytes of memory that are worth a word."""
FEW: Final = 3
"""So many scenarios have a sentence each, and so many ways; more of them are counted."""
FAILED: Final = ("invalid", "error", "timeout", "crashed", "out_of_memory", "leaked")
"""What went wrong. `skipped` is told apart, and what cannot be done or was raced out is no failure."""

ALL: Final = "Scenario by scenario"
"""Heads the part of answer.txt that has every answer's reason."""


# One scenario.


def advice(answer: Answer, reference: str, python: str = "") -> str:
    """What to do, as a sentence that goes on after 'To send this there,': the strategy, what it saves, how surely.

    python: which other Python the strategy is measured under.
    """
    use, alone = answer["recommended"], answer.get("runner_up") == ""
    if not use:
        return _nothing(len(answer.get("rejected", ())))
    unclear = answer["confidence"] == "unclear"
    now = " for now" if unclear else ""
    if use == reference:
        why = "nothing that can be used here is shown to be faster"
        yet = " yet" if unclear else ""
        return f"keep {use}{now}: {'nothing else can be used here' if alone else f'{why}{yet}'}."
    named = f"{use} (under {python})" if python else use
    share, saves = answer["ratio_to_reference"], answer["saves_s"]
    if share is None or saves is None:
        only = ", the only one that can be used here" if alone else ""
        return f"use {named}{only}; {reference} has no time to compare it with."
    doubt = interval(answer["ratio_low"], answer["ratio_high"])
    figure = f"{ratio(share)}{f' {doubt}' if doubt else ''}"
    if reference in answer.get("tied_with", ()):
        return f"use {named}{now}: it is as fast as {reference} ({figure} times its time) and simpler."
    if saves <= 0:
        takes = f"{figure} of {reference}'s time" if share < 1 else f"{figure} times as long as {reference}"
        # Neither a tie nor open, and slower: it can only be the answer because the reference is ruled out.
        rest = ". That is not decided yet" if unclear else ", which cannot be used here"
        return f"use {named}{now}: it takes {takes}{rest}."
    takes = f"{figure} of {reference}'s time{_memory(answer)}"
    if unclear and (answer["ratio_high"] or 2.0) >= 1:
        of_time = f"{figure} of {reference}'s time"
        return (
            f"use {named} for now: it seems to save {seconds(saves)} a transfer ({of_time}). That is not decided yet."
        )
    saving = f"it saves {seconds(saves)} a transfer"
    further = f"; {answer.get('runner_up') or 'another'} may be faster still" if unclear else ""
    joined = f"{saving}, takes {takes}" if _memory(answer) else f"{saving} and takes {takes}"
    return f"use {named}{now}: {joined}{further}."


def _nothing(ways: int) -> str:
    if ways < 2:
        return f"nothing can be recommended{': the one way that was asked for cannot be used here' if ways else ''}."
    return f"nothing can be recommended: none of the {ways} ways can be used here."


def _memory(answer: Answer) -> str:
    """' and 128 MiB less memory', ' and 12 MiB more memory', '' where it hardly differs or nobody knows."""
    saved = answer.get("saves_bytes") or 0
    if abs(saved) < NOTEWORTHY:
        return ""
    return f" and {size(abs(saved))} {'less' if saved > 0 else 'more'} memory"


# All of them.


def by_strategy(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """The answers of each recommended strategy, most often recommended first; those that recommend nothing under ''."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer["recommended"], []).append(answer)
    return dict(sorted(groups.items(), key=lambda group: (not group[0], -len(group[1]))))


def in_brief(answers: Sequence[Answer], plan: Plan, summary: Iterable[Row] = ()) -> list[str]:
    """The answers for a terminal, a paragraph each: a heading, what to use, how to go on, and what failed.

    summary: the rows of summary.csv, for what failed.
    """
    blocks = min((answer["measured_on"]["blocks"] for answer in answers if answer["recommended"]), default=plan.blocks)
    count = counted(blocks, "block")
    sure = blocks >= SURE_BLOCKS
    rests = count if sure else f"indicative: {count}, it takes {SURE_BLOCKS} to be sure"
    heading = f"What to use, compared with {plan.reference} ({rests})"
    if len(answers) <= FEW:
        said = [f"  In {answer['scenario']}, {_alone(answer, plan)}" for answer in answers]
    else:
        said = [f"  {sentence}" for sentence in _grouped(answers, plan)]
    return [heading, *said, *_how_to_go_on(answers, plan, sure), *_troubles(summary)]


def _alone(answer: Answer, plan: Plan) -> str:
    use = answer["recommended"]
    return advice(answer, plan.reference, plan.python(use) if use else "")


def _where(count: int, total: int) -> str:
    return f"all {counted(total, 'scenario')}" if count == total else f"{count} of {counted(total, 'scenario')}"


def _grouped(answers: Sequence[Answer], plan: Plan) -> Iterator[str]:
    groups = by_strategy(answers)
    nothing = groups.pop("", [])
    names = list(groups)
    # One more is as short as the line that says there is one more.
    shown = names if len(names) <= FEW else names[: FEW - 1]
    for name in shown:
        yield _group(name, groups[name], len(answers), plan)
    if others := names[len(shown) :]:
        left = sum(len(groups[name]) for name in others)
        yield f"{len(others)} other ways in the {counted(left, 'other scenario')}: {', '.join(others)}."
    if nothing:
        first = "" if len(nothing) == len(answers) else f": {', '.join(answer['scenario'] for answer in nothing)}"
        yield f"Nothing can be recommended in {_where(len(nothing), len(answers))}{first}."


def _group(name: str, group: Sequence[Answer], total: int, plan: Plan) -> str:
    """What is said of one strategy, with the most that it saves."""
    where = _where(len(group), total)
    if name == plan.reference:
        return f"Keep {name} in {where}: nothing that can be used there is shown to be faster."
    python = f" (under {plan.python(name)})" if plan.python(name) else ""
    best = max(group, key=lambda answer: answer["saves_s"] or 0.0)
    share, saves = best["ratio_to_reference"], best["saves_s"] or 0.0
    if share is None or saves <= 0:
        return f"Use {name}{python} in {where}."
    doubt = interval(best["ratio_low"], best["ratio_high"])
    figure = f"{ratio(share)}{f' {doubt}' if doubt else ''} of the time"
    up_to = "up to " if len(group) > 1 else ""
    open_ = ", not decided yet" if best["confidence"] == "unclear" else ""
    return (
        f"Use {name}{python} in {where}: it saves {up_to}{seconds(saves)} a transfer "
        f"({figure}{open_}, {best['scenario']})."
    )


def _listed(counts: Mapping[str, int]) -> str:
    """'a in 3 scenarios, b in 1 and 4 more ways', the most frequent first."""
    (first, most), *others = sorted(counts.items(), key=lambda each: -each[1])
    second = f", {others[0][0]} in {others[0][1]}" if others else ""
    more = f" and {counted(len(others) - 1, 'more way')}" if others[1:] else ""
    return f"{first} in {counted(most, 'scenario')}{second}{more}"


def _troubles(summary: Iterable[Row]) -> list[str]:
    """What failed and what was left out, in one line each at most."""
    failed: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for row in summary:
        if row["role"] == "candidate":
            where = failed if row["status"] in FAILED else skipped if row["status"] == "skipped" else {}
            where[str(row["strategy"])] = where.get(str(row["strategy"]), 0) + 1
    parts = [f"{word}: {_listed(counts)}" for word, counts in (("Failed", failed), ("Skipped", skipped)) if counts]
    return [f"{'. '.join(parts)}."] if parts else []


def _how_to_go_on(answers: Sequence[Answer], plan: Plan, sure: bool) -> list[str]:
    recommended = [answer for answer in answers if answer["recommended"]]
    unclear = sum(answer["confidence"] == "unclear" for answer in recommended)
    # How many blocks there are is then the workflow's choice, within the time that it is given.
    adaptive = plan.effort == "adaptive"
    if unclear:
        further = "Give it more time" if adaptive else "Raise `blocks` in the config"
        return [f"Not decided yet: {unclear} of {len(answers)}. {further} and run it again; what is measured stays."]
    if recommended and not sure and not adaptive:
        return [f"To be sure, set `blocks: {SURE_BLOCKS}` in the config and run it again; what is measured stays."]
    return []


def in_full(answers: Sequence[Answer], plan: Plan, summary: Iterable[Row] = ()) -> str:
    """answer.txt: in brief, then after a blank line every scenario's answer with its reason."""
    every = [f"  {answer['scenario']}: {answer['why']}" for answer in answers]
    return "\n".join([*in_brief(answers, plan, summary), "", f"{ALL}:", *every]) + "\n"
