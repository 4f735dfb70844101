"""The second transfer delivers what the first one sent; all others, and the proof, are right."""

from __future__ import annotations

import itertools
from typing import Any

from handoff.transports import Place, Spec, Ticket, Transport

FACTS = {"about": "for a test", "simplicity": 9, "kinds": ("any",)}


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._transfers = itertools.count(1)
        self._first: Any = None

    def publish(self, payload: Any, place: Place) -> Ticket:
        number = next(self._transfers)
        if number == 1:
            self._first = payload.copy()
        return self._first if number == 2 else payload
