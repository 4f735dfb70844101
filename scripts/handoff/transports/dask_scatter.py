"""Dask's scatter: the data lie in a worker's memory, and a call that names them runs over them there."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from handoff import payloads
from handoff.executors import dask
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "scattered to a worker's memory over a socket, from which Dask gives it to the call before that begins",
    "simplicity": 8,
    "kinds": ("any",),
    "needs": ("dask", "distributed"),
    "executors": ("dask",),
    "writable": "private copy",
    "copies": 4.0,
    "hazard": (
        "all calls on a worker get the same object: what one writes into it, the next one sees; "
        "whatever can reach the loopback interface can have a worker run code"
    ),
}


class Way(Transport):
    """Only from the sender on: what a worker made comes back by the channel, as any result of Dask's does."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._futures: dict[Place, Any] = {}

    def publish(self, payload: Any, place: Place) -> Ticket:
        if dask.running is None:
            return payload
        self._futures[place] = dask.running.scatter(payload)
        return self._futures[place]

    def attach(self, ticket: Ticket, access: Access) -> AbstractContextManager[Any]:
        return nullcontext(payloads.copy(ticket) if access == "private" else ticket)

    def stored(self, place: Place) -> int:
        if dask.running is None or place not in self._futures:
            return 0
        key = self._futures[place].key
        return int(dask.running.client.nbytes([key], summary=False).get(key, 0))

    def release(self, place: Place) -> None:
        if future := self._futures.pop(place, None):
            future.release()
