"""The kind `strided_array`: an array whose items lie apart, as in a slice with a step or a column of a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from handoff.payloads import array
from handoff.payloads.array import Array

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "every second item of a numpy array, as `a[::2]`",
    "extension": "npy",
    "options": {"dtype": "float64"},
    "allowed": {"dtype": ("float64", "float32", "int64", "int32", "uint8")},
    "needs": ("numpy",),
    "like": "array",
    "bulk": 2.0,
    "memory_copies": 5.2,
    "hazard": "pickle copies its items into the stream, with protocol 5 too; what arrives has no gaps",
}


def make(size: int, seed: int, dtype: str = "float64") -> Array:
    """An array of `size` bytes as array.make makes it, each item followed by a gap of its own width."""
    return _apart(array.make(size, seed, dtype))


def _apart(items: Array) -> Array:
    return np.repeat(items, 2)[::2]


def write(payload: Array, path: Path) -> None:
    """Write a .npy file of all the memory that the view spans."""
    array.write(np.repeat(payload, 2), path)


def read(path: Path) -> Array:
    """The view of every second item in the file, in private memory with every page touched.

    Raises:
        PayloadError: the file is damaged.
    """
    return array.read(path)[::2]


def holds(obj: Any) -> bool:
    """Whether it is an array of plain items that lie apart."""
    return array.holds(obj) and not obj.flags.forc
