"""multiprocessing.shared_memory, segments kept for the next array: mapped once, their pages warm from then on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from handoff.transports import Access, Place, Spec, Ticket, shared_memory

FACTS = {
    "about": "the array is copied into a shared-memory segment that both sides keep mapped for the next one",
    "simplicity": 6,
    "kinds": ("array",),
    "why_not": "a segment is plain bytes: a frame would have to be taken apart by hand",
    "needs": ("numpy",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array",),
    "copies": 1.0,
    "storage_copies": 1.0,
    "hazard": "an array kept after its turn sees the next one in its place, without any error: copy what you keep",
}


class Way(shared_memory.Way):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._segments: dict[str, SharedMemory] = {}
        """As this process has them mapped."""
        self._reserved: list[str] = []
        self._free: list[str] = []

    def reserve(self) -> Place:
        if self._free:
            return self._free.pop()
        self._reserved.append(super().reserve())
        return self._reserved[-1]

    def mapped(self, name: str, size: int) -> SharedMemory:
        """The segment, of at least that many bytes: as it is mapped here, or anew where it has grown.

        Raises:
            FileNotFoundError: there is none.
        """
        segment = self._segments.get(name)
        if segment is None or segment.size < size:
            self._keep(name, shared_memory.attach(name))
        return self._segments[name]

    def _keep(self, name: str, segment: SharedMemory) -> None:
        if name in self._segments:
            self._segments[name].close()
        self._segments[name] = segment

    def publish(self, payload: Any, place: Place) -> Ticket:
        size = max(1, payload.nbytes)
        try:
            segment = self.mapped(place, size)
            if segment.size < size:
                os.posix_fallocate(segment._fd, 0, size)  # type: ignore[attr-defined]
                segment = self.mapped(place, size)
        except FileNotFoundError:
            self._keep(place, segment := shared_memory.create(place, size))
        np.ndarray(payload.shape, payload.dtype, segment.buf)[...] = payload
        return place, payload.shape, payload.dtype

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        view = self.view(ticket)
        view.flags.writeable = access == "shared"
        yield view.copy() if access == "private" else view

    def view(self, ticket: Ticket) -> Any:
        """The array where it lies."""
        name, shape, dtype = ticket
        size = max(1, dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
        return np.ndarray(shape, dtype, self.mapped(name, size).buf)

    def release(self, place: Place) -> None:
        self._free.append(place)

    def close(self) -> None:
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()
        for name in self._reserved:  # the parent's alone: whoever reserves is who removes
            super().release(name)
        self._reserved.clear()
        self._free.clear()
