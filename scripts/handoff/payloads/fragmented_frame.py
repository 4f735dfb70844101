"""The kind `fragmented_frame`: a DataFrame of one block a column, as it grows by one `frame[name] = values` a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd

from handoff.payloads import frame
from handoff.payloads.frame import Frame, write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a pandas DataFrame of 100 columns of floats, inserted one by one, each in a block of its own",
    "extension": "arrow",
    "options": {},
    "needs": ("pandas", "numpy", "pyarrow"),
    "like": "frame",
    "memory_copies": 3.2,
    "hazard": "each block is handed over by itself; `frame.copy()` before it puts them together",
}

COLUMNS: Final = 100
"""pandas warns of a frame with more blocks than that."""


def make(size: int, seed: int) -> Frame:
    """A DataFrame of 100 columns that take `size` bytes, rounded down to whole rows, of at least one row."""
    return _in_blocks(frame.make(size, seed, COLUMNS, "float64"))


def _in_blocks(whole: Frame) -> Frame:
    made = pd.DataFrame(index=whole.index)
    for name, column in whole.items():
        made[name] = column.to_numpy(copy=True)
    return made


def read(path: Path) -> Frame:
    """The frame of an Arrow IPC file, put together column by column.

    Raises:
        PayloadError: the file is damaged.
    """
    return _in_blocks(frame.read(path))


def holds(obj: Any) -> bool:
    """Whether it is a DataFrame of numbers and dates, of several columns that have a block each."""
    # pandas has no public word for its blocks.
    return frame.holds(obj) and obj._mgr.nblocks == obj.shape[1] > 1
