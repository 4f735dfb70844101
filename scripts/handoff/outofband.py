"""Pickle 5 out-of-band: an object as a small pickle and the large buffers that it does not contain.

Standard library only.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any


def take_apart(payload: Any) -> tuple[bytes, list[memoryview]]:
    """The payload's pickle, and its buffers where they lie: nothing large has been copied.

    The buffers keep the payload's memory alive, and show what is written into it.
    """
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    return head, [buffer.raw() for buffer in buffers]


def put_together(head: Any, buffers: Sequence[Any]) -> Any:
    """The payload over these buffers, in their order: it uses them where they lie, and can write if they let it."""
    return pickle.loads(head, buffers=buffers)  # nosec B301 # what this program's own processes have pickled
