"""What a column of a DataFrame holds, as streams of bytes that depend on no layout.

Equal columns give equal streams, whatever their blocks, chunks, strides, offsets' width or storage.
Digest, checksum and size of a frame are all taken over these streams. Numbers and text are handed out
where they lie; nothing is done value by value in Python but for columns of Python objects.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from handoff.payloads import array, objects
from handoff.payloads.streams import ROWS, Stream, of_arrow, of_items, of_python, of_truths

_MASKED: Final = (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)


def type_name(dtype: Any) -> str:
    """The dtype as users tell dtypes apart: how pandas stores the text of a `str` column is not part of it."""
    if isinstance(dtype, pd.CategoricalDtype):
        return f"category, ordered: {bool(dtype.ordered)}, of {type_name(dtype.categories.dtype)}"
    return str(dtype)


def holds_python(dtype: Any) -> bool:
    """Whether the column is made of references to Python objects."""
    return isinstance(dtype, np.dtype) and dtype.hasobject


def index_columns(index: Any) -> list[Any]:
    """The index as columns: one, or one a level."""
    return [index.get_level_values(level) for level in range(index.nlevels)] if index.nlevels > 1 else [index]


def streams(column: Any) -> list[Stream]:
    """The bytes of a Series or an Index of one level."""
    dtype = column.dtype
    if isinstance(column, pd.RangeIndex):
        return [_counted(column)]
    if isinstance(dtype, np.dtype) and dtype.kind in "biufc":
        return [of_items(column.to_numpy())]
    held = column.array
    if hasattr(held, "asi8"):  # dates, durations and periods, with a time zone or without
        return [of_items(held.asi8)]
    if isinstance(dtype, pd.CategoricalDtype):
        return [of_items(held.codes), *streams(dtype.categories)]
    if isinstance(dtype, pd.StringDtype | pd.ArrowDtype):
        return of_arrow(held.__arrow_array__())
    if isinstance(held, _MASKED):
        return [of_truths(held.isna()), of_items(held.to_numpy(dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0)))]
    return [of_python(column.astype(object).tolist())]


def nbytes(column: Any) -> int:
    """The bytes that a column takes: its streams; where those are digests of Python objects, what pandas says."""
    dtype = column.dtype
    if isinstance(column, pd.RangeIndex):
        return 0
    if holds_python(dtype) or isinstance(dtype, pd.IntervalDtype | pd.SparseDtype) or _is_nested(dtype):
        return int(pd.Series(column.array).memory_usage(index=False, deep=True))
    return sum(len(piece) for stream in streams(column) for piece in stream)


def from_arrow(dtype: Any, held: Any) -> Any:
    """The extension array of that dtype over an Arrow array's own buffers."""
    return dtype.__from_arrow__(held)


def private(column: Any) -> Any:
    """An equal Series or extension array in memory of its own.

    The copy() of an array that Arrow holds shares its buffers, since Arrow never changes them.
    """
    dtype = column.dtype
    if not isinstance(dtype, pd.StringDtype | pd.ArrowDtype):
        return objects.copy(column)
    table = pa.table({"column": column.array.__arrow_array__()}).combine_chunks()
    copies = [pa.ipc.read_record_batch(batch.serialize(), table.schema).column(0) for batch in table.to_batches()]
    return from_arrow(dtype, pa.chunked_array(copies, table.schema.field(0).type))


def overwritten(column: Any, number: int) -> Any:
    """A Series' values with low bits flipped as array.overwrite flips them; None if they are no numbers."""
    dtype, held = column.dtype, column.array
    if isinstance(dtype, pd.DatetimeTZDtype):
        values = np.array(held.tz_convert("UTC").tz_localize(None))
        array.overwrite(values, number)
        return pd.array(values, dtype=values.dtype).tz_localize("UTC").tz_convert(dtype.tz)
    if isinstance(held, _MASKED):
        values = held.to_numpy(dtype.numpy_dtype, copy=True, na_value=dtype.numpy_dtype.type(0))
        array.overwrite(values, number)
        return type(held)(values, held.isna())
    if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
        values = np.array(held)
        return values if array.overwrite(values, number) else None
    return None


def _counted(index: Any) -> Stream:
    """A RangeIndex as the numbers that it stands for: users call the two equal."""
    for start in range(0, len(index), ROWS):
        yield index[start : start + ROWS].to_numpy(np.int64).view(np.uint8)


def _is_nested(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and pa.types.is_nested(dtype.pyarrow_dtype)
