"""Pickle, through the executor's own channel: what a pool does with every argument and result."""

from __future__ import annotations

import io
import multiprocessing.reduction
from collections.abc import Callable
from typing import Any, ClassVar, Final

from handoff.transports import Spec, Transport

FACTS = {
    "about": "the pool pickles the payload into its pipe and the worker unpickles it: what happens by itself",
    "simplicity": 1,
    "kinds": ("any",),
    "writable": "yes",
    "copies": 5.0,
    "hazard": "a slice of an Arrow table takes its whole parent along",
}

_USUAL: Final = multiprocessing.reduction.ForkingPickler.dumps


class Way(Transport):
    """Nothing to do for the interpreter's own protocol; another one is set on both sides of the channel.

    multiprocessing has no option for the protocol (python/cpython#89467), so ForkingPickler.dumps, which
    every queue and connection calls, is replaced in the parent and in each worker.
    """

    protocol: ClassVar[int | None] = None

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._dumps = None if self.protocol is None else use_protocol(self.protocol)

    def close(self) -> None:
        # Only what this instance set: the next scenario's instance is made before the last one's is closed.
        if self._dumps is not None and multiprocessing.reduction.ForkingPickler.dumps is self._dumps:
            multiprocessing.reduction.ForkingPickler.dumps = _USUAL  # type: ignore[method-assign]


def use_protocol(protocol: int) -> Callable[..., memoryview]:
    """Make multiprocessing's queues and connections in this process pickle with that protocol.

    Returns the function that they call from now on.
    """

    def dumps(obj: Any, _protocol: int | None = None) -> memoryview:
        buffer = io.BytesIO()
        multiprocessing.reduction.ForkingPickler(buffer, protocol).dump(obj)
        return buffer.getbuffer()

    multiprocessing.reduction.ForkingPickler.dumps = dumps  # type: ignore[method-assign, assignment]
    return dumps
