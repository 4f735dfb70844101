"""An argument of the pool's initializer: pickled once for each worker, as it starts, and not once for each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "each worker gets the payload as it starts, pickled once for it, and keeps it for all its calls",
    "simplicity": 2,
    "kinds": ("any",),
    "patterns": ("broadcast", "reuse"),
    "why_not_pattern": (
        "every worker gets it as it starts: none gets one of its own, no second one follows, nothing comes back"
    ),
    "not_executors": ("inline", "threads", "process_fork"),
    "writable": "yes",
    "copies": 4.0,
    "hazard": "what a call writes into it, later calls in the same worker see, and nobody else",
}


class Way(Transport):
    before_start: ClassVar[bool] = True

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._held: dict[Place, Any] = {}

    def publish(self, payload: Any, place: Place) -> Ticket:
        self._held[place] = payload
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield self._held[ticket]

    def release(self, place: Place) -> None:
        self._held.pop(place, None)

    def luggage(self) -> Any:
        return self._held

    def unpack(self, luggage: Any) -> None:
        self._held.update(luggage)

    def close(self) -> None:
        self._held.clear()
