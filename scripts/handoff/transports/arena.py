"""Pickle 5 out-of-band into an arena: one shared file in memory, mapped once, used again for every payload.

Most of the cost of a fresh segment is the kernel handing out and clearing its pages at the first touch.
An arena pays that once. A payload is pickled with protocol 5; its large buffers do not go into the pickle
but are copied, once, into the arena, and the receiver's objects use them there.

Layout of a slot's file: as the buffers come, each at a multiple of 64 bytes. The pickle and the table of
offsets travel in the ticket, since they are small where it matters; a payload without large buffers
travels in the ticket altogether, which is then as good as pickle.
"""

from __future__ import annotations

import mmap
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "pickle 5 hands the buffers out, they are copied once into shared memory that is used again and again",
    "simplicity": 6,
    "kinds": ("any",),
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
    "storage_copies": 1.25,
    "hazard": "an object kept after its turn sees the next payload in its place, without any error: copy what you keep",
}

_ALIGN = 64
"""A cache line, and what Arrow asks for."""


class _Slot:
    """One file of the arena as this process maps it."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._map: mmap.mmap | None = None
        self._size = 0

    def memory(self, size: int) -> memoryview:
        """At least that many bytes of the slot, mapped; grows the file where needed."""
        if size > self._size:
            # Beyond what the receiver needs by a quarter, so that a slowly growing payload does not remap each time.
            present = os.fstat(self._descriptor).st_size
            wanted = max(present, size if size <= present else size + size // 4)
            if wanted > present:
                # Reserves the pages: a full file system is an OSError here, and SIGBUS at a store otherwise.
                os.posix_fallocate(self._descriptor, 0, wanted)
            self._map = mmap.mmap(self._descriptor, wanted)
            self._size = wanted
        assert self._map is not None
        return memoryview(self._map)

    def private(self, size: int) -> memoryview:
        """Pages of this process's own as soon as it writes into them."""
        return memoryview(mmap.mmap(self._descriptor, size, access=mmap.ACCESS_COPY))

    def close(self) -> None:
        self._map = None  # unmapped when the last view has gone
        os.close(self._descriptor)


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._slots: dict[str, _Slot] = {}
        self._free: list[str] = []

    def _slot(self, path: str) -> _Slot:
        if path not in self._slots:
            self._slots[path] = _Slot(path)
        return self._slots[path]

    def reserve(self) -> Place:
        return self._free.pop() if self._free else super().reserve()

    def publish(self, payload: Any, place: Place) -> Ticket:
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
        raws = [buffer.raw() for buffer in buffers]
        table, end = [], 0
        for raw in raws:
            table.append((end, raw.nbytes))
            end += -(-raw.nbytes // _ALIGN) * _ALIGN
        if end:
            memory = self._slot(place).memory(end)
            for (offset, length), raw in zip(table, raws, strict=True):
                memory[offset : offset + length] = raw
        return place, head, table, end

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, head, table, end = ticket
        memory = memoryview(b"")
        if end:
            slot = self._slot(place)
            memory = slot.private(end) if access == "private" else slot.memory(end)
        if access == "read":
            memory = memory.toreadonly()
        yield pickle.loads(head, buffers=[memory[offset : offset + length] for offset, length in table])

    def release(self, place: Place) -> None:
        self._free.append(place)

    def close(self) -> None:
        for slot in self._slots.values():
            slot.close()
        self._slots.clear()
        for place in self._free:  # the parent's alone: whoever reserves is who removes
            Path(place).unlink(missing_ok=True)
        self._free.clear()
