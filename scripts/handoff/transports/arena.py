"""Handoff's own arena (handoff/arena.py): pickle 5 out-of-band into shared memory that is used again and again.

Most of the cost of a fresh segment is the kernel handing out and clearing its pages at the first touch.
An arena pays that once. docs/arena.md has more.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from handoff.arena import SMALL, Arena
from handoff.copying import Copier
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "pickle 5 hands the buffers out, they are copied once into shared memory that is used again and again",
    "simplicity": 6,
    "kinds": ("any",),
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
        "text_frame",
        "sparse_matrix",
    ),
    "copies": 1.25,
    "hazard": "an object kept after its turn sees the next payload in its place, without any error: copy what you keep",
}


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        # A small buffer goes in the ticket sooner. What one side writes into it there, the other does not see.
        self._arena = Arena(spec.directory, spec.prefix, 1 if spec.shared else SMALL, Copier())

    def reserve(self) -> Place:
        return self._arena.reserve()

    def publish(self, payload: Any, place: Place) -> Ticket:
        return self._arena.publish(payload, place)

    def attach(self, ticket: Ticket, access: Access) -> AbstractContextManager[Any]:
        return self._arena.attach(ticket, access)

    def stored(self, place: Place) -> int:
        return self._arena.stored(place)

    def release(self, place: Place) -> None:
        self._arena.release(place)

    def close(self) -> None:
        self._arena.close()
