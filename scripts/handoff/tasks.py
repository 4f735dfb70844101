"""The built-in tasks: what is done with a payload where it arrives. scenarios.TASKS says what each is for.

Standard library only. A task's result is compared with == between the sender and each worker, so it is
a number that does not depend on how the payload lies in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from handoff import payloads

Task = Callable[[Any], int | float | None]
"""Takes the payload and returns a small result."""

BUSY_NS: Final = 100_000_000
"""Wall time of the task `busy`."""


def noop(payload: Any) -> None:
    """Return at once: the payload is never looked at."""


def busy(payload: Any) -> int:
    """Spin for BUSY_NS of wall time; the result is that target."""
    end = time.perf_counter_ns() + BUSY_NS
    while time.perf_counter_ns() < end:
        pass
    return BUSY_NS


_TASKS: Final[dict[str, Task]] = {
    "read": payloads.checksum,
    "sum": payloads.total,
    "loop": payloads.loop,
    "noop": noop,
    "busy": busy,
}


def load(name: str) -> Task:
    """The built-in task of that name.

    Raises:
        LookupError: there is none.
    """
    if name not in _TASKS:
        raise LookupError(f"{name!r} is not a task; there are: {', '.join(_TASKS)}")
    return _TASKS[name]
