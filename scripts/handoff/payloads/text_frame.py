"""The kind `text_frame`: a pandas DataFrame with columns of text and a category beside the numbers."""

from __future__ import annotations

import random
import string
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from handoff.payloads import array, frame
from handoff.payloads.columns import from_arrow
from handoff.payloads.frame import Frame, read, write
from handoff.payloads.text import LONGEST, SHORTEST, random_text

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a pandas DataFrame with text and category columns beside numbers",
    "extension": "arrow",
    "options": {},
    "needs": ("pandas", "numpy", "pyarrow"),
    "types": ("pandas.DataFrame",),
    "like": "frame",
}

CITIES, LABELS = 1000, 50
"""Distinct values of the column city, and of the category."""

# id, then offset and letters of a name (half-way) and of a city, the label's code, value.
ROW_BYTES: Final = 8 + (8 + (SHORTEST + LONGEST) / 2) + (8 + 8.8) + 1 + 8


def make(size: int, seed: int) -> Frame:
    """A DataFrame of about `size` bytes: id, name (nearly all distinct), city (1000), label (category of 50), value."""
    rows = max(1, round(size / ROW_BYTES))
    cities = pa.array(_words(CITIES, "city"), pa.large_string())
    labels = pd.Index(_words(LABELS, "label"), dtype="str")
    text = pd.StringDtype(na_value=np.nan)
    return pd.DataFrame(
        {
            "id": np.arange(rows, dtype=np.int64),
            "name": from_arrow(text, random_text(rows, seed)),
            "city": from_arrow(text, cities.take(pa.array(_choices(rows, CITIES, seed, 3)))),
            "label": pd.Categorical.from_codes(_choices(rows, LABELS, seed, 4), categories=labels),
            "value": array.random_numbers(rows, "float64", (seed, 5)),
        }
    )


def _choices(rows: int, count: int, seed: int, column: int) -> Any:
    return (array.random_words(rows, (seed, column)) % np.uint64(count)).astype(np.int16)


def _words(count: int, purpose: str) -> list[str]:
    """Distinct words, the same in every payload; one in eight has a letter beyond ASCII."""
    bits = random.Random(purpose).getrandbits
    found: dict[str, None] = {}
    while len(found) < count:
        word = "".join(string.ascii_lowercase[bits(16) % 26] for _ in range(5 + bits(3))).capitalize()
        found[word if bits(3) else word[:-1] + "éüßñøłаの"[bits(3)]] = None
    return list(found)


def holds(obj: object) -> bool:
    """Whether it is a DataFrame with a column that is no number and no date."""
    return isinstance(obj, pd.DataFrame) and not frame.holds(obj)
