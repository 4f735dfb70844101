"""Pickle with protocol 5 and pipes that are read in small pieces: what Python 3.14 does by itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from handoff.transports import Spec, pickle

FACTS = {
    "about": "as pickle5, and pipes are read 64 KiB at a time on both sides, as Python 3.14 does by itself",
    "simplicity": 3,
    "kinds": ("any",),
    "writable": "yes",
    "copies": 4.0,
    "hazard": "it replaces a private method of multiprocessing, which another version may not have",
}

MOST: Final = 65536
"""Bytes of one read: what a pipe holds."""

_USUAL: Final[Callable[..., Any]] = Connection._recv  # type: ignore[attr-defined]


class Way(pickle.Way):
    """Before 3.14 each read of a message asks for all that is missing of it.

    Python makes room for that much every time, and a pipe gives 64 KiB (python/cpython#121313).
    """

    protocol = 5

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)

        def bounded(connection: Connection, size: int, read: Callable[[int, int], bytes] = os.read) -> Any:
            return _USUAL(connection, size, lambda descriptor, wanted: read(descriptor, min(wanted, MOST)))

        self._bounded = bounded
        if sys.version_info < (3, 14):
            Connection._recv = bounded  # type: ignore[attr-defined]

    def close(self) -> None:
        super().close()
        # Only what this instance set, as for the protocol.
        if Connection._recv is self._bounded:  # type: ignore[attr-defined]
            Connection._recv = _USUAL  # type: ignore[attr-defined]
