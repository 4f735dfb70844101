"""By reference: the worker runs in the sender's process and uses the very same object."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from handoff import payloads
from handoff.transports import Access, Ticket, Transport

FACTS = {
    "about": "the worker uses the sender's own object; nothing moves",
    "simplicity": 0,
    "kinds": ("any",),
    "executors": ("inline", "threads"),
    "zero_copy": True,
    "writable": "yes",
    "shares_writes": ("any",),
    "copies": 0.0,
    "hazard": "sender and worker share one object: what one writes, the other sees, without any lock",
}


class Way(Transport):
    """The channel of threads carries references. Who wants a copy of his own has to make it."""

    def attach(self, ticket: Ticket, access: Access) -> AbstractContextManager[Any]:
        return nullcontext(payloads.copy(ticket) if access == "private" else ticket)
