"""The parts of the page in their order, and which of them a run has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from handoff.figures import FIGURES


@dataclass(frozen=True)
class Part:
    """A section: its id in the page's address, its name in the list of parts, its heading, the figures in it."""

    id: str
    short: str
    heading: str
    figures: tuple[str, ...] = ()


ANSWERS: Final = (
    Part("answers", "Answers", "What to use"),
    Part("now", "Where the time goes now", "Where the time goes now"),
    Part("found", "Found out before", "What was found out before measuring"),
    Part("code", "Code", "The code to paste"),
    Part("article", "The article", "The article's experiments, its figures and ours"),
)
WHY: Final = (
    Part("ranking", "Ranking", "Ranking", ("ranking",)),
    Part("map", "Map of decisions", "Which way for which size and task", ("decision_map",)),
    Part("timeline", "Timeline", "One transfer, step by step", ("timeline",)),
    Part("phases", "Phases", "Where the time goes", ("phases",)),
    Part("size", "Time against size", "Time against size", ("time_against_size",)),
    Part("costs", "Costs", "What handing over costs", ("crossovers", "break_even")),
    Part("memory", "Memory", "Memory against time", ("memory",)),
    Part("start", "Start-up", "Starting the workers", ("start_up",)),
    Part("workers", "Time against workers", "Time against workers", ("workers",)),
    Part("failures", "Failures", "What worked, what did not", ("failures",)),
)
TRUST: Final = (
    Part("trust", "How far to trust it", "How far to trust it", ("drift",)),
    Part("machine", "Machine", "Machine and environment"),
    Part("data", "Data", "Data"),
    Part("method", "Method and words", "Method and words"),
)
_PLACED: Final = {name for part in (*WHY, *TRUST) for name in part.figures}
ALWAYS: Final = frozenset({"answers", "failures", "trust", "machine", "data", "method"})


def parts(drawn: Collection[str], told: Collection[str]) -> list[Part]:
    """The parts of one page: what every page has, what has something to tell, what has a figure that is drawn.

    A figure that has no place among them gets a part of its own: a new one needs no line here.
    """
    more = [Part(f"figure-{name}", FIGURES.get(name, name), FIGURES.get(name, name), (name,)) for name in drawn
            if name not in _PLACED]  # fmt: skip
    return [
        part
        for part in (*ANSWERS, *WHY, *more, *TRUST)
        if part.id in ALWAYS or part.id in told or any(name in drawn for name in part.figures)
    ]
