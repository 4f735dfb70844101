"""An argument of a Ray call: from 100 kB on, Ray puts it into its object store by itself."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from handoff import payloads
from handoff.transports import Access, Place, Ticket, Transport
from handoff.transports.object_store import Whole

FACTS = {
    "about": "the payload is an argument of the call, which Ray puts into its shared memory each time, if it is large",
    "simplicity": 6,
    "kinds": ("any",),
    "needs": ("ray",),
    "executors": ("ray",),
    "zero_copy": True,
    "writable": "private copy",
    "copies": 2.0,
    "storage_copies": 1.25,
    "hazard": (
        "the same object given to many calls is stored once for each of them; arrays arrive read-only, and a "
        "bytearray in a list or dict arrives as bytes unless an object holds it"
    ),
}


class Way(Transport):
    """Nothing to do but to keep Ray from packing it by msgpack: the channel is the object store."""

    def publish(self, payload: Any, place: Place) -> Ticket:
        return Whole(payload)

    def attach(self, ticket: Ticket, access: Access) -> AbstractContextManager[Any]:
        return nullcontext(payloads.copy(ticket.payload) if access == "private" else ticket.payload)
