"""The kind `numbers_list`: a list of Python's own numbers, as json, csv and plain loops make them."""

from __future__ import annotations

import random
from pathlib import Path

from handoff.payloads import objects
from handoff.payloads.objects import write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a list of Python floats or integers",
    "extension": "json",
    "options": {"item": "float"},
    "allowed": {"item": ("float", "int")},
    "like": "objects",
    "memory_copies": 4.3,
    "hazard": "each number is an object of its own: four times the memory of the same numbers in a numpy array",
}

ITEM_BYTES = {"float": 8 + 24, "int": 8 + 32}
"""The reference in the list and the number."""


def make(size: int, seed: int, item: str = "float") -> list[float] | list[int]:
    """A list of random numbers that take about `size` bytes; at least one. Integers have 60 bits."""
    source, count = random.Random(seed), max(1, round(size / ITEM_BYTES[item]))
    if item == "int":
        return [source.getrandbits(60) for _ in range(count)]
    return [source.random() for _ in range(count)]


def read(path: Path) -> list[float] | list[int]:
    """The list of a JSON file.

    Raises:
        PayloadError: the file is damaged.
    """
    return objects.read_list(path)


def holds(obj: object) -> bool:
    """Whether it is a list of integers and floats alone."""
    return type(obj) is list and {int, float}.issuperset(map(type, obj))
