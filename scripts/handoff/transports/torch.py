"""PyTorch's shared tensors: the array moves into shared memory, and its file descriptor goes through the channel.

Of the two sharing strategies `file_descriptor` is used, the usual one on Linux: the segment's name is removed as soon
as it is made, so nothing is left whoever dies. `file_system` leaves names (/dev/shm/torch_<pid>_...) until a process
of its own, torch_shm_manager, has removed them, and both outlive a killed run.

The descriptor is asked for over a Unix socket of multiprocessing.resource_sharer, whose folder is multiprocessing's
own temporary one: it is set to the invocation's folder, where the sweep finds it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_sharer
from typing import Any, Final

import numpy as np
import torch
import torch.multiprocessing

from handoff.transports import Access, CannotCarry, Place, Spec, Ticket, Transport

FACTS = {
    "about": "the array becomes a PyTorch tensor in shared memory, which the receiver maps",
    "simplicity": 6,
    "kinds": ("array",),
    "why_not": "a tensor is one array of numbers",
    "platforms": ("linux",),
    "needs": ("torch", "numpy"),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array",),
    "copies": 2.0,
    "storage_copies": 2.0,
    "hazard": "each tensor in flight is an open file, of which a process may have 1024; a full /dev/shm is SIGBUS",
}

_PATIENCE_S: Final = 5.0
"""For the thread to end that hands descriptors out."""


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._settings: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
        self._usual = self._settings.get("tempdir")
        self._settings["tempdir"] = spec.directory  # also that of workers that start from here on
        torch.multiprocessing.set_sharing_strategy("file_descriptor")
        self._bytes: dict[str, int] = {}

    def publish(self, payload: Any, place: Place) -> Ticket:
        try:
            tensor = torch.from_numpy(np.require(payload, requirements=["C", "W"]))
        except (TypeError, ValueError) as error:  # no such numbers; their bytes in the other order
            raise CannotCarry(f"PyTorch has no tensors of dtype {payload.dtype.str}") from error
        self._bytes[place] = payload.nbytes
        # Its pickle is a handle for whoever pickles as multiprocessing does, and the whole tensor for others.
        return tensor.share_memory_()

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        array = ticket.numpy()
        if access == "private":
            array = array.copy()
        if access == "read":
            array.flags.writeable = False
        yield array

    def stored(self, place: Place) -> int:
        return self._bytes.get(place, 0)

    def release(self, place: Place) -> None:
        self._bytes.pop(place, None)

    def close(self) -> None:
        resource_sharer.stop(_PATIENCE_S)
        self._settings["tempdir"] = self._usual
