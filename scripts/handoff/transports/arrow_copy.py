"""An Arrow IPC file that the receiver maps and copies into pandas' own blocks: what to_pandas() does by itself."""

from __future__ import annotations

from typing import Any

from handoff.transports import arrow

FACTS = {
    "about": "as arrow, and the receiver copies all columns together into memory of its own",
    "simplicity": 4,
    "kinds": (
        "array",
        "strided_array",
        "fortran_array",
        "frame",
        "wide_frame",
        "fragmented_frame",
        "datetime_frame",
        "nullable_frame",
        "text_frame",
    ),
    "why_not": "Arrow holds columns of values, not arbitrary Python objects",
    "needs": ("pyarrow", "numpy"),
    "writable": "yes",
    "copies": 2.0,
    "storage_copies": 1.0,
}


class Way(arrow.Way):
    def frame(self, table: Any) -> Any:
        return table.to_pandas()

    def items(self, column: Any) -> Any:
        return column.to_numpy(zero_copy_only=False, writable=True)
