"""A payload in another library's form, for a task that is written for that library.

All else that is done with it, its digest above all, is done with what it becomes again: a conversion that loses
something shows itself as a wrong delivery.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handoff import payloads


class Converted:
    """It stands where the module of a payload kind does (payloads.Kind), for itself alone."""

    def __init__(self, library: str, held: Any, back: Callable[[Any], Any]) -> None:
        """held: the object of that library; back: makes the payload of it again."""
        self.library = library
        self.held = held
        self._back = back

    def nbytes(self, _payload: Any) -> int:
        return payloads.nbytes(self._back(self.held))

    def digest(self, _payload: Any) -> str:
        return payloads.digest(self._back(self.held))

    def checksum(self, _payload: Any) -> int:
        return payloads.checksum(self._back(self.held))

    def stamp(self, _payload: Any, _number: int) -> bool:
        """Nothing can be written into it."""
        return False
