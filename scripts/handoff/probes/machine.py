"""Has this machine room for the payload's copies, one or two for each worker? Told by arithmetic, never by trying."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from handoff.probes.finding import Finding
from handoff.words import counted, size

COPIES: Final = 2
"""For each worker, where the payload is pickled: the stream on its way, and the worker's own object."""


def probe_machine(nbytes: int, workers: int, memory: int, shared: int) -> Iterator[Finding]:
    """What `workers` workers with a payload of `nbytes` bytes each take, against what is free in memory and /dev/shm.

    The sender holds one. All are bytes.
    """
    need = nbytes * (1 + COPIES * workers)
    room = max(0, (memory - nbytes) // (COPIES * nbytes)) if nbytes else workers
    facts: dict[str, float] = {
        "payload_bytes": nbytes, "workers": workers, "need_bytes": need, "available_bytes": memory,
        "room_for_workers": min(room, workers) if not nbytes else room, "shared_bytes": shared,
    }  # fmt: skip
    whose = f"{counted(workers, 'worker')} with a payload of {size(nbytes)}{' each' if workers > 1 else ''}"
    if need > memory:
        yield Finding(
            "machine", "too_little_memory",
            f"{whose} would need {size(need)} of memory; {size(memory)} are available.",
            f"Pickle it for at most {counted(room, 'worker')} at once, or use a way that shares one copy."
            if room else "Use a way that shares one copy, or have each worker load its part.",
            "obstacle" if nbytes > memory else "warning", facts,
        )  # fmt: skip
    else:
        yield Finding(
            "machine", "memory",
            f"{whose} {'need' if workers > 1 else 'needs'} {size(need)} of memory; {size(memory)} are available.",
            "Memory rules no way out.", "note", facts,
        )  # fmt: skip
    if nbytes * workers > shared:
        fit = shared // nbytes
        yield Finding(
            "machine", "too_little_shared_memory",
            f"/dev/shm has {size(shared)} free: room for {fit:,} of {counted(workers, 'payload')} of {size(nbytes)}.",
            "Ways over shared memory and tmpfs are left out where they do not fit; --shm-size gives a container more.",
            "warning", {"shared_bytes": shared, "payload_bytes": nbytes, "fit": fit},
        )  # fmt: skip
