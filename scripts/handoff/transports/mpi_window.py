"""An MPI window: memory of the sender's that all processes of a communicator have mapped, used again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from handoff import flat, outofband
from handoff.executors import mpi_world
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "pickle 5 hands the buffers out, they are copied once into memory that MPI shares (Win.Allocate_shared)",
    "simplicity": 9,
    "kinds": ("any",),
    "needs": ("mpi4py",),
    "executors": ("mpi_world",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array",),
    "copies": 2.5,
    "storage_copies": 2.5,
    "hazard": (
        "an object kept after its turn sees the next payload in its place, without any error: copy what you keep; "
        "a window cannot grow, and all processes have to be free at once to make another one"
    ),
}

LEAST: Final = 2**20
"""Bytes of a place where nothing is known of the payload's size."""

PLACES: Final = 2
"""For each receiver: what it gets, and what it gives back."""


class Way(Transport):
    """One window for each instance, cut into places; what does not fit into its place travels in the ticket."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._window: int | None = None
        self._free: list[Place] = []
        self._stored: dict[Place, int] = {}

    def _make(self) -> None:
        """Make the window: the payload's file says how much it has to hold."""
        assert mpi_world.running is not None
        file = Path(self.spec.source.partition(":")[2])
        size = max(LEAST, file.stat().st_size * 5 // 4 if file.is_file() else 0)
        size = -(-size // flat.ALIGN) * flat.ALIGN
        count = PLACES * self.spec.receivers
        self._window = mpi_world.running.allocate(size * count)
        self._free = [(self._window, number * size, size) for number in range(count)]

    def reserve(self) -> Place:
        if self._window is None:
            self._make()
        return self._free.pop() if self._free else None

    def publish(self, payload: Any, place: Place) -> Ticket:
        head, buffers = outofband.take_apart(payload)
        table, end = flat.table_of(buffers)
        if place is None or end > place[2]:
            return None, head, [bytes(buffer) for buffer in buffers]
        number, start, _ = place
        flat.fill(mpi_world.window(number)[start : start + end], table, buffers)
        mpi_world.written(number)
        self._stored[place] = end
        return place, head, table

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, head, rest = ticket
        if place is None:
            buffers = rest if access == "read" else [bytearray(buffer) for buffer in rest]
        else:
            number, start, _ = place
            end = sum(rest[-1]) if rest else 0
            self._stored[place] = end
            memory = mpi_world.window(number)[start : start + end]
            if access == "private":
                memory = memoryview(bytearray(memory))
            buffers = flat.views(memory.toreadonly() if access == "read" else memory, rest)
        payload = outofband.put_together(head, buffers)
        del buffers
        yield payload

    def stored(self, place: Place) -> int:
        return self._stored.get(place, 0)

    def release(self, place: Place) -> None:
        self._stored.pop(place, None)
        if place is not None:
            self._free.append(place)

    def close(self) -> None:
        if self._window is not None and mpi_world.running is not None:  # else it went with the processes
            mpi_world.running.free(self._window)
        self._window = None
        self._free.clear()
