"""Pickle 5 out-of-band into a memfd: memory without a name, which is gone when nobody has it open."""

from __future__ import annotations

import os

from handoff.transports import Place, Spec, outofband_file

FACTS = {
    "about": "pickle 5 hands the large buffers out, all is written into a memfd, and the receiver maps it",
    "simplicity": 6,
    "kinds": ("any",),
    "platforms": ("linux",),
    "zero_copy": True,
    "writable": "private copy",
    "shares_writes": ("array",),
    "copies": 3.0,
    "hazard": "no file system bounds it: too large a payload is not an error but wakes the out-of-memory killer",
}


class Way(outofband_file.Way):
    """The parent's descriptor is the place; others open it by /proc, as their user's processes may.

    That needs no channel that carries descriptors, and a worker can fill what the parent reserved.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._descriptors: dict[str, int] = {}

    def reserve(self) -> Place:
        descriptor = os.memfd_create(self.spec.prefix)
        place = f"/proc/{os.getpid()}/fd/{descriptor}"
        self._descriptors[place] = descriptor
        return place

    def release(self, place: Place) -> None:
        os.close(self._descriptors.pop(place))

    def close(self) -> None:
        for place in tuple(self._descriptors):
            self.release(place)
