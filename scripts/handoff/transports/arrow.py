"""An Arrow IPC file that the receiver maps: columns are used where they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from handoff.transports import Access, Place, Ticket, Transport

FACTS = {
    "about": "the payload is written as an Arrow IPC file, uncompressed, and the receiver maps it",
    "simplicity": 4,
    "kinds": ("array", "frame", "text_frame"),
    "why_not": "Arrow holds columns of values, not arbitrary Python objects",
    "needs": ("pyarrow", "numpy"),
    "zero_copy": True,
    "writable": "no",
    "copies": 2.0,
    "storage_copies": 1.0,
    "hazard": "a frame attached this way is read-only: writing into a column raises, adding one works",
}

_SHAPE = b"handoff.shape"


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        if isinstance(payload, np.ndarray):
            column = pa.array(np.ascontiguousarray(payload).reshape(-1))
            shape = ",".join(map(str, payload.shape)).encode()
            table = pa.table({"array": column}, pa.schema([("array", column.type)], {_SHAPE: shape}))
        else:
            table = pa.Table.from_pandas(payload)
        with pa.OSFile(place, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        with pa.memory_map(ticket) as source:
            table = pa.ipc.open_file(source).read_all()
        shape = (table.schema.metadata or {}).get(_SHAPE)
        if shape is None:
            # split_blocks keeps each column where it lies in the file; without it pandas copies all of them.
            yield table.to_pandas(split_blocks=True)
        else:
            whole = table.column("array").chunk(0) if table.num_rows else table.column("array").combine_chunks()
            array = whole.to_numpy(zero_copy_only=False)
            yield array.reshape([int(length) for length in shape.decode().split(",") if length])

    def release(self, place: Place) -> None:
        Path(place).unlink(missing_ok=True)
