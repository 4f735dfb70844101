"""multiprocessing.shared_memory, the array made there in the first place: handing it over moves its name alone."""

from __future__ import annotations

from typing import Any

from handoff.transports import Place, Spec, Ticket, shared_memory_reused

FACTS = {
    "about": "the array was made in a shared-memory segment, whose name alone travels",
    "simplicity": 6,
    "kinds": ("array",),
    "why_not": "a segment is plain bytes: a frame would have to be taken apart by hand",
    "needs": ("numpy",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array",),
    "born_there": True,
    "copies": 1.0,
    "storage_copies": 1.0,
    "hazard": "whoever makes the array has to make it there; what the sender writes into it later, the receiver sees",
}


class Way(shared_memory_reused.Way):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._born: dict[int, tuple[Any, Ticket]] = {}
        """Arrays that were made in their segment, by identity, which nobody else has while this holds them."""

    def adopt(self, payload: Any, place: Place) -> Any:
        ticket = super().publish(payload, place)
        born = self.view(ticket)
        self._born[id(born)] = born, ticket
        return born

    def publish(self, payload: Any, place: Place) -> Ticket:
        """The ticket of an array that was made there; any other one is copied."""
        _, ticket = self._born.get(id(payload), (None, None))
        return ticket or super().publish(payload, place)

    def close(self) -> None:
        self._born.clear()
        super().close()
