"""multiprocessing.RawArray: memory that a worker gets as it starts, and in no other way."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import RawArray
from typing import Any, ClassVar

import numpy as np

from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "the array is copied into a RawArray, which workers get as they start and use in place",
    "simplicity": 4,
    "kinds": ("array",),
    "why_not": "a RawArray is plain numbers: a frame would have to be taken apart by hand",
    "patterns": ("send", "broadcast"),
    "why_not_pattern": (
        "a RawArray goes to a worker only as it starts: nothing comes back, "
        "and no second payload goes to the same worker"
    ),
    "needs": ("numpy",),
    "not_executors": ("own",),
    "zero_copy": True,
    "writable": "private copy",
    "copies": 1.0,
    "storage_copies": 1.0,
    "hazard": "whoever writes into it, writes into everybody's, without any lock",
}

_arrays: dict[str, Any] = {}
"""What this process has: its own, or what it got as it started."""


class Way(Transport):
    before_start: ClassVar[bool] = True

    def publish(self, payload: Any, place: Place) -> Ticket:
        _arrays[place] = RawArray(ctypes.c_ubyte, max(1, payload.nbytes))
        np.ndarray(payload.shape, payload.dtype, _arrays[place])[...] = payload
        return place, payload.shape, payload.dtype

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, shape, dtype = ticket
        view: Any = np.ndarray(shape, dtype, _arrays[place])
        view.flags.writeable = access == "shared"
        yield view.copy() if access == "private" else view

    def luggage(self) -> Any:
        return dict(_arrays)

    def unpack(self, luggage: Any) -> None:
        _arrays.update(luggage)

    def release(self, place: Place) -> None:
        _arrays.pop(place, None)
