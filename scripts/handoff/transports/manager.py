"""A managed list: a server process keeps the payload, and everybody asks it by a proxy."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.managers import SyncManager
from multiprocessing.reduction import ForkingPickler
from typing import Any

from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "the payload is put into a list of multiprocessing's Manager, whose server keeps it, and taken out again",
    "simplicity": 4,
    "kinds": ("any",),
    "writable": "yes",
    "copies": 8.0,
    "most_bytes": 67_108_864,
    "hazard": "each access pickles the whole payload from one process to another, and each change of it is lost",
}


def _end_with_parent() -> None:
    """The server's initializer: it would outlive a parent that is killed."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._manager: SyncManager | None = None

    def luggage(self) -> Any:
        self._started()  # as the workers start: it takes as long as one of them

    def _started(self) -> SyncManager:
        if self._manager is None:
            # Its socket lies in the run's folder, and not in one of its own in TMPDIR.
            self._manager = SyncManager(super().reserve(), ctx=multiprocessing.get_context("spawn"))
            self._manager.start(_end_with_parent)
        return self._manager

    def reserve(self) -> Place:
        return self._started().list()

    def publish(self, payload: Any, place: Place) -> Ticket:
        place.append(payload)
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield ticket[0]

    def stored(self, place: Place) -> int:
        """What the server sends to whoever asks."""
        return sum(len(ForkingPickler.dumps(payload)) for payload in place)

    def release(self, place: Place) -> None:
        place[:] = []

    def close(self) -> None:
        if self._manager is not None:
            self._manager.shutdown()
            self._manager = None
