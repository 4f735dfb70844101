"""Parquet by fastparquet: the article's own way. Its maintainers have retired it (dask/fastparquet#973).

pandas' engine="fastparquet" is deprecated (pandas-dev/pandas#64673), so its own functions are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fastparquet
import numpy as np

from handoff.transports import Access, CannotCarry, Place, Ticket, Transport

FACTS = {
    "about": "fastparquet writes the frame as uncompressed Parquet and the receiver decodes it (the article's way)",
    "simplicity": 5,
    "kinds": ("frame", "wide_frame", "fragmented_frame", "datetime_frame", "text_frame"),
    "why_not": "fastparquet takes pandas DataFrames alone, and gives nullable floats back as plain ones",
    "needs": ("fastparquet",),
    "writable": "yes",
    "copies": 4.0,
    "storage_copies": 1.5,
    "hazard": "fastparquet is retired by its maintainers; pyarrow writes and reads the same files",
}


_CHANGED = {
    "object": "text",
    "string": "the other text dtype",
    "float16": "float32",
    "Float32": "float32",
    "Float64": "float64",
    "datetime64[s]": "other dates",
    "timedelta64[s]": "other durations",
    "timedelta64[ns]": "durations in whole microseconds",
}
"""Dtypes that it writes without a word, and what comes back."""


def _check(frame: Any) -> None:
    """Refuse what would come back changed.

    Raises:
        CannotCarry: with the column, or what is wrong with the index.
    """
    for name, dtype in frame.dtypes.items():
        name_of_type = f"datetime64[{dtype.unit}]" if hasattr(dtype, "tz") else str(dtype)
        back = "" if type(dtype).__name__ == "ArrowDtype" else _CHANGED.get(name_of_type)
        if back is None:
            continue
        raise CannotCarry(f"fastparquet would give column {name!r} of dtype {dtype} back as {back}" if back else
                          f"fastparquet has no columns of dtype {dtype}, as {name!r} is")  # fmt: skip
    if frame.index.nlevels > 1 or not isinstance(frame.index.dtype, np.dtype) or frame.index.dtype.hasobject:
        raise CannotCarry("fastparquet keeps an index of plain numbers or dates alone")
    if not len(frame):
        raise CannotCarry("fastparquet forgets the types of a frame without rows")


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        _check(payload)
        try:
            fastparquet.write(place, payload, compression="UNCOMPRESSED", stats=False)
        except (ValueError, TypeError) as error:
            raise CannotCarry(f"fastparquet cannot hold this frame: {error}") from error
        # It calls an index without a name "index".
        return place, list(payload.index.names)

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, names = ticket
        frame = fastparquet.ParquetFile(place).to_pandas()
        frame.index.names = names
        yield frame

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
