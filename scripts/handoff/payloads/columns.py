"""What a column of a DataFrame holds, as streams of bytes that depend on no layout.

Equal columns give equal streams, whatever their blocks, chunks, strides, offsets' width or storage.
Digest, checksum and size of a frame are all taken over these streams. Numbers and text are handed out
where they lie; nothing is done value by value in Python but for columns of Python objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from handoff.payloads import objects

ROWS: Final = 2**16
"""Rows that are worked out at a time where a stream is not in memory as it is: it stays in the cache."""

Stream = Iterator[NDArray[np.uint8]]
"""Pieces of bytes; only all of them together mean anything."""

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
        return [_fixed(column.to_numpy())]
    array = column.array
    if hasattr(array, "asi8"):  # dates, durations and periods, with a time zone or without
        return [_fixed(array.asi8)]
    if isinstance(dtype, pd.CategoricalDtype):
        return [_fixed(array.codes), *streams(dtype.categories)]
    if isinstance(dtype, pd.StringDtype | pd.ArrowDtype):
        return _arrow(array.__arrow_array__())
    if isinstance(array, _MASKED):
        return [_bits(array.isna()), _fixed(array.to_numpy(dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0)))]
    return [_python(column.astype(object).tolist())]


def nbytes(column: Any) -> int:
    """The bytes that a column takes: its streams; where those are digests of Python objects, what pandas says."""
    dtype = column.dtype
    if isinstance(column, pd.RangeIndex):
        return 0
    if holds_python(dtype) or isinstance(dtype, pd.IntervalDtype | pd.SparseDtype) or _is_nested(dtype):
        return int(pd.Series(column.array).memory_usage(index=False, deep=True))
    return sum(len(piece) for stream in streams(column) for piece in stream)


def from_arrow(dtype: Any, array: Any) -> Any:
    """The extension array of that dtype over an Arrow array's own buffers."""
    return dtype.__from_arrow__(array)


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


def _fixed(values: NDArray[Any]) -> Stream:
    """Items of one width. Those that lie apart are brought together a few at a time."""
    if values.flags.c_contiguous:
        yield values.view(np.uint8)
        return
    for start in range(0, len(values), ROWS):
        yield np.ascontiguousarray(values[start : start + ROWS]).view(np.uint8)


def _counted(index: Any) -> Stream:
    """A RangeIndex as the numbers that it stands for: users call the two equal."""
    for start in range(0, len(index), ROWS):
        yield index[start : start + ROWS].to_numpy(np.int64).view(np.uint8)


def _bits(values: NDArray[np.bool_]) -> Stream:
    yield np.packbits(values)


def _python(values: list[Any]) -> Stream:
    """Python objects of whatever type, as their digest: slow, but right."""
    yield np.frombuffer(bytes.fromhex(objects.digest(values)), np.uint8)


def _is_nested(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and pa.types.is_nested(dtype.pyarrow_dtype)


def _arrow(array: Any) -> list[Stream]:
    """An Arrow array or chunked array: which are null (if any), then lengths and text, or values."""
    array = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    kind = array.type
    nulls = [_bits(pc.is_null(array).to_numpy())] if array.null_count else []
    if pa.types.is_boolean(kind):
        return [*nulls, _bits(pc.fill_null(array, False).to_numpy())]
    if pa.types.is_primitive(kind):
        return [*nulls, _values(_shown(array, 0), kind.bit_width // 8)]
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return [*nulls, _lengths(chunks := _shown(array, b""), np.int64), _text(chunks, np.int64)]
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return [*nulls, _lengths(chunks := _shown(array, b""), np.int32), _text(chunks, np.int32)]
    return [_python(array.to_pylist())]


def _shown(array: Any, nothing: int | bytes) -> list[Any]:
    """The chunks with nothing behind their nulls: what lies there is nobody's value, and differs between copies."""
    filling = pa.array([nothing], array.type)[0]
    return [pc.fill_null(chunk, filling) if chunk.null_count else chunk for chunk in array.chunks]


def _offsets(chunk: Any, width: Any) -> NDArray[Any]:
    return np.frombuffer(chunk.buffers()[1], width)[chunk.offset : chunk.offset + len(chunk) + 1]


def _lengths(chunks: list[Any], width: Any) -> Stream:
    for chunk in chunks:
        for start in range(0, len(chunk), ROWS):
            ends = _offsets(chunk, width)[start : start + ROWS + 1]
            yield np.subtract(ends[1:], ends[:-1], dtype=np.int64).view(np.uint8)


def _text(chunks: list[Any], width: Any) -> Stream:
    for chunk in chunks:
        if len(chunk) and (data := chunk.buffers()[2]) is not None:
            offsets = _offsets(chunk, width)
            yield np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


def _values(chunks: list[Any], width: int) -> Stream:
    for chunk in chunks:
        if len(chunk):
            first, last = chunk.offset * width, (chunk.offset + len(chunk)) * width
            yield np.frombuffer(chunk.buffers()[1], np.uint8)[first:last]
