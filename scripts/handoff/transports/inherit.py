"""Inherited by fork: the payload is there before the worker is, and the worker has it for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "the worker is forked while the payload lies in memory, and reads the same pages",
    "simplicity": 3,
    "kinds": ("any",),
    "patterns": ("send", "broadcast"),
    "why_not_pattern": (
        "only what exists before the fork is inherited: nothing comes back, "
        "and no second payload goes to the same worker"
    ),
    "platforms": ("linux",),
    "executors": ("process_fork",),
    "safe": False,
    "why_not_safe": "a lock that any thread holds at the fork stays locked in the child for ever: it may hang",
    "zero_copy": True,
    "writable": "private copy",
    "copies": 0.2,
    "hazard": "reading Python objects writes their reference counts, which copies their pages",
}

_inherited: dict[str, Any] = {}
"""A global, because a global is what a forked worker finds again."""


class Way(Transport):
    before_start: ClassVar[bool] = True

    def publish(self, payload: Any, place: Place) -> Ticket:
        _inherited[place] = payload
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield _inherited[ticket]

    def release(self, place: Place) -> None:
        _inherited.pop(place, None)
