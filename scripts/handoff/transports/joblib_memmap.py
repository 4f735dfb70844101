"""joblib's memory-mapping: a large array is dumped to a file in memory, and each worker maps that file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from handoff import outofband, payloads
from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "joblib dumps an array of 1 MiB or more to a file in memory, once, and the worker maps it, read-only",
    "simplicity": 2,
    "kinds": ("array", "frame"),
    "why_not": "joblib maps numpy's arrays alone: text and Python objects are pickled as by every pool",
    "needs": ("joblib", "numpy"),
    "executors": ("joblib",),
    "zero_copy": True,
    "writable": "private copy",
    "copies": 3.0,
    "storage_copies": 1.25,
    "hazard": (
        "joblib knows an array by the object it is: one that is changed in place and given again inside the same "
        "`with Parallel()` arrives as it was the first time"
    ),
}


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        # Other objects over the same memory, because of the hazard: joblib then writes what lies there now.
        return outofband.put_together(*outofband.take_apart(payload))

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        # asarray, because a memmap pickles and reduces as a subclass; the array keeps the mapping alive.
        payload = np.asarray(ticket) if isinstance(ticket, np.ndarray) else ticket
        yield payloads.copy(payload) if access == "private" else payload
