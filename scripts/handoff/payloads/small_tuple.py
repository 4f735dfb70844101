"""The kind `small_tuple`: a few numbers, as a task gets as its arguments. It costs the call and nothing else."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from handoff.payloads import objects
from handoff.payloads.objects import write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a small tuple of Python integers and floats, so that the call itself is what is measured",
    "extension": "json",
    "options": {},
    "like": "objects",
    "splits": False,
    "writable": False,
    "why_not": "it is a tuple of a few numbers, which nobody splits and nobody can write into",
    "largest": 65536,
}

ITEM_BYTES = 8 + (32 + 24) / 2
"""The reference and an integer of 60 bits or a float."""


def make(size: int, seed: int) -> tuple[int | float, ...]:
    """A tuple of random integers and floats, in turn, that takes about `size` bytes; at least one integer."""
    source = random.Random(seed)
    count = max(1, round((size - 56) / ITEM_BYTES))
    return tuple(source.random() if place % 2 else source.getrandbits(60) for place in range(count))


def read(path: Path) -> tuple[Any, ...]:
    """The tuple of a list in JSON.

    Raises:
        PayloadError: the file is damaged.
    """
    return tuple(objects.read_list(path))


def holds(obj: object) -> bool:
    """Whether it is a tuple of integers and floats alone."""
    return type(obj) is tuple and {int, float}.issuperset(map(type, obj))
