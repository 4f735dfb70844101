"""What a probe found: one sentence, and what follows from it. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from handoff.mistakes import one_line
from handoff.shapes import shaped
from handoff.words import shortened

ABOUT: Final = ("payload", "function", "machine")
LEVELS: Final = ("note", "warning", "obstacle")

LONGEST: Final = 300
"""Characters that are shown of somebody else's text: an error's message may be a whole array."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found out before anything is measured."""

    about: str
    """payload, function or machine."""
    code: str
    """Which finding it is, for programs."""
    sentence: str
    consequence: str
    level: str = "note"
    """note; warning: it costs time, memory or safety; obstacle: some ways cannot work at all."""
    facts: dict[str, float] = field(default_factory=dict)
    """Numbers by name; bytes and seconds where a name ends so."""
    snippet: str = ""
    """Code to paste, where the consequence is a change of a line."""


def finding_from_json(data: Mapping[str, Any]) -> Finding:
    """The finding that `asdict` made this of.

    Raises:
        ValueError, TypeError: it is none.
    """
    found = shaped(Finding(**data), Finding)
    if found.about not in ABOUT or found.level not in LEVELS:
        raise ValueError(f"a finding is about {', '.join(ABOUT)} and of a level {', '.join(LEVELS)}")
    return found


def said(error: BaseException) -> str:
    """'ValueError: what it says', as one line of bounded length."""
    try:
        words = str(error)
    except Exception:  # an exception of somebody else's may fail at that, too
        words = ""
    return shortened(one_line(f"{type(error).__name__}: {words}".removesuffix(": ")), LONGEST)
