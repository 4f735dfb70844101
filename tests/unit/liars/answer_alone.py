"""What arrives is one word that gives the task's right answer, worked out by the sender."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from handoff import payloads
from handoff.transports import Access, Place, Ticket, Transport

FACTS = {"about": "for a test", "simplicity": 9, "kinds": ("array",), "why_not": "only arrays of words add up so"}


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        return payloads.checksum(payload)

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield np.array([ticket], np.uint64)
