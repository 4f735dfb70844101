"""The file is written once: every later transfer delivers what the first one sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {"about": "for a test", "simplicity": 9, "kinds": ("array",), "why_not": "an .npy file holds one array"}


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._file = Path(spec.directory, "first.npy")

    def publish(self, payload: Any, place: Place) -> Ticket:
        if not self._file.exists():
            np.save(self._file, payload)
        return None

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield np.load(self._file)

    def close(self) -> None:
        self._file.unlink(missing_ok=True)
