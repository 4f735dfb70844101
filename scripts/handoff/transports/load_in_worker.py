"""Not handed over at all: the worker reads the payload's file itself. Only the path travels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handoff import payloads
from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "the worker reads the file that the payload came from; only its path travels",
    "simplicity": 0,
    "kinds": ("any",),
    "patterns": ("send", "broadcast", "reuse", "mutate_private"),
    "why_not_pattern": "what the sender or a worker made has no file that it came from",
    "writable": "yes",
    "copies": 3.0,
    "from_file": True,
    "hazard": "what the sender changed since it read the file does not arrive",
}


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        return self.spec.source

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield payloads.read_source(ticket)
