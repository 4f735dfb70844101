"""Parquet by pyarrow, uncompressed and without dictionaries: the quickest it can be as a hand-over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from handoff.transports import Access, CannotCarry, Place, Ticket, Transport
from handoff.transports.arrow import table_of

FACTS = {
    "about": "pyarrow writes the frame as uncompressed Parquet and the receiver decodes it",
    "simplicity": 4,
    "kinds": (
        "frame",
        "wide_frame",
        "fragmented_frame",
        "datetime_frame",
        "nullable_frame",
        "text_frame",
        "arrow_table",
        "arrow_slice",
    ),
    "why_not": "pyarrow makes Parquet of Arrow tables and pandas DataFrames",
    "needs": ("pyarrow",),
    "writable": "yes",
    "copies": 4.0,
    "storage_copies": 1.0,
}


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


class Way(Transport):
    compression: ClassVar[str] = "NONE"

    def publish(self, payload: Any, place: Place) -> Ticket:
        is_table = isinstance(payload, pa.Table)
        table = payload if is_table else table_of(payload)
        categories = []
        for field in table.schema:
            if pa.types.is_timestamp(field.type) and field.type.unit == "s":
                raise CannotCarry(f"Parquet has no dates in whole seconds, as column {field.name!r} holds them")
            if is_table and pa.types.is_nested(field.type):
                raise CannotCarry(
                    f"Parquet gives other names to what column {field.name!r} of nested values is made of"
                )
            if pa.types.is_dictionary(field.type):
                if not _is_text(field.type.value_type):
                    raise CannotCarry(f"Parquet keeps categories of text alone, not those of column {field.name!r}")
                categories.append(field.name)
        # Without their dictionary, categories would come back in another order, and unused ones not at all.
        pq.write_table(table, place, compression=self.compression, use_dictionary=categories, write_statistics=False)
        return place, is_table

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, is_table = ticket
        # Opened here: given a path, pyarrow's own threads may close the file after read_table has returned, and take a
        # folder called a=b above it for a column.
        with pa.OSFile(place) as file:
            table = pq.read_table(file)
        yield table if is_table else table.to_pandas()

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
