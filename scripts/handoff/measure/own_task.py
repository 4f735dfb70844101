"""A user's function as the task: whether its results are right, and what it does to its payload.

All of it happens off the clock. Unlike a built-in task it may return anything, take long, return something else at
each call, or write into what it gets; and its payload must not be stamped, since who knows what it looks for in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from handoff import payloads, tasks

WRITES: Final = (
    "the function writes into the payload, and here that is the caller's own; say so in the config, "
    "needs: {writable: true}, and it gets a copy"
)


def fingerprint(result: Any) -> str:
    """Equal for equal results; '' for one of which that cannot be said."""
    try:
        return payloads.digest(result)
    except Exception:  # nobody knows what a user's object does as it is looked at
        return ""


def _own_copy(payload: Any) -> Any:
    try:
        return payloads.copy(payload)
    except Exception:  # what cannot be copied is not written into, as far as anybody knows
        return payload


class OwnTask:
    """One scenario's: what its results must be, found out once, by the caller itself on a copy."""

    def __init__(self, task: tasks.Task, payload: Any, shared: bool) -> None:
        """shared: workers get the caller's own object."""
        self.task = task
        self._right: dict[int, str] = {}
        self._places: list[Any] = []
        self._unsteady = False
        self._pristine = _own_copy(payload) if shared else None
        self._before = payloads.digest(payload) if shared else ""
        self.writes = False
        """It was seen to write into the caller's payload."""

    def right(self, places: Sequence[Any]) -> list[str]:
        """The fingerprints of what the task returns for these, in their order; the same ones every time."""
        self._places = list(places)
        for number, payload in enumerate(places):
            if number not in self._right:
                self._right[number] = fingerprint(self.task(_own_copy(payload)))
        return [self._right[number] for number in range(len(places))]

    def holds(self, found: Sequence[str], wanted: Sequence[str]) -> bool:
        """Whether these are right. A function that returns something else at each call has no wrong results."""
        if all(a == b or not a or not b for a, b in zip(found, wanted, strict=True)) or self._unsteady:
            return True
        self._unsteady = any(
            fingerprint(self.task(_own_copy(payload))) != self._right[number]
            for number, payload in enumerate(self._places)
        )
        return self._unsteady

    def look(self, payload: Any) -> None:
        """After a transfer: whether the caller's payload is still what it was."""
        if self._before and not self.writes:
            self.writes = payloads.digest(payload) != self._before

    def restored(self) -> Any:
        """The payload as it was."""
        return _own_copy(self._pristine)
