"""Where one invocation may leave things, and how all of it is found and removed afterwards.

Every name carries the user's id and this invocation's token. Only one invocation measures on a machine at
a time (see machine_lock), so what another one left belongs to a dead owner. Where two runs do not see each
other's lock (containers that share /dev/shm, not /tmp), the owner's hold on its folder says that it lives.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from handoff.measure.usage import end_all, files_of_orphans, mark_of, marked, parent_of

SHARED: Final = Path("/dev/shm")
SEMAPHORE: Final = "sem."
"""What the C library puts before a semaphore's name."""

LOCKED: Final = ".zenoh"
"""How names of segments end that Zenoh chooses, numbers alone. Each is locked by whoever uses it, so that nobody uses
one without a lock. Zenoh removes those when it next starts, also what a process leaves that ended well."""

SWEEP_S: Final = 10.0
"""For the kernel to end what was told to, and for what it had started meanwhile."""

SUPERVISOR: Final = b"measure_strategy.py"
"""What the command of a process says that supervises a measured one."""

LOCK: Final = Path("/tmp/handoff.lock")
"""One a machine, whatever TMPDIR says: two runs must not measure at the same time."""


@contextmanager
def machine_lock(path: Path = LOCK) -> Iterator[None]:
    """Be alone on the machine; says so if another run measures, and waits for it.

    The kernel frees the lock with its holder.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if os.fstat(descriptor).st_uid == os.getuid():
            os.fchmod(descriptor, 0o644)  # whatever the umask: others must be able to open it, to wait for it
    except PermissionError:  # another user's file in a sticky folder may not be created again, only opened
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        said = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    print(
                        "Another run is measuring on this machine; waiting for its measurement to end.", file=sys.stderr
                    )
                    said = True
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


class Places:
    """The folders and segment names of one invocation."""

    def __init__(self, token: str, disk: Path) -> None:
        user = f"handoff-{os.getuid()}-"
        self._user = user
        self._hold: int | None = None
        self.prefix = f"{user}{token}"
        self.shared = SHARED / self.prefix
        self.disk = disk / self.prefix
        self.control = (
            SHARED / f"{self.prefix}-control" if os.access(SHARED, os.W_OK) else disk / f"{self.prefix}-control"
        )

    def storage(self, kind: str) -> Path:
        """The folder of a strategy's storage: memory unless it is the disk's."""
        return self.disk if kind == "disk" else self.shared

    def make(self, kind: str) -> None:
        """Make the folders, for this user alone."""
        for folder in (self.storage(kind), self.control):
            folder.parent.mkdir(exist_ok=True)
            folder.mkdir(mode=0o700)
        # The kernel lets go of it when this process dies, however it does.
        self._hold = os.open(self.control, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._hold, fcntl.LOCK_EX)

    def left(self) -> list[str]:
        """What this invocation left, beside its own empty folders."""
        found = [path for folder in (self.shared, self.disk) if folder.is_dir() for path in folder.iterdir()]
        found += [path for path in self._segments() if path != self.control]
        return sorted(str(path) for path in found)

    def remove(self) -> None:
        """Remove everything of this invocation's."""
        for folder in (self.shared, self.disk, self.control):
            shutil.rmtree(folder, ignore_errors=True)
        for path in (*self._segments(), *abandoned()):
            with suppress(OSError):
                path.unlink()
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None

    def _segments(self) -> list[Path]:
        """Shared-memory segments and semaphores of this invocation."""
        names = (f"{self.prefix}-", f"{SEMAPHORE}{self.prefix}-")
        return [path for path in _entries(SHARED) if path.name.startswith(names)]

    def sweep_dead(self) -> list[str]:
        """End and remove what earlier invocations left whose supervisor was killed; the machine's lock must be held.

        A framework's process may start another one while it is looked for, so it is looked again until there is none.
        """
        swept: list[str] = []
        patience = time.monotonic() + SWEEP_S
        while (found := self._sweep_once()) and time.monotonic() < patience:
            swept += [each for each in found if each not in swept]
            if not any(each.startswith("process ") for each in found):
                break
            time.sleep(0.1)
        return swept

    def _sweep_once(self) -> list[str]:
        swept = []
        left: dict[str, list[Path]] = {}
        for path in (*_entries(SHARED), *_entries(self.disk.parent)):
            if prefix := self._other(path.name.removeprefix(SEMAPHORE)):
                left.setdefault(prefix, []).append(path)
        processes: dict[str, set[int]] = {}
        named = [(pid, mark_of(pid)) for pid in marked(self._user)]
        named += [(pid, part) for pid, name in files_of_orphans() for part in Path(name).parts]
        for pid, name in named:
            if prefix := self._other(name):
                processes.setdefault(prefix, set()).add(pid)
        for prefix in sorted({*left, *processes}):
            if _held(left.get(prefix, [])) or any(map(_is_supervised, processes.get(prefix, ()))):
                continue
            ended = sorted(processes.get(prefix, ()))
            end_all(ended)
            swept += [f"process {pid}" for pid in ended]
            for path in left.get(prefix, []):
                swept.append(str(path))
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    with suppress(OSError):
                        path.unlink()
        for path in abandoned():
            swept.append(str(path))
            with suppress(OSError):
                path.unlink()
        return swept

    def _other(self, name: str) -> str:
        """The prefix that the name begins with, if it is another invocation's of this user."""
        found = re.match(re.escape(self._user) + r"\w+-\w+", name)
        return found[0] if found and found[0] != self.prefix else ""


def _is_supervised(pid: int) -> bool:
    """Whether the process's parent is a living supervisor, whose folder may lie in another container's /dev/shm."""
    try:
        parent = parent_of(pid)
        words = Path(f"/proc/{parent}/cmdline").read_bytes()
    except OSError:
        return False
    return SUPERVISOR in words and not mark_of(parent)


def _held(paths: list[Path]) -> bool:
    """Whether one of these is a folder that a living supervisor holds."""
    return any(_is_locked(path, os.O_DIRECTORY) for path in paths)


def _is_locked(path: Path, flags: int) -> bool:
    """Whether somebody else holds a lock on it; not if it cannot be opened with these flags."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def abandoned() -> list[Path]:
    """Segments of this user with a name that their library chose, and that nobody uses any more."""
    found = []
    for path in _entries(SHARED):
        if path.suffix == LOCKED and path.stem.isdecimal():
            with suppress(FileNotFoundError):
                if path.lstat().st_uid == os.getuid() and not _is_locked(path, os.O_NOFOLLOW):
                    found.append(path)
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
