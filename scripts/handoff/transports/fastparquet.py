"""Parquet by fastparquet: the article's own way. Its maintainers have retired it (dask/fastparquet#973).

pandas' engine="fastparquet" is deprecated (pandas-dev/pandas#64673), so its own functions are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fastparquet

from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "fastparquet writes the frame as uncompressed Parquet and the receiver decodes it (the article's way)",
    "simplicity": 5,
    "kinds": ("frame", "text_frame"),
    "why_not": "Parquet holds tables of columns",
    "needs": ("fastparquet",),
    "writable": "yes",
    "copies": 4.0,
    "storage_copies": 1.5,
    "hazard": "fastparquet is retired by its maintainers; pyarrow writes and reads the same files",
}


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        fastparquet.write(place, payload, compression="UNCOMPRESSED", stats=False)
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield fastparquet.ParquetFile(ticket).to_pandas()

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
