"""The kind `polars_frame`: one polars.DataFrame of numbers and text with nulls."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from handoff.payloads import PayloadError, array, arrow_table, cuts, objects

FACTS = {
    "about": "one Polars DataFrame with an identifier, a value and a text, an eighth of the values and texts null",
    "extension": "arrow",
    "options": {},
    "needs": ("polars", "pyarrow", "numpy"),
    "types": ("polars.DataFrame",),
    "forkable": False,
    "why_not": "Polars runs threads, and a forked worker that uses it hangs",
    "memory_copies": 4.3,
    "hazard": "pickle copies all of it into its stream, with protocol 5 too",
}

Frame = Any


def make(size: int, seed: int) -> Frame:
    """A DataFrame of about `size` bytes, of at least one row."""
    return pl.from_arrow(arrow_table.of_rows(max(1, round(size / arrow_table.ROW_BYTES)), seed), rechunk=True)


def nbytes(payload: Frame) -> int:
    """The bytes of its columns as Arrow has them: Polars' own estimate leaves out its 16 bytes beside each text."""
    return arrow_table.nbytes(payload.to_arrow())


def digest(payload: Frame) -> str:
    """SHA-256 over the names, types and values, nulls among them."""
    return hashlib.sha256(f"polars {payload.schema} {arrow_table.digest(payload.to_arrow())}".encode()).hexdigest()


def checksum(payload: Frame) -> int:
    """That of the Arrow table that it becomes: numbers as they lie, text copied out of its views."""
    return arrow_table.checksum(payload.to_arrow())


def total(payload: Frame) -> int | float:
    """The sum of the sums of its numeric columns, nulls and NaN left out."""
    return arrow_table.total(payload.to_arrow())


def loop(payload: Frame) -> int | float:
    """The sum of the first LOOPED numbers, the same rows of each numeric column, added up one by one in Python."""
    return arrow_table.loop(payload.to_arrow())


def _numeric(payload: Frame) -> list[int]:
    return [place for place, dtype in enumerate(payload.dtypes) if dtype.is_integer() or dtype.is_float()]


def stamp(payload: Frame, number: int) -> bool:
    """Put the number into the first row of the first column of integers or floats: the frame gets a new column."""
    for place in _numeric(payload) if len(payload) else ():
        column = payload.to_series(place)
        payload[0, place] = np.uint64(number % 2**64).astype(column.head(0).to_numpy().dtype).item()
        return True
    return False


def overwrite(payload: Frame, number: int) -> bool:
    """Put a new column in the place of each numeric one, with low bits flipped as array.overwrite does; nulls stay.

    Polars never writes into a column's memory: who shares that keeps what was there.
    """
    for place in _numeric(payload):
        column = payload.to_series(place)
        values = column.fill_null(0).to_numpy(writable=True)
        array.overwrite(values, number)
        new = pl.Series(column.name, values, column.dtype)
        payload.replace_column(place, new.set(column.is_null(), None) if column.null_count() else new)
    return bool(_numeric(payload))


def split(payload: Frame, parts: int) -> list[Frame]:
    """Slices of its rows, which copy nothing."""
    return [payload.slice(cut.start, cut.stop - cut.start) for cut in cuts(len(payload), parts)]


def copy(payload: Frame) -> Frame:
    """A copy by way of pickle: DataFrame.clone shares the columns."""
    return objects.copy(payload)


def write(payload: Frame, path: Path) -> None:
    """Write an Arrow IPC file, uncompressed."""
    payload.write_ipc(path, compression="uncompressed")


def read(path: Path) -> Frame:
    """The frame of an Arrow IPC file, in private memory with every page touched.

    Raises:
        PayloadError: the file is damaged.
    """
    try:
        # Of a path, Polars would map the file.
        return pl.read_ipc(path.read_bytes())
    except (OSError, MemoryError, pl.exceptions.PolarsError) as error:
        raise PayloadError(f"{path}: cannot be read as an Arrow file ({error})") from error


def holds(obj: object) -> bool:
    """Whether it is a Polars DataFrame."""
    return isinstance(obj, pl.DataFrame)
