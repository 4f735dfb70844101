"""multiprocessing.shared_memory, the array made there in the first place: handing it over moves its name alone."""

from __future__ import annotations

from typing import Any

from handoff.transports import BornThere, Ticket, shared_memory_reused

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


class Way(BornThere, shared_memory_reused.Way):
    def born(self, ticket: Ticket) -> Any:
        return self.view(ticket)
