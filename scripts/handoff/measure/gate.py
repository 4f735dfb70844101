"""A gate that N calls pass together, so that N workers take one call each.

Without it a quick worker may answer two calls while another still wakes up, and "two workers" would mean
one. It must work between any two workers of one host, whatever started them, so it is made of two named
pipes: followers say that they have arrived and wait; the leader lets them go when all have.
"""

from __future__ import annotations

import os
from pathlib import Path


class Gate:
    """One process's, or thread's, end of the gate."""

    def __init__(self, directory: str, workers: int) -> None:
        self._workers = workers
        folder = Path(directory)
        # Read-write, so that opening does not wait for the other side and no end of file is ever seen.
        self._arrived, self._go = (os.open(folder / name, os.O_RDWR | os.O_CLOEXEC) for name in ("arrived", "go"))

    @staticmethod
    def make(directory: str) -> None:
        """Make the pipes in that folder (parent, once)."""
        for name in ("arrived", "go"):
            os.mkfifo(Path(directory) / name, 0o600)

    def wait(self, index: int) -> None:
        """Wait until all workers are here; index 0 leads, -1 passes by."""
        if self._workers == 1 or index < 0:
            return
        if index:
            os.write(self._arrived, b".")
            os.read(self._go, 1)
            return
        missing = self._workers - 1
        while missing:
            missing -= len(os.read(self._arrived, missing))
        os.write(self._go, b"." * (self._workers - 1))

    def close(self) -> None:
        os.close(self._arrived)
        os.close(self._go)
