"""When does a channel pickle? A mark before and one after the ticket tell, whatever the executor.

Pickling a mark notes the time in the sender, unpickling it notes the time in the receiver. A channel that
passes references (threads) does neither and leaves no note. Used in instrumented transfers alone.
"""

from __future__ import annotations

import time
from multiprocessing.reduction import ForkingPickler
from typing import Any

_seen: list[int] = []
"""Times at which marks were unpickled in this process, oldest first."""


class Mark:
    """Notes when it is pickled, in the process that holds it."""

    def __init__(self) -> None:
        self.pickled_at = 0

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        self.pickled_at = time.perf_counter_ns()
        return _arrive, ()


def _arrive() -> None:
    _seen.append(time.perf_counter_ns())


def unpickling_ns() -> int:
    """Nanoseconds between the two marks of each message that this process unpickled since it was last asked."""
    spent = sum(after - before for before, after in zip(_seen[::2], _seen[1::2], strict=False))
    _seen.clear()
    return spent


def pickling_ns(before: Mark, after: Mark) -> int:
    """Nanoseconds between the pickling of two marks; 0 if they were not pickled."""
    return after.pickled_at - before.pickled_at


class _Scales:
    """A file that keeps nothing: a pickle may be as large as the memory that is left."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.bytes += size
        return size


def weight(ticket: Any) -> int:
    """The bytes that a channel which pickles has to move for a ticket."""
    scales = _Scales()
    # The protocol of Python 3.14's own channels; with 4 the same bytes are moved, and one copy more is made of them.
    ForkingPickler(scales, 5).dump(ticket)
    return scales.bytes
