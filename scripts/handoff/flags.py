"""Warnings about times that are right and yet say less than they seem to."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Final, cast

from handoff.records import Row

NOTEWORTHY_S: Final = 0.01
"""A shorter release than this is what freeing memory and files takes."""


def slow_release(rows: Iterable[Row]) -> bool:
    """Whether freeing the place takes longer than the hand-over itself, and long enough to be felt.

    It happens after the clock has stopped, so a way that puts work off until then looks faster than it is. By
    medians over the transfers that are compared, of one scenario and strategy.
    """
    timed = [row for row in rows if row["status"] == "ok" and not row["instrumented"] and row["release_s"] is not None]
    compared = [row for row in timed if row["warm"]] or timed  # a cold scenario has first transfers alone
    if not compared:
        return False
    release, total = (median(cast(float, row[name]) for row in compared) for name in ("release_s", "total_s"))
    return release > max(NOTEWORTHY_S, total)
