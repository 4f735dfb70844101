"""An .npy file that the receiver maps: the file's pages are the array."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "numpy writes the array to a file and the receiver maps it: no copy on its side",
    "simplicity": 3,
    "kinds": ("array", "strided_array", "fortran_array", "structured_array"),
    "why_not": "an .npy file holds one array of plain items",
    "needs": ("numpy",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array", "strided_array", "fortran_array", "structured_array"),
    "copies": 1.0,
    "storage_copies": 1.0,
    "hazard": "passing the mapped array on to another worker pickles all of it",
}

_MODES: dict[str, Any] = {"read": "r", "private": "c", "shared": "r+"}


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        with Path(place).open("wb") as file:
            np.save(file, payload, allow_pickle=False)
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        # asarray, because a memmap pickles and reduces as a subclass; the array keeps the mapping alive.
        yield np.asarray(np.load(ticket, mmap_mode=_MODES[access], allow_pickle=False))

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
