"""Random text as Arrow holds it: all letters in one buffer."""

from __future__ import annotations

import string
from typing import Any, Final

import numpy as np
import pyarrow as pa

from handoff.payloads import array

SHORTEST, LONGEST = 3, 24
"""Letters of one text."""

MEAN_LETTERS: Final = (SHORTEST + LONGEST) / 2

_LETTERS: Final = (string.ascii_lowercase * 9 + "etaoinshrdlu etaoinshr").encode()
"""What each byte becomes: some letters more often than others, some blanks."""


def random_text(rows: int, seed: int, validity: Any = None) -> Any:
    """A pyarrow.LargeStringArray of random texts of random lengths, with nulls where the bitmap `validity` says so."""
    lengths = array.random_words(rows, (seed, 1)) % np.uint64(LONGEST - SHORTEST + 1) + np.uint64(SHORTEST)
    ends = np.zeros(rows + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    letters = array.random_numbers(int(ends[-1]), "uint8", (seed, 2)).tobytes().translate(_LETTERS)
    return pa.Array.from_buffers(pa.large_string(), rows, [validity, pa.py_buffer(ends), pa.py_buffer(letters)])
