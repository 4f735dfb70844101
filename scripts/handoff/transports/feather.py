"""Feather with its own defaults, as pandas writes it: an Arrow IPC file compressed by LZ4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyarrow import feather

from handoff.transports import Access, Place, Ticket, Transport
from handoff.transports.arrow import table_of

FACTS = {
    "about": "pyarrow writes the frame as a Feather file, which it compresses by LZ4, and the receiver decodes it",
    "simplicity": 3,
    "kinds": (
        "frame",
        "wide_frame",
        "fragmented_frame",
        "datetime_frame",
        "nullable_frame",
        "text_frame",
    ),
    "why_not": "Feather holds tables of columns",
    "needs": ("pyarrow",),
    "writable": "yes",
    "copies": 4.0,
    "storage_copies": 1.0,
    "hazard": "random numbers do not get smaller, and cannot be mapped once they are compressed",
}


class Way(Transport):
    """Uncompressed it is the very file that `arrow` writes, and reading it is `arrow_copy`."""

    def publish(self, payload: Any, place: Place) -> Ticket:
        feather.write_feather(table_of(payload), place)
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield feather.read_feather(ticket)

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
