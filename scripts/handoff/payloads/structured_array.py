"""The kind `structured_array`: an array whose items are records with fields of several types."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from handoff.payloads import array
from handoff.payloads.array import Array, random_numbers, read, write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a numpy array of records with four fields: an identifier, a value, a count and a code",
    "extension": "npy",
    "options": {},
    "needs": ("numpy",),
    "like": "array",
    "memory_copies": 1.6,
}

DTYPE: Final = np.dtype([("id", "<i8"), ("value", "<f8"), ("count", "<i4"), ("code", "<u4")])


def make(size: int, seed: int) -> Array:
    """An array of `size` bytes, rounded down to whole records, of at least one record."""
    made = np.empty(max(1, size // DTYPE.itemsize), DTYPE)
    for place, name in enumerate(DTYPE.names or ()):
        made[name] = random_numbers(len(made), DTYPE[name].name, (seed, place))
    return made


def holds(obj: Any) -> bool:
    """Whether it is an array of records of plain fields."""
    return array.holds(obj) and obj.dtype.names is not None
