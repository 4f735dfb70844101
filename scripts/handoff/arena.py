"""An arena: shared memory that is handed out once and used again for one payload after another (Linux).

Lift this file into your own code: it needs the standard library alone. docs/arena.md has more.

    arena = Arena()                                  # in each process
    place = arena.reserve()                          # whoever reserves owns the memory
    ticket = arena.publish(payload, place)           # in the owner, or in whoever it sent the place to
    with arena.attach(ticket) as payload: ...        # in whoever the ticket was sent to; done with it at the end
    arena.release(place)                             # in the owner: the next payload may come there

Payloads are pickled with protocol 5, their large buffers copied into the arena, once, where the receiver's objects
use them. What a receiver keeps beyond its `with` shows the next payload, without any error: copy what you keep.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import pickle
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

Place = tuple[str, int]
"""The path by which every process opens a slot's memory, and its inode: a path may come to mean something else."""

ALIGN: Final = 64  # a cache line, and what Arrow asks for
SMALL: Final = 32 * 2**10
"""What has fewer bytes travels in the ticket: into the arena and out of it again would take longer."""
HUGE: Final = 2 * 2**20
"""A huge page (x86-64, and arm64 with pages of 4 KiB). Where they are of another size, ordinary ones are used."""
TURNS, MUCH = 16, 4
"""A slot that holds more than so many times what each of its last turns needed gives memory back."""
POPULATE_WRITE, COLLAPSE, MAP_FIXED = 23, 25, 0x10
"""Linux's numbers, which the module mmap lacks: madvise(2), since 5.14 and 6.1, and mmap(2)."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that can be had now: MemAvailable, or what the cgroups leave of it. The next brake ends processes."""
    lines = (root / "proc/meminfo").read_text("ascii").splitlines()
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    for line in (root / "proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):  # version 2, or 1
            names = ("limit_in_bytes", "usage_in_bytes") if controllers else ("max", "current")
            own = Path(path.lstrip("/"))
            for folder in (root / "sys/fs/cgroup" / controllers / each for each in (own, *own.parents)):
                with suppress(OSError, ValueError):  # 'max' is no limit; a container may have the root alone
                    limit, used = (int((folder / f"memory.{name}").read_text("ascii")) for name in names)
                    stat = dict(each.split() for each in (folder / "memory.stat").read_text("ascii").splitlines())
                    # Pages of files that nobody uses go before anyone is ended.
                    idle = int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))
                    found.append(max(0, limit - used + idle))
    return min(found)


def _rounded(size: int) -> int:
    """Whole pages; huge ones if one would be full."""
    page = HUGE if size >= HUGE else mmap.PAGESIZE
    return -(-size // page) * page


def _is_there(place: Place) -> bool:
    """Whether the path still means that slot's memory."""
    with suppress(OSError):
        return Path(place[0]).stat().st_ino == place[1]
    return False


def _mapped(descriptor: int, size: int, flags: int) -> tuple[mmap.mmap, int, int]:
    """A map of that many bytes of the file: where they start in it, and how many they are.

    A huge page is mapped as one only at a multiple of its size, which mmap does not promise: so a map of nothing is
    made that is larger by one, and the file put into it. It ends with the last view of it.
    """
    try:
        if size < HUGE:
            return mmap.mmap(descriptor, size, flags), 0, size
        whole = mmap.mmap(-1, size + HUGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        address = ctypes.addressof(ctypes.c_char.from_buffer(whole))
        wanted, access = address + -address % HUGE, mmap.PROT_READ | mmap.PROT_WRITE
        if _libc.mmap(wanted, size, access, flags | MAP_FIXED, descriptor, 0) != wanted:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except OSError as error:
        raise MemoryError(f"the arena cannot map {size:,} bytes: {error}") from error
    return whole, wanted - address, size


class _Slot:
    """The memory of one place as this process maps it. Another process may have made it larger since."""

    def __init__(self, descriptor: int) -> None:
        self.used: int | None = None
        """Bytes that this turn needed, as far as this process knows."""
        weakref.finalize(self, os.close, descriptor)
        self._descriptor = descriptor
        self._map: Any = None  # as _mapped gives it, from the first use on
        self._unused = 0
        self._turns: deque[int] = deque(maxlen=TURNS)

    def _held(self) -> int:
        """Bytes that the kernel has handed out, from the first one on without a hole."""
        found = os.fstat(self._descriptor)
        return min(found.st_size, found.st_blocks * 512)

    def memory(self, size: int, private: bool = False) -> memoryview:
        """At least that many bytes, which are there already; private: of pages that are copied as they are written."""
        if not private and (self._map is None or size > self._map[2]):
            self._map = _mapped(self._descriptor, os.fstat(self._descriptor).st_size, mmap.MAP_SHARED)
            self._unused = sys.getrefcount(self._map[0])
        whole, start, length = _mapped(self._descriptor, _rounded(size), mmap.MAP_PRIVATE) if private else self._map
        return memoryview(whole)[start : start + length]

    def is_viewed(self) -> bool:
        """Whether an object in this process still uses the memory: whatever does refers to the map."""
        return self._map is not None and sys.getrefcount(self._map[0]) > self._unused

    def _advise(self, what: int, start: int, stop: int) -> None:
        """Tell the kernel, which may not know what is meant."""
        with suppress(OSError):
            self._map[0].madvise(what, self._map[1] + start, stop - start)

    def room(self, size: int) -> memoryview:
        """At least that many bytes, handed out now if they are not yet and, by arithmetic, can be."""
        held = self._held()
        if size > held:
            # A quarter more, so that a payload that grows slowly does not come here each time.
            wanted, available = _rounded(size + size // 4), available_memory()
            if wanted - held > available:
                wanted = _rounded(size)
            if wanted - held > available:
                raise MemoryError(f"the arena needs {wanted - held:,} bytes more, and {available:,} can be had")
            self._grow(held, wanted)
        return self.memory(size)

    def _grow(self, held: int, wanted: int) -> None:
        os.truncate(self._descriptor, max(wanted, os.fstat(self._descriptor).st_size))
        self.memory(wanted)
        try:
            # One page of each huge one: the kernel makes it whole, also where shmem_enabled says never.
            for offset in range(held // HUGE * HUGE, wanted, HUGE):
                os.posix_fallocate(self._descriptor, offset, 1)
            self._advise(COLLAPSE, 0, wanted)
            # What has no page yet gets one, or there is an error; at the first store it would be SIGBUS.
            os.posix_fallocate(self._descriptor, 0, wanted)
        except OSError:
            self._cut(held)
            raise
        self._advise(POPULATE_WRITE, 0, wanted)

    def end_turn(self, used: int | None) -> None:
        """Give memory back that none of the last turns needed. None: what this one needed is not known here."""
        self._turns.append(self._held() if used is None else used)
        most = max(self._turns)
        if len(self._turns) == TURNS and self._held() > max(HUGE, MUCH * most):
            self._cut(max(HUGE, _rounded(most + most // 4)))

    def _cut(self, keep: int) -> None:
        # A hole, not a shorter file: who still looks there sees zeros, and is not ended by SIGBUS.
        size = os.fstat(self._descriptor).st_size
        self.memory(size)
        self._advise(mmap.MADV_REMOVE, keep, size)


def _assign(target: memoryview, source: memoryview) -> None:
    target[:] = source


class Arena:
    """One process's side. Each process makes its own; only places and tickets travel."""

    def __init__(
        self, directory: str = "/dev/shm", name: str = "arena", in_band: int = SMALL,
        copy: Callable[[memoryview, memoryview], None] = _assign,
    ) -> None:  # fmt: skip
        """directory: for named files, where others cannot open memory without a name (/proc is missing, or not theirs).
        in_band: smaller buffers stay in the pickle. copy: to the first from the second; handoff/copying.py has threads.
        """
        self._directory, self._name, self._in_band, self._copy = directory, name, max(1, in_band), copy
        self._owner, self._lock = os.getpid(), threading.Lock()
        self._slots: dict[Place, _Slot] = {}
        self._free: list[Place] = []
        self._files: list[str] = []

    def reserve(self) -> Place:
        """A place for one payload; of those that are free, the one that was used last. Not in a child by fork."""
        if os.getpid() != self._owner:
            raise RuntimeError("an arena that came by fork reserves nothing: make one in this process")
        with self._lock:
            for place in reversed(self._free):  # what its owner keeps stays as it is
                if not self._slots[place].is_viewed():
                    self._free.remove(place)
                    self._slots[place].used = None
                    return place
            path, descriptor = self._make()
            place = path, os.fstat(descriptor).st_ino
            self._slots[place] = _Slot(descriptor)
            return place

    def _make(self) -> tuple[str, int]:
        """The path and the descriptor of new memory, which goes with its last holder, however that one ends."""
        with suppress(OSError):
            descriptor = os.memfd_create(self._name)
            path = f"/proc/{os.getpid()}/fd/{descriptor}"
            if _is_there((path, os.fstat(descriptor).st_ino)):
                return path, descriptor
            os.close(descriptor)
        # Others cannot get at it. A file has a name, which has to be removed.
        path = f"{self._directory}/{self._name}-{os.getpid()}-{len(self._files)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._files.append(path)
        return path, descriptor

    def _slot(self, place: Place) -> _Slot:
        if place in self._slots:
            return self._slots[place]
        # A map keeps memory whose owner has gone: here is a time to look.
        for gone in [known for known in list(self._slots) if not _is_there(known)]:
            self._slots.pop(gone, None)
        if not _is_there(place):
            raise FileNotFoundError(f"{place[0]} is no arena any more, or none that this process can reach")
        return self._slots.setdefault(place, _Slot(os.open(place[0], os.O_RDWR | os.O_CLOEXEC)))

    def publish(self, payload: Any, place: Place) -> Any:
        """Put the payload into the place. The ticket is small and goes by any channel.

        Raises:
            MemoryError: the place would have to grow by more than can be had.
            FileNotFoundError: the owner of the place has gone.
        """
        outside: list[memoryview] = []

        def inside(buffer: pickle.PickleBuffer) -> bool:
            if (raw := buffer.raw()).nbytes >= self._in_band:
                outside.append(raw)
            return raw.nbytes < self._in_band

        head = pickle.dumps(payload, 5, buffer_callback=inside)
        if len(head) >= SMALL:  # much that has no buffers of its own: Python objects, strided arrays
            outside.append(memoryview(head))
        spans, end = [], 0
        for raw in outside:
            start = -(-end // ALIGN) * ALIGN
            end = start + raw.nbytes
            spans.append((start, end))
        if outside:
            memory = self._slot(place).room(end)
            for (start, stop), raw in zip(spans, outside, strict=True):
                self._copy(memory[start:stop], raw)
        if place in self._slots:
            self._slots[place].used = end
        return (place, spans, head if len(head) < SMALL else None) if outside else head

    @contextmanager
    def attach(self, ticket: Any, access: Literal["read", "private", "shared"] = "read") -> Iterator[Any]:
        """The payload: read-only, private (what is written stays here) or shared (others see it).

        That holds for what lies in the arena; the rest, and smaller buffers than in_band, is a copy in any case.
        """
        if isinstance(ticket, bytes):
            yield pickle.loads(ticket)  # nosec B301: one's own workers have pickled it
            return
        place, spans, head = ticket
        slot = self._slot(place)
        slot.used = end = spans[-1][1]
        memory = slot.memory(end, access == "private")
        if access == "read":
            memory = memory.toreadonly()
        buffers = [memory[start:stop] for start, stop in spans]
        yield pickle.loads(buffers.pop() if head is None else head, buffers=buffers)  # nosec B301: likewise

    def stored(self, place: Place) -> int:
        """Bytes that lie in the place, beside what the ticket carries, as far as the owner knows."""
        return self._slots[place].used or 0

    def release(self, place: Place) -> None:
        """Whoever got its ticket is done with it; also for a place where nothing ever arrived."""
        with self._lock:
            for idle in self._free:
                self._slots[idle].end_turn(0)
            self._slots[place].end_turn(self._slots[place].used)
            self._free.append(place)

    def close(self) -> None:
        """Let go of everything. Objects that are still in use keep their memory for as long as they live."""
        for path in self._files if os.getpid() == self._owner else ():
            Path(path).unlink(missing_ok=True)
        self._slots, self._free, self._files = {}, [], []
