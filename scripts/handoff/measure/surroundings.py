"""What else went on on the machine while an invocation ran: noted, never corrected for."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from handoff.records import Row


@dataclass(frozen=True)
class Surroundings:
    """Counters of the whole machine at one moment; None where the kernel does not tell."""

    at: str
    monotonic_ns: int
    load: float
    steal_ticks: int | None
    cpu_waited_us: int | None
    memory_waited_us: int | None
    throttled: int | None
    swapped: int | None


def _words(path: str) -> list[list[str]]:
    try:
        return [line.split() for line in Path(path).read_text(encoding="ascii", errors="replace").splitlines()]
    except OSError:
        return []


def _waited(resource: str) -> int | None:
    """Microseconds since boot in which some task waited for the resource (pressure stall information)."""
    for words in _words(f"/proc/pressure/{resource}"):
        if words[:1] == ["some"]:
            return int(words[-1].removeprefix("total="))
    return None


def _counter(path: str, *names: str) -> int | None:
    found = [int(words[1]) for words in _words(path) if len(words) == 2 and words[0] in names]
    return sum(found) if found else None


def _throttled() -> int | None:
    group = next((words[0].split(":", 2)[2] for words in _words("/proc/self/cgroup") if words[0].startswith("0::")), "")
    return _counter(f"/sys/fs/cgroup{group}/cpu.stat", "nr_throttled")


def now() -> Surroundings:
    """The counters as they stand."""
    processor = next((words for words in _words("/proc/stat") if words[:1] == ["cpu"]), [])
    return Surroundings(
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        monotonic_ns=time.perf_counter_ns(),
        load=os.getloadavg()[0],
        steal_ticks=int(processor[8]) if len(processor) > 8 else None,
        cpu_waited_us=_waited("cpu"),
        memory_waited_us=_waited("memory"),
        throttled=_throttled(),
        swapped=_counter("/proc/vmstat", "pswpin", "pswpout"),
    )


def between(before: Surroundings, after: Surroundings) -> Row:
    """The columns of invocations.csv that say what went on between two moments."""
    seconds = (after.monotonic_ns - before.monotonic_ns) / 1e9

    def difference(old: int | None, new: int | None, unit: float = 1.0) -> float | None:
        return None if old is None or new is None else (new - old) * unit

    def share(old: int | None, new: int | None) -> float | None:
        waited = difference(old, new, 1e-6)
        return None if waited is None else waited / seconds

    throttled, swapped = difference(before.throttled, after.throttled), difference(before.swapped, after.swapped)
    return {
        "load_before": before.load,
        "steal_s": difference(before.steal_ticks, after.steal_ticks, 1 / os.sysconf("SC_CLK_TCK")),
        "cpu_pressure": share(before.cpu_waited_us, after.cpu_waited_us),
        "memory_pressure": share(before.memory_waited_us, after.memory_waited_us),
        "throttled": None if throttled is None else int(throttled),
        "swapped": None if swapped is None else int(swapped),
        "started_at": before.at,
        "ended_at": after.at,
        "started_ns": before.monotonic_ns,
        "ended_ns": after.monotonic_ns,
    }
