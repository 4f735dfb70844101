"""Polars' own file: the frame becomes a Polars frame, is written as Arrow IPC, read, and a pandas frame again.

For whoever computes in Polars at either end, one of the two conversions falls away. Polars does not map the
file: read_ipc of version 2 has no memory_map any more, and nothing of the file shows in /proc/self/maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from handoff.transports import Access, CannotCarry, Place, Ticket, Transport

FACTS = {
    "about": "Polars writes the frame as an uncompressed IPC file; the receiver makes a pandas frame of it",
    "simplicity": 5,
    "kinds": ("frame", "text_frame"),
    "why_not": "a Polars file holds a table of columns",
    "needs": ("polars", "pyarrow", "pandas"),
    "writable": "yes",
    "copies": 4.0,
    "storage_copies": 1.0,
    "hazard": "Polars runs threads of its own: never fork a process that has used it",
}


def _polars_frame(frame: Any) -> Any:
    """The frame as Polars has it, its columns named by their numbers: Polars takes no two of one name, and text alone.

    Raises:
        CannotCarry: an index, or a type, that would not come back the same.
    """
    if not isinstance(frame.index, pd.RangeIndex):
        raise CannotCarry("a Polars frame has no index: only one that counts rows can be made again")
    numbered = frame.set_axis([str(number) for number in range(frame.shape[1])], axis=1)
    try:
        made = pl.from_pandas(numbered)
    except Exception as error:  # its own, Arrow's and Python's are no relatives
        raise CannotCarry(f"Polars cannot hold this frame: {error}") from error
    back = made.head(0).to_pandas().dtypes
    for name, dtype, found in zip(frame.columns, frame.dtypes, back, strict=True):
        # Categories travel in the ticket: Polars has them in an order of its own, and not the unused ones.
        both_categories = isinstance(dtype, pd.CategoricalDtype) and isinstance(found, pd.CategoricalDtype)
        if found != dtype and not both_categories:
            raise CannotCarry(f"Polars would give column {name!r} of dtype {dtype} back as {found}")
    return made


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        _polars_frame(payload).write_ipc(place, compression="uncompressed")
        categories = [
            (str(number), dtype)
            for number, dtype in enumerate(payload.dtypes)
            if isinstance(dtype, pd.CategoricalDtype)
        ]
        return place, payload.index, payload.columns, categories

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        path, index, columns, categories = ticket
        frame = pl.read_ipc(path).to_pandas()
        for name, dtype in categories:
            frame[name] = frame[name].cat.set_categories(dtype.categories, ordered=dtype.ordered)
        frame.index, frame.columns = index, columns
        yield frame

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
