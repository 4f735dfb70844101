"""What takes long is put off until the task has ended: the receiver lets go slowly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handoff.transports import Access, Ticket, Transport

FACTS = {"about": "for a test", "simplicity": 9, "kinds": ("any",)}

PUT_OFF_S = 0.05


class Way(Transport):
    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        yield ticket
        time.sleep(PUT_OFF_S)
