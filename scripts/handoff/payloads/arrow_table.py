"""The kind `arrow_table`: one pyarrow.Table of numbers and text with nulls."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from handoff.payloads import LOOPED, PayloadError, add_up, array, cuts, objects, streams, text

FACTS = {
    "about": "one Arrow table with an identifier, a value and a text, an eighth of the values and texts null",
    "extension": "arrow",
    "options": {},
    "needs": ("pyarrow", "numpy"),
    "types": ("pyarrow.Table",),
    "writable": False,
    "why_not": "an Arrow table cannot be written into",
    "memory_copies": 3.0,
}

ROW_BYTES: Final = 8 + 8 + 8 + 7 / 8 * text.MEAN_LETTERS + 2 / 8
"""An identifier, a value, a text's offset and its letters if there are any, and whether the last two are null."""

Table = Any
"""A pyarrow.Table; pyarrow comes without types."""


def make(size: int, seed: int) -> Table:
    """A table of about `size` bytes, of at least one row."""
    return of_rows(max(1, round(size / ROW_BYTES)), seed)


def of_rows(rows: int, seed: int) -> Table:
    """A table of so many rows: id (without nulls), value, name."""
    numbers = {"id": ("int64", None), "value": ("float64", _validity(rows, (seed, 3)))}
    held = [
        _column(array.random_numbers(rows, dtype, (seed, 10 + place)), validity)
        for place, (dtype, validity) in enumerate(numbers.values())
    ]
    names = text.random_text(rows, seed, _validity(rows, (seed, 4)))
    return pa.Table.from_arrays([*held, names], names=[*numbers, "name"])


def _column(values: Any, validity: Any = None) -> Any:
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [validity, pa.py_buffer(values)])


def _validity(rows: int, seed: tuple[int, int]) -> Any:
    """A bitmap with a bit of seven eighths of the rows set: of three random bits any."""
    drawn = array.random_numbers(3 * -(-rows // 8), "uint8", seed).reshape(3, -1)
    return pa.py_buffer(drawn[0] | drawn[1] | drawn[2])


def nbytes(payload: Table) -> int:
    """The bytes of its rows, whatever the layout: without those of a bigger table that it is a slice of."""
    return sum(len(piece) for column in payload.columns for stream in streams.of_arrow(column) for piece in stream)


def digest(payload: Table) -> str:
    """SHA-256 over the names, types and values, nulls among them; chunks, offsets and metadata do not count."""
    types = [str(kind) for kind in payload.schema.types]
    hashed = hashlib.sha256(f"table {objects.digest([len(payload), payload.column_names, types])}".encode())
    for column in payload.columns:
        for stream in streams.of_arrow(column):
            for piece in stream:
                hashed.update(piece.data)
    return hashed.hexdigest()


def checksum(payload: Table) -> int:
    """The sum of the 64-bit words of each stream of each column, weighted by its place, modulo 2**64."""
    sums = (array.word_sum(stream) for column in payload.columns for stream in streams.of_arrow(column))
    return sum((2 * place + 1) * words for place, words in enumerate(sums)) % 2**64


def _numeric(payload: Table) -> list[int]:
    """Places of the columns of integers and floats."""
    return [
        place
        for place, kind in enumerate(payload.schema.types)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind)
    ]


def _dtype(kind: Any) -> str:
    letter = "f" if pa.types.is_floating(kind) else "i" if pa.types.is_signed_integer(kind) else "u"
    return f"{letter}{kind.bit_width // 8}"


def total(payload: Table) -> int | float:
    """The sum of the sums of its numeric columns, nulls and NaN left out; the same for all chunks and offsets."""
    found: int | float = 0
    for place in _numeric(payload):
        column = payload.column(place)
        pieces = list(streams.of_values(streams.shown(column.chunks)))
        found += array.total(np.concatenate([np.zeros(0, np.uint8), *pieces]).view(_dtype(column.type)))
    return found


def loop(payload: Table) -> int | float:
    """The sum of the first LOOPED numbers, the same rows of each numeric column, added up one by one in Python."""
    numeric = _numeric(payload)
    first = payload.slice(0, -(-LOOPED // max(1, len(numeric))))
    return add_up(itertools.chain.from_iterable(first.column(place).to_pylist() for place in numeric))


def stamp(payload: Table, number: int) -> bool:
    """Nothing: an Arrow table cannot be written into."""
    return False


def renewed(payload: Table, number: int) -> Table:
    """A table with the number in the first row of its first column of integers or floats; the others are shared.

    The new column has all of the memory that the old one kept: a slice stays a slice of as much.
    """
    for place in _numeric(payload) if len(payload) else ():
        first, *others = (chunk for chunk in payload.column(place).chunks if len(chunk))
        if first[0].is_valid:
            values = np.frombuffer(first.buffers()[1], _dtype(first.type)).copy()
            values[first.offset] = np.uint64(number % 2**64).astype(values.dtype)
            held = [first.buffers()[0], pa.py_buffer(values)]
            new = pa.Array.from_buffers(first.type, len(first), held, offset=first.offset)
            return payload.set_column(place, payload.schema.field(place), pa.chunked_array([new, *others]))
    return payload


def split(payload: Table, parts: int) -> list[Table]:
    """Slices of its rows, which copy nothing."""
    return [payload.slice(cut.start, cut.stop - cut.start) for cut in cuts(len(payload), parts)]


def copy(payload: Table) -> Table:
    """A copy with the same chunks and offsets: of a slice, all that it keeps is copied."""
    return array.copied_out_of_band(payload)


def write(payload: Table, path: Path) -> None:
    """Write an Arrow IPC file, uncompressed."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, payload.schema) as writer:
        writer.write_table(payload)


def read(path: Path) -> Table:
    """The table of an Arrow IPC file, in private memory with every page touched.

    Raises:
        PayloadError: the file is damaged.
    """
    try:
        with pa.OSFile(str(path), "rb") as file:
            whole = file.read_buffer()
        # Out of memory and without threads, as frame.read does.
        return pa.ipc.open_file(whole, options=pa.ipc.IpcReadOptions(use_threads=False)).read_all()
    except (OSError, ValueError, pa.ArrowException, MemoryError) as error:
        raise PayloadError(f"{path}: cannot be read as an Arrow file ({error})") from error


def holds(obj: object) -> bool:
    """Whether it is an Arrow table."""
    return isinstance(obj, pa.Table)
