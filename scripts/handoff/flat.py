"""Buffers one after another in one block of memory, for ways that know blocks of bytes alone.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

ALIGN: Final = 64
"""A cache line, and what Arrow asks for. Counts from the block's beginning, which has to be aligned, too."""

Table = list[tuple[int, int]]
"""Where each buffer begins, and its length."""


def table_of(buffers: Iterable[memoryview | bytes]) -> tuple[Table, int]:
    """Where the buffers go, and the length of the block that holds all of them."""
    table: Table = []
    end = 0
    for buffer in buffers:
        table.append((end, memoryview(buffer).nbytes))
        end += -(-table[-1][1] // ALIGN) * ALIGN
    return table, end


def fill(block: memoryview, table: Table, buffers: Sequence[memoryview | bytes]) -> None:
    """Copy the buffers to their places."""
    for (start, length), buffer in zip(table, buffers, strict=True):
        block[start : start + length] = buffer


def views(block: memoryview, table: Table) -> list[memoryview]:
    """The buffers where they lie in the block."""
    return [block[start : start + length] for start, length in table]
