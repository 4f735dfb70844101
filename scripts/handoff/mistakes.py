"""What stands in a step's way, told as one clear line: the user's mistakes, damaged files, a full disk.

In a room of its own: the schema's checks (configuration.py, which needs jsonschema) and the plan's
(scenarios.py, which a measured process imports) raise the same error, and every script ends in the same way.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_KEY: Final = 200
"""Characters of a key that an error shows."""


def one_line(text: str) -> str:
    """The text as one line that every terminal shows, whatever stands in a key, a path or a cell."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text.strip())


class HandoffError(Exception):
    """Something that is told in one line, without a traceback: where, what is wrong, what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class ConfigError(HandoffError):
    """Something in the config is wrong: which key, its value, what would be right."""

    def __init__(self, key: str, problem: str) -> None:
        shown = key if len(key) <= LONGEST_KEY else f"{key[: LONGEST_KEY - 1]}…"
        super().__init__(f"config: {shown}: {problem}")


def step(main: Callable[P, T]) -> Callable[P, T]:
    """A script's main that ends with status 1 and one line, 'script: what is wrong', where that is known.

    Any other exception is a defect of Handoff, and keeps its traceback.
    """

    @functools.wraps(main)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return main(*args, **kwargs)
        except (HandoffError, OSError) as error:
            raise SystemExit(f"{Path(sys.argv[0]).stem}: {one_line(str(error))}") from error

    return told
