"""The kind `fortran_array`: a matrix whose columns lie one after another, as Fortran and pandas' blocks have them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from handoff.payloads import array
from handoff.payloads.array import Array, read, write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a numpy matrix of 16 columns in Fortran order, each column in one piece",
    "extension": "npy",
    "options": {"dtype": "float64"},
    "allowed": {"dtype": ("float64", "float32", "int64", "int32", "uint8")},
    "needs": ("numpy",),
    "like": "array",
    "memory_copies": 1.2,
    "hazard": "ways that know plain items alone bring it back in C order, slower to read by columns",
}

COLUMNS: Final = 16


def make(size: int, seed: int, dtype: str = "float64") -> Array:
    """A matrix of `size` bytes, rounded down to whole rows, of at least one row."""
    width = COLUMNS * np.dtype(dtype).itemsize
    return array.make(max(1, size // width) * width, seed, dtype).reshape(-1, COLUMNS, order="F")


def holds(obj: Any) -> bool:
    """Whether it is an array of plain items in Fortran order, and not in C order as well."""
    return array.holds(obj) and obj.flags.fnc
