"""Pickle 5 out-of-band into a file that the receiver maps: any payload, its large buffers used where they lie."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from handoff import outofband
from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "pickle 5 hands the large buffers out, all is written to a file, and the receiver maps it",
    "simplicity": 5,
    "kinds": ("any",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array",),
    "copies": 3.0,
    "storage_copies": 1.0,
    "hazard": "what holds no large buffers, as Python's own objects, is pickled as ever, only past the pipe",
}

_ACCESS: Final = {"read": mmap.ACCESS_READ, "private": mmap.ACCESS_COPY, "shared": mmap.ACCESS_WRITE}


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        # Written and not stored through a mapping: no page fault for each page, and a full disk is an OSError.
        with Path(place).open("wb", buffering=0) as file:
            outofband.pour(outofband.message(payload), lambda pieces: os.writev(file.fileno(), pieces))
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        with Path(ticket).open("rb" if access != "shared" else "r+b", buffering=0) as file:
            memory = memoryview(mmap.mmap(file.fileno(), 0, access=_ACCESS[access]))
        # The payload's buffers keep the mapping.
        yield outofband.read(memory)

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
