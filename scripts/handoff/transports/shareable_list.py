"""multiprocessing.shared_memory.ShareableList: number by number, each packed and unpacked by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import ShareableList
from typing import Any

import numpy as np

from handoff.transports import Access, CannotCarry, Place, Ticket, shared_memory

FACTS = {
    "about": "the array's numbers are packed into a ShareableList one by one, and the receiver unpacks them",
    "simplicity": 5,
    "kinds": ("array",),
    "why_not": "a ShareableList holds numbers and short texts in a row, nothing nested",
    "needs": ("numpy",),
    "writable": "yes",
    "copies": 60.0,
    "storage_copies": 25.0,
    "most_bytes": 1_048_576,
    "hazard": "each number takes 25 bytes, and each look at one takes longer than a whole array of thousands",
}


class Way(shared_memory.Way):
    def publish(self, payload: Any, place: Place) -> Ticket:
        kind, size = payload.dtype.kind, payload.dtype.itemsize
        if not (kind in "bi" or (kind == "u" and size < 8) or (kind == "f" and size == 8)):
            raise CannotCarry(f"a ShareableList holds Python's numbers of 64 bits, not items of dtype {payload.dtype}")
        ShareableList(payload.reshape(-1).tolist(), name=place).shm.close()
        return place, payload.shape, payload.dtype

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, shape, dtype = ticket
        numbers = ShareableList(name=place)
        try:
            array = np.array(list(iter(numbers)), dtype).reshape(shape)
        finally:
            numbers.shm.close()
        yield array
