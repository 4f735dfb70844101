"""Which limit of this machine an error has run into, in words that say what to raise.

The kernel answers with a number that stands for many causes: 'Resource temporarily unavailable' is what a process
hears that may not start another one.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterable
from pathlib import Path


def spoken_bytes(size: float) -> str:
    """'80.0 MB', '1.0 kB', '0 bytes': as precise as whoever reads a reason needs."""
    for least, unit, name in ((1e8, 1e9, "GB"), (1e6, 1e6, "MB"), (1e3, 1e3, "kB")):
        if size >= least:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was refused; a module that cannot be loaded for want of it says so in its own way."""
    words = ("failed to map segment", "cannot allocate memory")
    return isinstance(error, MemoryError) or (isinstance(error, ImportError) and any(w in str(error) for w in words))


def limit_behind(error: BaseException, folders: Iterable[Path]) -> str:
    """What the machine would have to allow for this not to be raised; '' if that is not known.

    `folders` are those whose room may have been too little.
    """
    number = error.errno if isinstance(error, OSError) else None
    if is_out_of_memory(error):
        return _limit("address space of a process", resource.RLIMIT_AS, "ulimit -v", spoken_bytes)
    if number == errno.ENOSPC or "free space" in str(error):  # numpy's words, without the number
        return ", ".join(f"{spoken_bytes(_room(folder))} are free now in {folder}" for folder in folders)
    if number == errno.EMFILE:
        return _limit("open files of a process", resource.RLIMIT_NOFILE, "ulimit -n", str)
    if number == errno.EAGAIN or "start new thread" in str(error):
        found = _limit("processes and threads of this user", resource.RLIMIT_NPROC, "ulimit -u", str)
        return found and f"{found}, in a container by its pids.max, too"
    if number == errno.EFBIG or (isinstance(error, OSError) and number is None):  # numpy's short write has none
        return _limit("the size of a file", resource.RLIMIT_FSIZE, "ulimit -f", spoken_bytes)
    return ""


def _limit(what: str, which: int, command: str, spoken: Callable[[int], str]) -> str:
    limit = resource.getrlimit(which)[0]
    return "" if limit == resource.RLIM_INFINITY else f"here {what} may be {spoken(limit)} at most ({command})"


def _room(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
