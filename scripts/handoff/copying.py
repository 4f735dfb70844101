"""One copy of a block of memory, by as many threads as prove fastest on this machine.

Standard library and numpy.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from typing import Any, Final

import numpy as np

THREADED: Final = 8 * 2**20
"""Below this size a second thread costs more than it brings: starting one takes as long as copying half a MiB."""
TRIAL: Final = 64 * 2**20
"""So much is copied at most to find out how many threads are fastest."""
WORTH: Final = 1.05
"""Cores have other uses: several threads must be faster than one by more than this."""


class Copier:
    """Copies bytes. It finds out how many threads to use when it first gets enough to copy."""

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads
        """So many copy; 0: not known yet."""

    def __call__(self, target: Any, source: Any) -> None:
        """Copy between two buffers of equal length."""
        to, of = np.frombuffer(target, np.uint8), np.frombuffer(source, np.uint8)
        if len(of) < THREADED:
            np.copyto(to, of)
            return
        if not self.threads:
            cores = len(os.sched_getaffinity(0))
            taken = {n: _fastest(to[:TRIAL], of[:TRIAL], n) for n in (1, 2, 4, 8, 16) if n <= cores}
            self.threads = min(taken, key=lambda n: taken[n] if n == 1 else taken[n] * WORTH)
        _copy(to, of, self.threads)


def _fastest(to: Any, of: Any, threads: int) -> float:
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        _copy(to, of, threads)
        times.append(time.perf_counter() - begun)
    return min(times)


def _copy(to: Any, of: Any, threads: int) -> None:
    cuts = [len(of) * part // threads for part in range(threads + 1)]
    # np.copyto lets go of the GIL. A pool of threads would not survive a fork.
    rest = [threading.Thread(target=np.copyto, args=(to[a:b], of[a:b])) for a, b in itertools.pairwise(cuts[1:])]
    for thread in rest:
        thread.start()
    np.copyto(to[: cuts[1]], of[: cuts[1]])
    for thread in rest:
        thread.join()
