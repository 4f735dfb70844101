"""The kind `frame`: a pandas DataFrame of numbers. What it does with a frame holds for any DataFrame."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from handoff.payloads import LOOPED, PayloadError, add_up, array, columns, cuts, objects

FACTS = {
    "about": "a pandas DataFrame of numbers",
    "extension": "arrow",
    "options": {"columns": 8, "dtype": "mixed"},
    "allowed": {
        "columns": (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 32, 50, 64, 100, 128, 256, 500, 512, 1000),
        "dtype": ("mixed", "float64", "int64"),
    },
    "needs": ("pandas", "numpy", "pyarrow"),
    "types": ("pandas.DataFrame",),
}

Frame = Any
"""A pandas.DataFrame; pandas comes without types."""


def make(size: int, seed: int, columns: int = 8, dtype: str = "mixed") -> Frame:
    """A DataFrame whose columns take `size` bytes, rounded down to whole rows, of at least one row.

    `mixed` alternates float64 and int64.
    """
    rows = max(1, size // (8 * columns))
    dtypes = [("float64", "int64")[number % 2] if dtype == "mixed" else dtype for number in range(columns)]
    made = {f"{name}_{number}": array.random_numbers(rows, name, (seed, number)) for number, name in enumerate(dtypes)}
    return pd.DataFrame(made)


def _all_columns(payload: Frame) -> list[Any]:
    """Index first, then the columns, by position: labels may occur twice."""
    return [*columns.index_columns(payload.index), *(column for _, column in payload.items())]


def nbytes(payload: Frame) -> int:
    """The bytes of its columns and of its index."""
    return sum(columns.nbytes(column) for column in _all_columns(payload))


def digest(payload: Frame) -> str:
    """SHA-256 over the labels, dtypes, index and values, nulls among them.

    A RangeIndex counts as the numbers it stands for; an index's frequency and DataFrame.attrs do not count.
    """
    held = _all_columns(payload)
    labels = [len(payload), list(payload.columns), list(payload.columns.names), list(payload.index.names)]
    hashed = hashlib.sha256(objects.digest([*labels, *(columns.type_name(column.dtype) for column in held)]).encode())
    for column in held:
        for stream in columns.streams(column):
            for piece in stream:
                hashed.update(piece.data)
    return hashed.hexdigest()


def checksum(payload: Frame) -> int:
    """The sum of the 64-bit words of each stream of each column, weighted by its place, modulo 2**64."""
    sums = (words for column in _all_columns(payload) for words in _word_sums(column))
    return sum((2 * place + 1) * words for place, words in enumerate(sums)) % 2**64


def _word_sums(column: Any) -> list[int]:
    if isinstance(column, pd.RangeIndex):  # no bytes to read, but equal to an index that has them
        return [(column[0] + column[-1]) * len(column) // 2 if len(column) else 0]
    return [array.word_sum(stream) for stream in columns.streams(column)]


def total(payload: Frame) -> int | float:
    """The sum of the sums of its numeric columns, nulls left out."""
    found: int | float = 0
    for place in range(payload.shape[1]):
        column = payload.iloc[:, place]
        if types.is_numeric_dtype(column.dtype):
            found += column.sum().item()
    return found


def loop(payload: Frame) -> int | float:
    """The sum of the first LOOPED numbers, the same rows of each numeric column, added up one by one in Python."""
    numeric = [place for place, dtype in enumerate(payload.dtypes) if types.is_numeric_dtype(dtype)]
    rows = -(-LOOPED // max(1, len(numeric)))
    return add_up(itertools.chain.from_iterable(payload.iloc[:rows, place].tolist() for place in numeric))


def stamp(payload: Frame, number: int) -> bool:
    """Write the number into the first row of the first column of integers, floats or dates."""
    for place, dtype in enumerate(payload.dtypes):
        value = _value(dtype, number) if len(payload) else None
        if value is not None:
            return _put(payload, 0, place, value)
    return False


def _put(payload: Frame, rows: int | slice, place: int, values: Any) -> bool:
    """Write into a column of the same dtype, where it lies; False if it lies in read-only memory."""
    try:
        payload.iloc[rows, place] = values
    except (ValueError, TypeError) as error:
        # For dates and nullable numbers pandas makes an error about the values of it.
        if "read-only" in f"{error} {error.__context__}":
            return False
        raise
    return True


def _value(dtype: Any, number: int) -> Any:
    """The number as a value of that dtype, None if it has no numbers. One too big for it loses its high bits."""
    plain = getattr(dtype, "numpy_dtype", dtype)
    if isinstance(dtype, pd.DatetimeTZDtype) or (isinstance(plain, np.dtype) and plain.kind == "M"):
        unit: Any = getattr(dtype, "unit", None) or np.datetime_data(plain)[0]
        return pd.Timestamp(number % 2**31, unit=unit, tz=getattr(dtype, "tz", None)).as_unit(unit)
    if isinstance(plain, np.dtype) and plain.kind in "iuf" and not isinstance(dtype, pd.ArrowDtype):
        return np.uint64(number % 2**64).astype(plain)
    return None


def overwrite(payload: Frame, number: int) -> bool:
    """Flip low bits of every number, truth value and date, as array.overwrite does; nulls stay nulls.

    As seen with pandas 3.1: `iloc[:, place] = values` of the same dtype writes where the column lies, so that memory
    shared with others shows it, as long as no other object refers to the column's block. While a Series, a selection
    or a shallow copy of it lives, copy-on-write gives the frame a new block instead, and the memory stays as it was.
    """
    written = False
    for place in range(payload.shape[1]):
        new = columns.overwritten(payload.iloc[:, place], number)
        if new is not None:
            if not _put(payload, slice(None), place, new):
                return False
            written = True
    return written


def split(payload: Frame, parts: int) -> list[Frame]:
    """Selections of its rows, by position."""
    return [payload.iloc[cut] for cut in cuts(len(payload), parts)]


def copy(payload: Frame) -> Frame:
    """A copy in as many blocks that shares neither buffers nor Python objects.

    DataFrame.copy puts all blocks of a dtype together, and shares text and categories.
    """
    return array.copied_out_of_band(payload)


def write(payload: Frame, path: Path) -> None:
    """Write an Arrow IPC file, uncompressed, with what pandas needs to make the same frame of it."""
    table = pa.Table.from_pandas(payload, nthreads=1)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read(path: Path) -> Frame:
    """The frame of an Arrow IPC file, in private memory with every page touched.

    Raises:
        PayloadError: the file is damaged.
    """
    try:
        with pa.OSFile(str(path), "rb") as file:
            whole = file.read_buffer()
        # Out of memory and not from the file, for which Arrow starts threads that stay: a process with
        # live threads must not be forked.
        table = pa.ipc.open_file(whole, options=pa.ipc.IpcReadOptions(use_threads=False)).read_all()
        shared = table.to_pandas(use_threads=False)
    except (OSError, ValueError, pa.ArrowException, MemoryError) as error:
        raise PayloadError(f"{path}: cannot be read as an Arrow file ({error})") from error
    for place, dtype in enumerate(shared.dtypes):
        if isinstance(dtype, pd.StringDtype | pd.ArrowDtype):
            # Text still lies in that one buffer, and would keep all of it.
            shared.isetitem(place, columns.private(shared.iloc[:, place]))
    return shared


def holds(obj: object) -> bool:
    """Whether it is a DataFrame of numbers, truth values, dates and durations alone."""
    return isinstance(obj, pd.DataFrame) and all(_is_numeric(dtype) for dtype in obj.dtypes)


def _is_numeric(dtype: Any) -> bool:
    wanted = (types.is_numeric_dtype, types.is_bool_dtype, types.is_datetime64_any_dtype, types.is_timedelta64_dtype)
    return not isinstance(dtype, pd.CategoricalDtype) and any(fits(dtype) for fits in wanted)
