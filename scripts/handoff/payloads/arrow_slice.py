"""The kind `arrow_slice`: a few rows of a bigger Arrow table, which all of it stays in memory for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from handoff.payloads import arrow_table
from handoff.payloads.arrow_table import Table

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a slice of an Arrow table that is 8 times bigger",
    "extension": "arrow",
    "options": {},
    "needs": ("pyarrow", "numpy"),
    "like": "arrow_table",
    "writable": False,
    "why_not": "an Arrow table cannot be written into",
    "bulk": 8.0,
    "memory_copies": 14.0,
    "hazard": "pickling it takes the whole table along that it is a slice of (apache/arrow#26685)",
}

PARENT: Final = 8
"""Rows of the whole table, in slices."""
BEFORE: Final = 4
"""How many of those lie before the slice."""


def make(size: int, seed: int) -> Table:
    """A slice of about `size` bytes, of at least one row."""
    return _of(arrow_table.of_rows(PARENT * max(1, round(size / arrow_table.ROW_BYTES)), seed))


def _of(whole: Table) -> Table:
    rows = len(whole) // PARENT
    return whole.slice(BEFORE * rows, rows)


def write(payload: Table, path: Path) -> None:
    """Write the whole table that it is a slice of."""
    rows = PARENT * len(payload)
    chunks = (column.chunk(0) for column in payload.columns)
    whole = [pa.Array.from_buffers(chunk.type, rows, chunk.buffers()) for chunk in chunks]
    arrow_table.write(pa.Table.from_arrays(whole, schema=payload.schema), path)


def read(path: Path) -> Table:
    """The slice of the table in the file, all of which is in private memory with every page touched.

    Raises:
        PayloadError: the file is damaged.
    """
    return _of(arrow_table.read(path))


def holds(obj: Any) -> bool:
    """Whether it is an Arrow table that keeps more than twice the memory of its own rows."""
    return isinstance(obj, pa.Table) and obj.get_total_buffer_size() > 2 * obj.nbytes
