"""A slow-down of known size, planted on purpose: what calibration asks the instrument to find.

It sits in the sender, inside the clock of every pattern: in the reserving of a transfer's first place.
"""

from __future__ import annotations

import time
from typing import Any

from handoff.transports import Place, Transport


class Planted:
    """A transport whose next transfer takes `delay_ns` longer; all else is the transport's own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.delay_ns = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def reserve(self) -> Place:
        """Wait, busily as work would be, then reserve; a transfer's further places cost nothing extra."""
        end = time.perf_counter_ns() + self.delay_ns
        self.delay_ns = 0
        while time.perf_counter_ns() < end:
            pass
        return self._transport.reserve()
