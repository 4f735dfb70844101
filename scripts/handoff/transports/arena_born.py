"""The arena, the payload made there in the first place: handing it over moves a ticket alone.

Unlike a segment of multiprocessing.shared_memory, the arena's memory lies in huge pages where the kernel gives them,
and reading it costs less.
"""

from __future__ import annotations

from typing import Any

from handoff.transports import BornThere, Ticket, arena

FACTS = {
    "about": "the payload was made in the arena's shared memory, and a ticket that says where alone travels",
    "simplicity": 7,
    "kinds": (
        "array",
        "fortran_array",
        "structured_array",
        "frame",
        "wide_frame",
        "fragmented_frame",
        "nullable_frame",
        "sparse_matrix",
    ),
    "why_not": "what is written into its numbers has to stay in the memory where they were made",
    "platforms": ("linux",),
    "needs": ("numpy",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": (
        "array",
        "fortran_array",
        "structured_array",
        "frame",
        "wide_frame",
        "fragmented_frame",
        "nullable_frame",
        "sparse_matrix",
    ),
    "born_there": True,
    "copies": 1.25,
    "hazard": "whoever makes the payload has to make it there; what the sender writes into it later, the receiver sees",
}


class Way(BornThere, arena.Way):
    def born(self, ticket: Ticket) -> Any:
        with self.attach(ticket, "shared") as payload:
            return payload
