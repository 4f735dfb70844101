"""The kind `wide_frame`: a DataFrame of many columns and few rows, as feature tables are."""

from __future__ import annotations

from typing import Any, Final

from handoff.payloads import frame
from handoff.payloads.frame import Frame, read, write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a pandas DataFrame of 1000 columns of floats in one block",
    "extension": "arrow",
    "options": {},
    "needs": ("pandas", "numpy", "pyarrow"),
    "like": "frame",
    "hazard": "files of columns cost something for each column, however few rows it has; pickle sends one block",
}

COLUMNS: Final = 1000


def make(size: int, seed: int) -> Frame:
    """A DataFrame of 1000 columns that take `size` bytes, rounded down to whole rows, of at least one row."""
    return frame.make(size, seed, COLUMNS, "float64")


def holds(obj: Any) -> bool:
    """Whether it is a DataFrame of numbers and dates with a hundred columns or more."""
    return frame.holds(obj) and obj.shape[1] >= 100
