"""The kind `nullable_frame`: a DataFrame of pandas' nullable dtypes, with nulls in every column."""

from __future__ import annotations

from typing import Any

import pandas as pd

from handoff.payloads import array
from handoff.payloads.frame import Frame, read, write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a pandas DataFrame of the nullable dtypes Int64, Float64 and boolean, an eighth of each column null",
    "extension": "arrow",
    "options": {},
    "needs": ("pandas", "numpy", "pyarrow"),
    "like": "frame",
    "memory_copies": 3.2,
    "hazard": "each column is two arrays, values and nulls, and each of them is handed over by itself",
}

DTYPES = ("Int64", "Float64", "Int64", "Float64", "boolean")
MASK_BITS = 1 / 8
"""Bytes of a row's null in the digest's streams, which its size is counted by."""
ROW_BYTES = 4 * 8 + 1 + 5 * MASK_BITS


def make(size: int, seed: int) -> Frame:
    """A DataFrame of about `size` bytes, of at least one row."""
    rows = max(1, round(size / ROW_BYTES))
    return pd.DataFrame({f"{name}_{place}": _column(name, rows, seed, place) for place, name in enumerate(DTYPES)})


def _column(name: str, rows: int, seed: int, place: int) -> Any:
    nulls = array.random_numbers(rows, "uint8", (seed, place)) < 32
    if name == "boolean":
        return pd.arrays.BooleanArray(array.random_numbers(rows, "uint8", (seed, 8 + place)) < 128, nulls)
    values = array.random_numbers(rows, name.lower(), (seed, 8 + place))
    return pd.arrays.IntegerArray(values, nulls) if name == "Int64" else pd.arrays.FloatingArray(values, nulls)


def holds(obj: Any) -> bool:
    """Whether it is a DataFrame of nullable dtypes alone."""
    masked = (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)
    return (
        isinstance(obj, pd.DataFrame)
        and obj.shape[1] > 0
        and all(isinstance(column.array, masked) for _, column in obj.items())
    )
