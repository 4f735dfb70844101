"""The kind `datetime_frame`: a DataFrame of dates and times, without a time zone and with one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from handoff.payloads import array
from handoff.payloads.frame import Frame, read, write

__all__ = ["holds", "make", "read", "write"]

FACTS = {
    "about": "a pandas DataFrame of dates and times, four columns without a time zone and four with one",
    "extension": "arrow",
    "options": {},
    "needs": ("pandas", "numpy", "pyarrow"),
    "like": "frame",
    "memory_copies": 3.0,
    "hazard": "protocol 5 takes numbers out of the pickle's stream, but not dates: they are copied as with protocol 4",
}

COLUMNS, ZONE = 8, "Europe/Berlin"
SPAN = 2**52
"""Microseconds from 1970 on that are drawn from: up to the year 2112."""


def make(size: int, seed: int) -> Frame:
    """A DataFrame whose eight columns take `size` bytes, rounded down to whole rows, of at least one row."""
    rows = max(1, size // (8 * COLUMNS))
    made = {}
    for place in range(COLUMNS):
        drawn = array.random_words(rows, (seed, place)) % np.uint64(SPAN)
        times = pd.DatetimeIndex(drawn.view("M8[us]"))
        made[f"{'zoned' if place % 2 else 'naive'}_{place}"] = (
            times.tz_localize("UTC").tz_convert(ZONE) if place % 2 else times
        )
    return pd.DataFrame(made)


def holds(obj: Any) -> bool:
    """Whether it is a DataFrame of dates and times alone."""
    return (
        isinstance(obj, pd.DataFrame)
        and obj.shape[1] > 0
        and all(pd.api.types.is_datetime64_any_dtype(dtype) for dtype in obj.dtypes)
    )
