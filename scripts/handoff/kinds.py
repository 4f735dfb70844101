"""Payload kinds as a plan knows them: their names and facts, a user's files, and sizes. Standard library only."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from handoff.mistakes import ConfigError
from handoff.patterns import PATTERNS
from handoff.strategies import LIBRARY

KINDS: Final = (
    "array", "strided_array", "fortran_array", "structured_array", "object_array",
    "frame", "wide_frame", "fragmented_frame", "datetime_frame", "nullable_frame", "text_frame",
    "arrow_table", "arrow_slice", "polars_frame", "sparse_matrix",
    "raw_bytes", "objects", "numbers_list", "small_tuple",
)  # fmt: skip
"""Payload kinds that Handoff makes; one file each in handoff/payloads."""

FILES: Final = {
    ".npy": "array", ".npz": "any", ".parquet": "frame", ".feather": "frame", ".arrow": "arrow_table", ".csv": "frame",
    ".pkl": "any",
}  # fmt: skip
"""A user's own payload: suffixes that are read, and what may come out (a frame may turn out to have text)."""

SLICED: Final = (".npy", ".parquet", ".feather", ".arrow", ".csv")
"""Of these, those of which shorter payloads can be made: as many of the first rows as the size asks for."""

UNITS: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_size(text: str | int, key: str = "size") -> int:
    """Bytes of '64MiB' (64 x 1024 x 1024), '64MB' (64 x 1000 x 1000), '100B' or a bare number of bytes.

    Raises:
        ConfigError: not a size, or not positive.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMG]i?B|B)?", str(text))
    size = int(float(found[1]) * UNITS[found[2] or "B"]) if found else 0
    if size < 1:
        raise ConfigError(
            key, f"{text!r} is not a size. A size is a positive number and a unit: 64KiB, 64MiB or 1GiB "
            "(1 MiB = 1,048,576 bytes), or KB, MB, GB (1 MB = 1,000,000 bytes)."
        )  # fmt: skip
    return size


def format_size(size: int) -> str:
    """The shortest exact form: 67108864 -> '64MiB', 80000000 -> '80MB', 1001 -> '1001B'."""
    for unit in ("GiB", "GB", "MiB", "MB", "KiB", "KB"):
        if size >= UNITS[unit] and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return f"{size}B"


@dataclass(frozen=True)
class KindFacts:
    """What holds for a payload kind; the literal FACTS of scripts/handoff/payloads/<kind>.py."""

    about: str
    extension: str
    """Of the file that generate_payload writes."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options beside the size, with their defaults."""
    allowed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Modules that whoever holds such a payload has imported."""
    types: tuple[str, ...] = ()
    """Types whose objects may be of this kind, as 'package.Class'; none where an object cannot be known for one."""
    like: str = ""
    """The kind that handles it, from the digest to the split: it has such values, in another layout or of a kind."""
    splits: bool = True
    """It can be split into parts of its own kind (the pattern scatter)."""
    writable: bool = True
    """It can be written into in place (the patterns that mutate)."""
    forkable: bool = True
    """A worker that was forked from its holder can use it."""
    why_not: str = ""
    """Why it cannot be split, written into or used after a fork, as the end of 'unsupported: ...'."""
    largest: int = 0
    """Bytes that one may have at most; 0 for any size."""
    bulk: float = 1.0
    """Memory that holding one takes, in payloads: a view keeps all that it is a view of."""
    memory_copies: float = 2.2
    """Memory that making one takes, in payloads: its columns and the frame put together from them, or the file's
    bytes and what is read from them; and a little for what is worked out piece by piece."""
    hazard: str = ""
    """What surprises whoever hands it over."""

    def cannot(self, pattern: str) -> bool:
        """Whether no strategy whatever can do that with it."""
        how = PATTERNS[pattern]
        return (how.payloads == "parts" and not self.splits) or (how.writes and not self.writable)


@cache
def kind_facts(kind: str) -> KindFacts:
    """The facts of a kind, without running its file; nor is more of it parsed, since each worker reads those of all."""
    text = (LIBRARY / "payloads" / f"{kind}.py").read_text(encoding="utf-8")
    literal, end, _ = text.partition("\nFACTS = ")[2].partition("\n}\n")
    if not end:
        raise LookupError(f"payloads/{kind}.py has no literal FACTS")
    return KindFacts(**ast.literal_eval(literal + end))
