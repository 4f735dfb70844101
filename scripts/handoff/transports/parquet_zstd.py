"""Parquet by pyarrow, compressed by Zstandard: smaller on disk, more work on both sides."""

from handoff.transports import parquet

FACTS = {
    "about": "as parquet, compressed by Zstandard",
    "simplicity": 5,
    "kinds": (
        "frame",
        "wide_frame",
        "fragmented_frame",
        "datetime_frame",
        "nullable_frame",
        "text_frame",
        "arrow_table",
        "arrow_slice",
    ),
    "why_not": "Parquet holds tables of columns",
    "needs": ("pyarrow",),
    "writable": "yes",
    "copies": 4.0,
    "storage_copies": 1.0,
}


class Way(parquet.Way):
    compression = "ZSTD"
