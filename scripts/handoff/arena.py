"""An arena: shared memory that is handed out once and used again for one payload after another.

Lift this file into your own code: it needs the standard library alone, and copies arrays by numpy where the payload
has brought it. Linux. docs/arena.md explains it and says what it gains.

    arena = Arena()                                  # in each process
    place = arena.reserve()                          # whoever reserves owns the memory
    ticket = arena.publish(payload, place)           # in the owner, or in whoever it sent the place to
    with arena.attach(ticket) as payload: ...        # in whoever the ticket was sent to; done with it at the end
    arena.release(place)                             # in the owner: the next payload may come there

Payloads are pickled with protocol 5. Their large buffers are not part of the pickle: they are copied once, into the
arena, and the receiver's objects use them there. An object that a receiver keeps beyond its `with` shows the next
payload, without any error: copy what you keep. (What the owner keeps stays: its place is not used meanwhile.)
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import mmap
import os
import pickle
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

Place = tuple[str, int]
"""The path by which every process opens a slot's memory, and its inode: a path may come to mean something else."""
Ticket = Any

MEBI: Final = 2**20
ALIGN: Final = 64
"""A cache line, and what Arrow asks for."""
HEAD: Final = 32 * 1024
"""A pickle up to this size travels in the ticket; a larger one is written into the arena."""
TURNS: Final = 16
"""A slot that needed little in each of this many turns gives memory back."""
MUCH: Final = 4
"""How many times more than needed is too much to keep."""
THREADED: Final = 8 * MEBI
"""From here on several threads may copy a buffer sooner than one."""
TRIAL: Final = 64 * MEBI
"""As much is copied to find out how many."""

# Linux's numbers; the module mmap does not have these names. A kernel without them says EINVAL.
_POPULATE_WRITE: Final = 23
_COLLAPSE: Final = 25
_MAP_FIXED: Final = 0x10

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]


def _huge_page() -> int:
    """The size of a huge page; an ordinary one's where there are none, or none that are small enough to waste half."""
    try:
        size = int(Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return mmap.PAGESIZE
    return size if size <= 2 * MEBI else mmap.PAGESIZE


HUGE: Final = _huge_page()


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that can be allocated now: MemAvailable, or what this process's cgroups leave of it.

    Memory without a name has no other brake: whoever takes too much is ended by the kernel, or someone else is.
    """
    found = [sys.maxsize]
    with suppress(OSError, LookupError, ValueError):
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        groups = [line.split(":", 2) for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()]
        for _, controllers, path in groups:
            if controllers not in ("", "memory"):
                continue
            mount = root / "sys/fs/cgroup" / controllers
            limit, used = ("limit_in_bytes", "usage_in_bytes") if controllers else ("max", "current")
            own = Path(path.lstrip("/"))
            for folder in (mount / each for each in (own, *own.parents)):
                with suppress(OSError, ValueError):  # 'max' is no limit; in a container only the root may be there
                    # Pages of files that nobody uses go before anyone is ended.
                    stat = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
                    idle = int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))
                    sizes = [int((folder / f"memory.{name}").read_text("ascii")) for name in (limit, used)]
                    found.append(max(0, sizes[0] - sizes[1] + idle))
    return min(found)


def _rounded(size: int) -> int:
    """Whole pages: huge ones from the first that would be full."""
    page = HUGE if size >= HUGE else mmap.PAGESIZE
    return -(-size // page) * page


def _mapped(descriptor: int, size: int, flags: int) -> tuple[mmap.mmap, int, int]:
    """That many bytes of the file, where they start in the map, and their number.

    A huge page can be mapped as one only where the address is a multiple of its size, which mmap does not promise.
    So a map of nothing is made that is larger by one, and the file put into it; it ends with the last view of it.

    Raises:
        MemoryError: the address space is used up.
    """
    try:
        if size < HUGE:
            return mmap.mmap(descriptor, size, flags), 0, size
        whole = mmap.mmap(-1, size + HUGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        address = ctypes.addressof(ctypes.c_char.from_buffer(whole))
        start = -address % HUGE
        access = mmap.PROT_READ | mmap.PROT_WRITE
        if _LIBC.mmap(address + start, size, access, flags | _MAP_FIXED, descriptor, 0) != address + start:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError(f"the arena cannot map {size:,} bytes: {error.strerror}") from error
        raise
    return whole, start, size


class _Slot:
    """The memory of one place, as this process maps it. Other processes may have made it larger since."""

    def __init__(self, descriptor: int, available: Callable[[], int]) -> None:
        self.used: int | None = None
        """Bytes that this turn needed, as far as this process knows."""
        self.close = weakref.finalize(self, os.close, descriptor)  # the map ends with the last view of it
        self._descriptor = descriptor
        self._available = available
        self._map: tuple[mmap.mmap, int, int] | None = None
        self._unused = 0
        self._turns: deque[int] = deque(maxlen=TURNS)

    def _held(self) -> int:
        """Bytes that the kernel has handed out, from the first one on without a hole."""
        return os.fstat(self._descriptor).st_blocks * 512

    def memory(self, size: int) -> memoryview:
        """At least that many bytes, which are there already."""
        if self._map is None or size > self._map[2]:
            self._map = _mapped(self._descriptor, os.fstat(self._descriptor).st_size, mmap.MAP_SHARED)
            self._unused = self._references()
        whole, start, length = self._map
        return memoryview(whole)[start : start + length]

    def private(self, size: int) -> memoryview:
        """The same, in pages that become this process's own as it writes into them."""
        whole, start, length = _mapped(self._descriptor, _rounded(size), mmap.MAP_PRIVATE)
        return memoryview(whole)[start : start + length]

    def room(self, size: int) -> memoryview:
        """At least that many bytes, handed out now where they are not yet.

        Raises:
            MemoryError: there is not as much.
        """
        if size > self._held():
            self._grow(size)
        return self.memory(size)

    def _grow(self, size: int) -> None:
        held, available = self._held(), self._available()
        # A quarter more, so that a payload that grows slowly does not end here each time.
        wanted = next((w for w in (_rounded(size + size // 4), _rounded(size)) if w - held <= available), 0)
        if not wanted:
            raise MemoryError(
                f"the arena needs {_rounded(size) - held:,} bytes more for a payload of {size:,} bytes, "
                f"and {available:,} can be had"
            )
        if os.fstat(self._descriptor).st_size < wanted:
            os.ftruncate(self._descriptor, wanted)
        try:
            self._hand_out(held, wanted)
        except OSError:
            self._cut(0)
            raise

    def _hand_out(self, held: int, wanted: int) -> None:
        self.memory(wanted)
        assert self._map is not None
        whole, start, _ = self._map
        if wanted >= HUGE > mmap.PAGESIZE:
            # One page of each huge one, and the kernel makes it whole, also where shmem_enabled says never: madvise(2).
            for offset in range(held // HUGE * HUGE, wanted, HUGE):
                os.posix_fallocate(self._descriptor, offset, 1)
            with suppress(OSError):
                whole.madvise(_COLLAPSE, start, wanted)
        # What has no page yet gets one here, or there is an error; at the first store it would be SIGBUS.
        os.posix_fallocate(self._descriptor, 0, wanted)
        with suppress(OSError):
            whole.madvise(_POPULATE_WRITE, start, wanted)

    def end_turn(self, used: int | None) -> None:
        """Give memory back if none of the last turns needed a good part of it. None: it is not known how much."""
        self._turns.append(self._held() if used is None else used)
        most = max(self._turns)
        if len(self._turns) == TURNS and self._held() > max(HUGE, MUCH * most):
            self._cut(max(HUGE, _rounded(most + most // 4)))

    def _cut(self, keep: int) -> None:
        # A hole, not a shorter file: whoever still looks there sees zeros and is not ended by SIGBUS.
        size = os.fstat(self._descriptor).st_size
        self.memory(size)
        assert self._map is not None
        whole, start, length = self._map
        whole.madvise(mmap.MADV_REMOVE, start + keep, length - keep)

    def _references(self) -> int:
        assert self._map is not None
        return sys.getrefcount(self._map[0])

    def is_viewed(self) -> bool:
        """Whether an object in this process still uses the memory."""
        return self._map is not None and self._references() > self._unused


class _Head:
    """The file that a payload is pickled to: a list of pieces while it is small, the slot's memory from then on."""

    def __init__(self, slot: Callable[[], _Slot]) -> None:
        self.length = 0
        self.pieces: list[bytes] | None = []
        self._slot = slot

    def write(self, data: Any) -> None:
        piece = data.raw() if isinstance(data, pickle.PickleBuffer) else memoryview(data)
        end = self.length + piece.nbytes
        if self.pieces is not None and end <= HEAD:
            self.pieces.append(bytes(piece))
        else:
            memory = self._slot().room(end)
            if self.pieces is not None:
                memory[: self.length] = b"".join(self.pieces)
                self.pieces = None
            memory[self.length : end] = piece
        self.length = end


class Arena:
    """One process's side. Every process makes its own; nothing of it travels but places and tickets."""

    def __init__(
        self, directory: str = "/dev/shm", name: str = "arena", in_band: int = 4096, threads: int = 0,
        available: Callable[[], int] = available_memory,
    ) -> None:  # fmt: skip
        """directory: for named files, where memory without a name cannot be opened by others (no /proc, say).
        in_band: buffers of fewer bytes stay in the pickle. threads: that copy; 0: as many as prove fastest.
        """
        self._directory, self._name, self._in_band, self._available = directory, name, in_band, available
        self._threads = threads
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self._owner = os.getpid()
        self._slots: dict[Place, _Slot] = {}
        self._free: list[Place] = []
        self._files: list[str] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def reserve(self) -> Place:
        """A place for one payload; of those that are free, the one that was used last.

        Raises:
            RuntimeError: this arena came here by fork, and its places are the parent's.
        """
        if os.getpid() != self._owner:
            raise RuntimeError("an arena that was inherited by fork reserves nothing: make one in this process")
        with self._lock:
            place = next((p for p in reversed(self._free) if not self._slots[p].is_viewed()), None)
            if place is None:
                return self._make()
            self._free.remove(place)
            self._slots[place].used = None
            return place

    def _make(self) -> Place:
        path, descriptor = self._nameless() or self._named()
        place = path, os.fstat(descriptor).st_ino
        self._slots[place] = _Slot(descriptor, self._available)
        return place

    def _nameless(self) -> tuple[str, int] | None:
        """Memory that goes with its last holder, however that ends; None where it cannot be had, or not be reached."""
        try:
            descriptor = os.memfd_create(self._name)
        except OSError:
            return None
        path = f"/proc/{os.getpid()}/fd/{descriptor}"
        if _is_there((path, os.fstat(descriptor).st_ino)):
            return path, descriptor
        os.close(descriptor)
        return None

    def _named(self) -> tuple[str, int]:
        path = f"{self._directory}/{self._name}-{os.getpid()}-{next(self._numbers)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._files.append(path)
        return path, descriptor

    def _slot(self, place: Place) -> _Slot:
        return self._slots.get(place) or self._open(place)

    def _open(self, place: Place) -> _Slot:
        # Mapped memory stays also when its owner has gone: now is a time to look.
        for other in [known for known in self._slots if not _is_there(known)]:
            self._slots.pop(other).close()
        if not _is_there(place):
            raise FileNotFoundError(
                errno.ENOENT, "there is no such arena here: it is closed, its owner has ended, or it cannot be reached "
                "from this process, which Arena(directory=...) may help", place[0],
            )  # fmt: skip
        slot = _Slot(os.open(place[0], os.O_RDWR | os.O_CLOEXEC), self._available)
        kept = self._slots.setdefault(place, slot)
        if kept is not slot:  # another thread was sooner
            slot.close()
        return kept

    def publish(self, payload: Any, place: Place) -> Ticket:
        """Put the payload into the place; the ticket is small and goes by any channel.

        Raises:
            MemoryError: the place would have to grow by more than can be had; by arithmetic, before anything is taken.
            FileNotFoundError: the owner of the place has gone.
        """
        outside: list[memoryview] = []

        def stays_inside(buffer: pickle.PickleBuffer) -> bool:
            raw = buffer.raw()
            if raw.nbytes >= self._in_band:
                outside.append(raw)
            return raw.nbytes < self._in_band

        head = _Head(lambda: self._slot(place))
        pickle.Pickler(head, 5, buffer_callback=stays_inside).dump(payload)
        end = head.length if head.pieces is None else 0
        spans = []
        for raw in outside:
            start = -(-end // ALIGN) * ALIGN
            end = start + raw.nbytes
            spans.append((start, end))
        if end:
            memory = self._slot(place).room(end)
            for (start, stop), raw in zip(spans, outside, strict=True):
                self._copy(memory[start:stop], raw)
        if place in self._slots:
            self._slots[place].used = end
        pickled = None if head.pieces is None else b"".join(head.pieces)
        return (place, pickled, head.length, spans) if end else pickled

    @contextmanager
    def attach(self, ticket: Ticket, access: Literal["read", "private", "shared"] = "read") -> Iterator[Any]:
        """The payload. It is read-only, or private (what is written stays here), or shared (others see it).

        Only what lies in the arena is: an object without buffers, and a small one, is always this process's own.

        Raises:
            FileNotFoundError: the owner of the place has gone.
        """
        if isinstance(ticket, bytes):
            yield pickle.loads(ticket)  # nosec B301: what one's own workers have pickled
            return
        place, head, length, spans = ticket
        slot = self._slot(place)
        slot.used = end = spans[-1][1] if spans else length
        memory = slot.private(end) if access == "private" else slot.memory(end)
        if access == "read":
            memory = memory.toreadonly()
        buffers = [memory[start:stop] for start, stop in spans]
        yield pickle.loads(memory[:length] if head is None else head, buffers=buffers)  # nosec B301: likewise

    def stored(self, place: Place) -> int:
        """Bytes that lie in the place, beside what the ticket carries; 0 if this process does not know."""
        return self._slots[place].used or 0

    def release(self, place: Place) -> None:
        """Whoever got its ticket is done with it; also for a place where nothing ever arrived."""
        with self._lock:
            for idle in self._free:
                self._slots[idle].end_turn(0)
            self._slots[place].end_turn(self._slots[place].used)
            self._free.append(place)

    def close(self) -> None:
        """Let go of everything. Objects that are still in use keep their memory until they go."""
        if self._pool and self._pool[0] == os.getpid():
            self._pool[1].shutdown()
        for slot in self._slots.values():
            slot.close()
        self._slots.clear()
        self._free.clear()
        if os.getpid() == self._owner:
            for path in self._files:
                Path(path).unlink(missing_ok=True)
            self._files.clear()

    def _copy(self, target: memoryview, source: memoryview) -> None:
        numpy = sys.modules.get("numpy")
        if numpy is None or source.nbytes < THREADED:
            target[:] = source
            return
        # np.copyto lets go of the GIL: pieces are copied at the same time, and other threads run meanwhile.
        to, of = (numpy.frombuffer(memory, numpy.uint8) for memory in (target, source))
        if not self._threads:
            cores = len(os.sched_getaffinity(0))
            counts = [count for count in (1, 2, 4, 8, 16) if count <= cores]
            self._threads = min(counts, key=lambda count: self._trial(to[:TRIAL], of[:TRIAL], count))
        self._copy_by(to, of, self._threads)

    def _trial(self, to: Any, of: Any, threads: int) -> float:
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            self._copy_by(to, of, threads)
            times.append(time.perf_counter() - begun)
        return min(times) * (1.05 if threads > 1 else 1.0)  # cores have other uses

    def _copy_by(self, to: Any, of: Any, threads: int) -> None:
        copyto = sys.modules["numpy"].copyto
        cuts = [len(to) * part // threads for part in range(threads + 1)]
        rest = [self._helpers().submit(copyto, to[a:b], of[a:b]) for a, b in itertools.pairwise(cuts[1:])]
        copyto(to[: cuts[1]], of[: cuts[1]])
        for piece in rest:
            piece.result()

    def _helpers(self) -> ThreadPoolExecutor:
        if self._pool is None or self._pool[0] != os.getpid():  # threads do not survive a fork
            self._pool = os.getpid(), ThreadPoolExecutor(16, "arena")
        return self._pool[1]


def _is_there(place: Place) -> bool:
    """Whether the path still means that slot's memory."""
    try:
        return Path(place[0]).stat().st_ino == place[1]
    except OSError:
        return False
