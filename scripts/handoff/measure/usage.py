"""Processor time, page faults and memory of processes, as the kernel counts them in /proc.

Memory that is shared counts once: PSS, never a sum of RSS, and never ru_maxrss, which a child inherits
from its parent over fork and exec.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARK: Final = "HANDOFF_INVOCATION"
"""The environment variable that a measured process and all its descendants carry; its value names the invocation."""


@dataclass(frozen=True)
class Usage:
    """Counters of one or more processes since they started."""

    cpu_ns: int = 0
    minor_faults: int = 0
    major_faults: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_ns + other.cpu_ns, self.minor_faults + other.minor_faults, self.major_faults + other.major_faults
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_ns - other.cpu_ns, self.minor_faults - other.minor_faults, self.major_faults - other.major_faults
        )

    def shared_by(self, transfers: int) -> Usage:
        """One transfer's share of them."""
        return Usage(self.cpu_ns // transfers, self.minor_faults // transfers, self.major_faults // transfers)


def usage_of(pid: int) -> Usage:
    """Counters of one process, all its threads. Zero for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        # schedstat counts nanoseconds; stat counts clock ticks of 10 ms, too coarse for a transfer.
        cpu = sum(
            int(Path(task, "schedstat").read_text(encoding="ascii").split()[0])
            for task in os.scandir(f"/proc/{pid}/task")
        )  # fmt: skip
    except (OSError, IndexError, ValueError):
        return Usage()
    return Usage(cpu, int(fields[7]), int(fields[9]))


def cpu_of_threads(threads: Iterable[int]) -> int:
    """Processor time of threads of this process, in nanoseconds; those that have ended count as 0."""
    total = 0
    for thread in threads:
        try:
            total += int(Path(f"/proc/self/task/{thread}/schedstat").read_text(encoding="ascii").split()[0])
        except (OSError, IndexError, ValueError):
            continue
    return total


def usage_of_all(pids: Iterable[int]) -> Usage:
    return sum((usage_of(pid) for pid in pids), Usage())


def _rollup(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return {}
    return {key: int(value.split()[0]) * 1024 for key, _, value in (line.partition(":") for line in lines)}


def huge_pages(pids: Iterable[int]) -> int:
    """Bytes of anonymous memory that lie in huge pages."""
    return sum(_rollup(pid).get("AnonHugePages", 0) for pid in pids)


def memory_in_use(pids: Iterable[int], folder: Path, prefix: str) -> int:
    """Bytes of memory that these processes hold: private pages, and shared ones once.

    Shared pages are those that someone has mapped, or those that lie in the tmpfs folder or in segments
    of that prefix, whichever is more: a file in tmpfs is memory also while nobody maps it.
    """
    private = shared = 0
    for pid in pids:
        part = _rollup(pid)
        private += part.get("Pss_Anon", 0)
        shared += part.get("Pss_Shmem", 0)
    return private + max(shared, stored(folder, prefix))


def nameless(pids: Iterable[int]) -> int:
    """Bytes of shared memory that lies in no file system (memfd) and that these processes have mapped, once each."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        inside = False
        for line in lines:
            if re.match("[0-9a-f]+-", line):
                inside = " /memfd:" in line
            elif inside and line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def stored(folder: Path, prefix: str) -> int:
    """Bytes in the files of the folder and in the segments of that prefix beside it."""
    total = 0
    for base, wanted in ((folder, ""), (Path("/dev/shm"), prefix)):
        try:
            entries = list(os.scandir(base))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.name.startswith(wanted) and entry.is_file(follow_symlinks=False):
                    total += entry.stat().st_blocks * 512
            except OSError:
                continue  # gone since it was listed
    return total


def resident(pids: Iterable[int]) -> int:
    """Bytes of memory that these processes hold, shared ones counted in each: a cheap look, for a post-mortem alone."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError, ValueError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE")


def session_members(session: int) -> list[int]:
    """Living processes of that session (a supervised invocation is a session of its own)."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = (
                    Path(entry.path, "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                )
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def marked(prefix: str) -> list[int]:
    """Living processes of this user whose mark (see MARK) begins so, in whatever session they are."""
    pids = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
    return [pid for pid in pids if (mark := mark_of(pid)) and mark.startswith(prefix)]


def files_of_orphans() -> Iterator[tuple[int, str]]:
    """Each process of this user whose session has lost its leader, with each file that it has open.

    A process that changes its title, as Ray's do, may write over its mark; its files still tell whose it is. Whoever
    merely looks at such files has a terminal's session, whose leader lives.
    """
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        try:
            leader = os.getsid(pid)
            if leader != pid and not Path(f"/proc/{leader}").exists():
                for descriptor in os.scandir(f"/proc/{pid}/fd"):
                    yield pid, os.readlink(descriptor.path)  # noqa: PTH115 (a Path each takes five times as long)
        except OSError:  # it has ended, or is another user's
            continue


def mark_of(pid: int) -> str:
    """The process's mark (see MARK); '' if it has none, is a zombie or another user's."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    name = f"{MARK}=".encode()
    return next((v.removeprefix(name).decode(errors="replace") for v in variables if v.startswith(name)), "")


def parent_of(pid: int) -> int:
    """The process's parent.

    Raises:
        OSError: there is no such process.
    """
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])


def end_all(pids: Iterable[int]) -> None:
    """Have the kernel end these processes; those that have gone already are none of our business."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
