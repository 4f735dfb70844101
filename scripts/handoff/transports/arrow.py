"""An Arrow IPC file that the receiver maps: columns are used where they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from handoff.transports import Access, CannotCarry, Place, Ticket, Transport

FACTS = {
    "about": "the payload is written as an Arrow IPC file, uncompressed, and the receiver maps it",
    "simplicity": 4,
    "kinds": (
        "array",
        "strided_array",
        "fortran_array",
        "frame",
        "wide_frame",
        "fragmented_frame",
        "datetime_frame",
        "nullable_frame",
        "text_frame",
        "arrow_table",
        "arrow_slice",
    ),
    "why_not": "Arrow holds columns of values, and pyarrow makes them of arrays, pandas DataFrames and its own tables",
    "needs": ("pyarrow", "numpy"),
    "zero_copy": True,
    "writable": "no",
    "copies": 2.0,
    "storage_copies": 1.0,
    "hazard": "a frame attached this way is read-only: writing into a column raises, adding one works",
}


def column_of(array: np.ndarray[Any, Any]) -> Any:
    """The array's items as an Arrow array.

    Raises:
        CannotCarry: Arrow has no such items, or would give back others (text as Python objects).
    """
    if array.dtype == "M8[D]":
        raise CannotCarry("Arrow keeps days in 32 bits, numpy in 64: an array of datetime64[D] may not fit")
    try:
        column = pa.array(np.ascontiguousarray(array).reshape(-1))
    except pa.ArrowException as error:
        raise CannotCarry(f"Arrow has no items of dtype {array.dtype}: {error}") from error
    back = column[:0].to_numpy(zero_copy_only=False).dtype
    if back != array.dtype:
        raise CannotCarry(f"Arrow would give items of dtype {array.dtype} back as {back}")
    return column


def table_of(frame: Any) -> Any:
    """The frame as an Arrow table, with what pandas needs to make the same frame of it.

    Raises:
        CannotCarry: a column that Arrow does not have, or names and types that pandas would not find again.
    """
    check_columns(frame)
    if frame.columns.inferred_type.startswith("mixed"):
        raise CannotCarry("column names of several types would all come back as text")
    for name in frame.index.names:
        if name is not None and not isinstance(name, str):
            raise CannotCarry(f"the index's name {name!r} would come back as text")
        if str(name).startswith("__index_level_"):
            raise CannotCarry(f"the index's name {name!r} is Arrow's own for an index without one")
    try:
        table = pa.Table.from_pandas(frame)
    except (pa.ArrowException, ValueError) as error:
        raise CannotCarry(f"Arrow cannot hold this frame: {error}") from error
    for column in table.columns:
        if column.type == pa.float16() and column.null_count:
            raise CannotCarry("Arrow would give the NaN of a float16 column back as other bits")
    if not len(frame) and any(pa.types.is_dictionary(column) for column in table.schema.types):
        raise CannotCarry("Arrow writes no categories where there are no rows")
    for name, dtype, column in zip(frame.columns, frame.dtypes, table.schema.types, strict=False):
        text_or_nested = pa.types.is_nested(column) or pa.types.is_string(column) or pa.types.is_large_string(column)
        if text_or_nested and type(dtype).__name__ == "ArrowDtype":
            raise CannotCarry(f"column {name!r} of dtype {dtype} would come back as another")
    return table


def check_columns(frame: Any) -> None:
    """Refuse Python objects, whose type a file of columns does not keep.

    Raises:
        CannotCarry: a column, or the index, is of dtype object.
    """
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, np.dtype) and dtype.hasobject:
            raise CannotCarry(f"column {name!r} holds Python objects, whose types would not come back")
    if frame.index.nlevels == 1 and str(frame.index.dtype) == "object":
        raise CannotCarry("the index holds Python objects, whose types would not come back")


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        if isinstance(payload, pa.Table):
            # A file's batches share one dictionary a column.
            form, table = "table", payload.unify_dictionaries()
        elif isinstance(payload, np.ndarray):
            form, table = payload.shape, pa.table([column_of(payload)], ["array"])
        else:
            form, table = "frame", table_of(payload)
        with pa.OSFile(place, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return place, form

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, form = ticket
        with pa.memory_map(place) as source:
            table = pa.ipc.open_file(source).read_all()
        if form == "table":
            yield table
        elif form == "frame":
            yield self.frame(table)
        else:
            whole = table.column("array").chunk(0) if table.num_rows else table.column("array").combine_chunks()
            yield self.items(whole).reshape(form)

    def frame(self, table: Any) -> Any:
        # split_blocks keeps each column where it lies in the file; without it pandas copies all of them.
        return table.to_pandas(split_blocks=True)

    def items(self, column: Any) -> Any:
        return column.to_numpy(zero_copy_only=False)

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
