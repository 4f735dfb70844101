"""The kind `object_array`: a numpy array of references to Python objects, as a column of dtype object has them."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handoff.payloads import LOOPED, add_up, objects
from handoff.payloads.array import split

__all__ = [
    "checksum", "copy", "digest", "holds", "loop", "make", "nbytes", "overwrite", "read", "split", "stamp", "total",
    "write",
]  # fmt: skip

FACTS = {
    "about": "a numpy array of Python objects (dtype object): integers, floats and short strings",
    "extension": "json",
    "options": {},
    "needs": ("numpy",),
    "types": ("numpy.ndarray",),
    "memory_copies": 4.3,
    "hazard": "it looks like numbers, but each of its items is pickled as a Python object",
}

ITEM_BYTES: Final = 8 + (32 + 24 + 58.5) / 3
"""Memory of one item, on average: the reference and an integer, a float or a string of 4 to 15 letters."""


def make(size: int, seed: int) -> NDArray[np.object_]:
    """A one-dimensional array of objects that take about `size` bytes; at least one."""
    source = random.Random(seed)
    return _array([_item(number, source) for number in range(max(1, round(size / ITEM_BYTES)))])


def _item(number: int, source: random.Random) -> int | float | str:
    if number % 3 == 0:
        return 2**40 + source.getrandbits(40)
    return source.random() if number % 3 == 1 else objects.random_word(source)


def _array(items: list[Any]) -> NDArray[np.object_]:
    """An array of just these items, whatever they are: numpy would make rows of lists."""
    return np.fromiter(items, object, len(items))


def nbytes(payload: NDArray[np.object_]) -> int:
    """The references and every distinct object."""
    return objects.nbytes(tuple(payload.flat))


def digest(payload: NDArray[np.object_]) -> str:
    """SHA-256 over the shape and the objects in C order.

    Raises:
        PayloadError: an object that contains itself or cannot be pickled.
    """
    return hashlib.sha256(f"object {payload.shape} {objects.digest(payload.ravel().tolist())}".encode()).hexdigest()


def checksum(payload: NDArray[np.object_]) -> int:
    """The sum over every value, as of any objects."""
    return objects.checksum(payload.ravel().tolist())


def total(payload: NDArray[np.object_]) -> int | float:
    """The sum of the integers and floats within, in C order."""
    return objects.total(payload.ravel().tolist())


def loop(payload: NDArray[np.object_]) -> int | float:
    """The sum of its first LOOPED items in C order, added up one by one in Python."""
    return add_up(payload.flat[:LOOPED].tolist())


def stamp(payload: NDArray[np.object_], number: int) -> bool:
    """Put the number in the place of the first item."""
    if not payload.flags.writeable or not payload.size:
        return False
    payload.flat[0] = number
    return True


def overwrite(payload: NDArray[np.object_], number: int) -> bool:
    """Put other numbers in the place of its integers and floats."""
    if not payload.flags.writeable:
        return False
    items = payload.ravel().tolist()
    if not objects.overwrite(items, number):
        return False
    payload[...] = _array(items).reshape(payload.shape)
    return True


def copy(payload: NDArray[np.object_]) -> NDArray[np.object_]:
    """A copy by way of pickle: the objects are new, too."""
    copied: NDArray[np.object_] = objects.copy(payload)
    return copied


def write(payload: NDArray[np.object_], path: Path) -> None:
    """Write a list as JSON."""
    objects.write(payload.tolist(), path)


def read(path: Path) -> NDArray[np.object_]:
    """The array of a list in JSON.

    Raises:
        PayloadError: the file is damaged.
    """
    return _array(objects.read_list(path))


def holds(obj: object) -> bool:
    """Whether it is an array of references to Python objects and of nothing else."""
    return isinstance(obj, np.ndarray) and obj.dtype == object
