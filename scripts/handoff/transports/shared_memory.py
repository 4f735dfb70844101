"""multiprocessing.shared_memory, a fresh segment for each array: the standard library's own answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "the array is copied into a new shared-memory segment and the receiver maps it",
    "simplicity": 5,
    "kinds": ("array", "strided_array", "fortran_array", "structured_array"),
    "why_not": "a segment is plain bytes: whatever is no array of plain items would have to be taken apart by hand",
    "needs": ("numpy",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array", "strided_array", "fortran_array", "structured_array"),
    "copies": 1.0,
    "storage_copies": 1.0,
    "hazard": "a view that outlives its segment reads freed memory (numpy#23305); a full /dev/shm is SIGBUS",
}


def create(name: str, size: int) -> SharedMemory:
    """A new segment whose pages are reserved.

    Raises:
        OSError: /dev/shm has no room for it; without the reservation that is SIGBUS at the first store.
    """
    segment = SharedMemory(name, create=True, size=size)
    try:
        os.posix_fallocate(segment._fd, 0, size)  # type: ignore[attr-defined]
    except OSError:
        segment.close()
        raise
    return segment


def attach(name: str) -> SharedMemory:
    """Open a segment that another process owns.

    A tracker that this process does not share with the owner would remove the segment when it ends
    (python/cpython#82300). track=False says so from Python 3.13 on. Before, workers of one multiprocessing
    tree share the owner's tracker, where a second registration of a name changes nothing.
    """
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    return SharedMemory(name)


class Way(Transport):
    def reserve(self) -> Place:
        return f"{self.spec.prefix}-{os.getpid()}-{next(self._numbers)}"

    def publish(self, payload: Any, place: Place) -> Ticket:
        segment = create(place, max(1, payload.nbytes))
        try:
            view: Any = np.ndarray(payload.shape, payload.dtype, buffer=segment.buf)
            view[...] = payload
            del view
        finally:
            segment.close()
        return place, payload.shape, payload.dtype

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        name, shape, dtype = ticket
        segment = attach(name)
        try:
            view: Any = np.ndarray(shape, dtype, buffer=segment.buf)
            view.flags.writeable = access == "shared"
            yield view.copy() if access == "private" else view
            del view
        finally:
            segment.close()

    def stored(self, place: Place) -> int:
        return super().stored(f"/dev/shm/{place}")

    def release(self, place: Place) -> None:
        try:
            segment = attach(place)
        except FileNotFoundError:
            return  # nothing was ever published there
        segment.close()
        if sys.version_info >= (3, 13):
            # unlink() forgets the name in the tracker only for a tracked object; the creator registered it.
            resource_tracker.unregister(f"/{place}", "shared_memory")
        segment.unlink()
