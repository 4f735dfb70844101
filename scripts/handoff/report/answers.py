"""The answer first: for each scenario one sentence, how sure it is, and the code to paste."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from handoff import pasting
from handoff.advice import advice, by_strategy
from handoff.figures.run import words
from handoff.scenarios import Scenario
from handoff.statistics import MIN_BLOCKS, SURE_BLOCKS
from handoff.strategies import LIBRARY
from handoff.words import counted

NAMED: Final = 4
"""So many ways are named in the sentence on all answers; the others are counted."""


def headline(scenario: Scenario, answer: Mapping[str, Any], reference: str, python: str = "") -> str:
    """What to do in this scenario, in one sentence: the strategy, what it saves, how far that can be trusted.

    python: which other Python the strategy is measured under.
    """
    return f"To {words(scenario)}, {advice(answer, reference, python)}"


def sureness(answer: Mapping[str, Any]) -> str:
    """How sure an answer is, in a few words."""
    blocks = answer["measured_on"]["blocks"]
    said = counted(blocks, "block")
    if answer["confidence"] == "decided":
        return f"decided, {said}"
    if answer["confidence"] == "unclear":
        return f"unclear, {said}"
    return f"indicative, {said}"


def in_short(answers: Sequence[Mapping[str, Any]]) -> str:
    """All answers counted, in one sentence."""
    of = counted(len(answers), "scenario")
    used = {name: len(group) for name, group in by_strategy(answers).items()}
    nothing = used.pop("", 0)
    if not used:
        return "Nothing can be recommended in this run."
    first, *others = used
    if len(answers) in (1, used[first]):
        return f"Use {first} in {f'all {of}' if len(answers) > 1 else 'the one scenario of this run'}."
    named = [f"{first} in {used[first]} of {of}", *(f"{name} in {used[name]}" for name in others[: NAMED - 1])]
    if left := sum(used[name] for name in others[NAMED - 1 :]):
        named.append(f"{counted(len(others) - NAMED + 1, 'other way')} in the other {left}")
    none = f"; nothing can be recommended in {nothing}" if nothing else ""
    return f"Use {', '.join(named)}{none}."


def told_by_headline(answer: Mapping[str, Any]) -> bool:
    """Whether the headline says all that the reason says: plainly faster, and nothing left open."""
    return answer["confidence"] != "unclear" and (answer["saves_s"] or 0) > 0 and (answer["ratio_high"] or 2.0) < 1


def caution(answers: Sequence[Mapping[str, Any]]) -> str:
    """What the number of blocks means for all answers; '' from 10 blocks on."""
    blocks = min((answer["measured_on"]["blocks"] for answer in answers if answer["recommended"]), default=0)
    if not blocks:
        return "Nothing in this run can be recommended: see what did not work, and why."
    if blocks >= SURE_BLOCKS:
        return ""
    why = f", and an interval needs {MIN_BLOCKS}" if blocks < MIN_BLOCKS else ""
    return (
        f"Indicative: the answers rest on {counted(blocks, 'block')}{why}; it takes {SURE_BLOCKS} to be sure. "
        f"Set blocks to {SURE_BLOCKS} or more in the config and run again: only the missing ones are measured."
    )


@dataclass(frozen=True)
class Snippet:
    """The code to paste for one strategy, and the scenarios whose answer it is."""

    strategy: str
    scenarios: list[str]
    file: str
    code: str


def snippets(
    answers: Sequence[Mapping[str, Any]], scenarios: Sequence[Scenario] = (), sizes: Mapping[str, int] | None = None
) -> list[Snippet]:  # fmt: skip
    """The recommended strategies' code, most often recommended first; those without a file are left out.

    Where the scenario's function or data are the user's own, they are in it; sizes has the bytes of each scenario's
    payload. Scenarios that share their code share a snippet.
    """
    by_id = {scenario.id: scenario for scenario in scenarios}
    often = Counter(answer["recommended"] for answer in answers)
    found: dict[tuple[str, str], Snippet] = {}
    for answer in sorted(answers, key=lambda answer: -often[answer["recommended"]]):
        strategy = answer["recommended"]
        path = LIBRARY / "snippets" / Path(answer["snippet"]).name
        if not strategy or not path.is_file():
            continue
        scenario = by_id.get(answer["scenario"])
        code = path.read_text(encoding="utf-8")
        if scenario and (scenario.function or scenario.payload.own):
            code = _filled(strategy, scenario, (sizes or {}).get(scenario.id, 0))
        snippet = found.setdefault((strategy, code), Snippet(strategy, [], answer["snippet"], code.rstrip()))
        snippet.scenarios.append(answer["scenario"])
    return list(found.values())


def _filled(strategy: str, scenario: Scenario, nbytes: int) -> str:
    payload = scenario.payload
    # Of a file that is cut short to be measured, the code reads all: nobody knows here how much that is.
    data = pasting.OwnData(
        payload.may_be, 0 if payload.path and payload.size else nbytes, payload.path, payload.maker,
        tuple(value for _, value in payload.options) if payload.maker else (), payload.home,
    )  # fmt: skip
    return pasting.filled(strategy, scenario.task, data, scenario.task_home)
