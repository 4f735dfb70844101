"""The clock's own limits on this host: what it cannot tell apart, and what reading it costs.

Both are measured at the start of each invocation. A transfer that is not far longer than they are is timed in
batches: several under one pair of readings, and marked so.

Standard library only.
"""

from __future__ import annotations

import itertools
import math
import time
from statistics import median
from typing import Final, NamedTuple

READINGS: Final = 2000

RESOLUTIONS: Final = 10
"""What is timed lasts at least so many times the clock's resolution,"""

OVERHEADS: Final = 20
"""and so many times a reading, which is then 5 % of it (Hoefler and Belli, SC'15, doi 10.1145/2807591.2807644)."""

LARGEST_BATCH: Final = 1000


class Clock(NamedTuple):
    """Nanoseconds."""

    resolution: int
    """The smallest step between two readings that differ."""
    overhead: float
    """What one reading costs."""

    def batch(self, transfer_ns: float) -> int:
        """How many transfers have to go under one pair of readings; 1 where a single one is long enough."""
        enough = max(RESOLUTIONS * self.resolution, OVERHEADS * self.overhead)
        return min(LARGEST_BATCH, max(1, math.ceil(enough / max(transfer_ns, 1.0))))


def look(readings: int = READINGS) -> Clock:
    """Read the clock again and again: a fraction of a millisecond."""
    now = time.perf_counter_ns
    seen = [now() for _ in range(readings)]
    steps = [after - before for before, after in itertools.pairwise(seen)]
    resolution = min(filter(None, steps), default=1)
    # The median, since a pause of this process is no cost of a reading. A clock coarser than its readings has no
    # step at most of them: only the mean tells their cost then.
    return Clock(resolution, median(steps) or (seen[-1] - seen[0]) / (readings - 1))
