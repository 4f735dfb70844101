"""Values of one column as streams of bytes that depend on no layout.

Equal columns give equal streams, whatever their chunks, strides, offsets' width or nulls' content. Numbers and text
are handed out where they lie; nothing is done value by value in Python but for nested values.

No pandas: Arrow and Polars tables are worked with where pandas is not loaded. Some functions of pyarrow
(`pyarrow.scalar`, `Array.to_numpy`) load it wherever it is installed, so they are not called here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from handoff.payloads import objects

ROWS: Final = 2**16
"""Rows that are worked out at a time where a stream is not in memory as it is: it stays in the cache."""

Stream = Iterator[NDArray[np.uint8]]
"""Pieces of bytes; only all of them together mean anything."""


def of_items(values: NDArray[Any]) -> Stream:
    """Items of one width. Those that lie apart are brought together a few at a time."""
    if values.flags.c_contiguous:
        yield values.view(np.uint8)
        return
    for start in range(0, len(values), ROWS):
        yield np.ascontiguousarray(values[start : start + ROWS]).view(np.uint8)


def of_truths(values: NDArray[np.bool_]) -> Stream:
    """Truth values, eight in a byte."""
    yield np.packbits(values)


def of_python(values: list[Any]) -> Stream:
    """Python objects of whatever type, as their digest: slow, but right."""
    yield np.frombuffer(bytes.fromhex(objects.digest(values)), np.uint8)


def of_arrow(column: Any) -> list[Stream]:
    """An Arrow array or chunked array: which are null (if any), then lengths and text, or values."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    kind = column.type
    nulls = [of_truths(_truths([pc.is_null(chunk) for chunk in chunks]))] if column.null_count else []
    if pa.types.is_boolean(kind):
        return [*nulls, of_truths(_truths([pc.fill_null(chunk, False) for chunk in chunks]))]
    if pa.types.is_primitive(kind):
        return [*nulls, of_values(shown(chunks))]
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return [*nulls, _lengths(chunks := shown(chunks), np.int64), _text(chunks, np.int64)]
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return [*nulls, _lengths(chunks := shown(chunks), np.int32), _text(chunks, np.int32)]
    return [of_python(column.to_pylist())]


def _truths(chunks: list[Any]) -> NDArray[np.bool_]:
    found = [np.zeros(0, np.uint8)]
    for chunk in chunks:
        if len(chunk):
            held = np.unpackbits(np.frombuffer(chunk.buffers()[1], np.uint8), bitorder="little")
            found.append(held[chunk.offset : chunk.offset + len(chunk)])
    return np.concatenate(found).view(np.bool_)


def shown(chunks: list[Any]) -> list[Any]:
    """The chunks with nothing behind their nulls: what lies there is nobody's value, and differs between copies.

    Nothing is zero, or text without letters: bytes that are all 0, whatever the type.
    """
    return [pc.fill_null(chunk, _nothing(chunk.type)) if chunk.null_count else chunk for chunk in chunks]


def _nothing(kind: Any) -> Any:
    zeros = pa.py_buffer(bytes(16))
    return pa.Array.from_buffers(kind, 1, [None, *[zeros] * (kind.num_buffers - 1)])[0]


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


def of_values(chunks: list[Any]) -> Stream:
    """The items of Arrow arrays of one width, where they lie."""
    for chunk in chunks:
        if len(chunk):
            width = chunk.type.bit_width // 8
            first, last = chunk.offset * width, (chunk.offset + len(chunk)) * width
            yield np.frombuffer(chunk.buffers()[1], np.uint8)[first:last]
