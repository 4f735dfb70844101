"""What else went on on the machine while an invocation ran: noted, never corrected for."""

from __future__ import annotations

import os
import resource
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
    busy_ticks: int | None
    own_cpu_s: float
    """Processor time of this process, of its children that have ended, and of the workflow above it."""
    megahertz: float | None
    steal_ticks: int | None
    cpu_waited_us: int | None
    memory_waited_us: int | None
    throttled: int | None
    overheated: int | None
    swapped: int | None
    major_faults: int | None


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


def _megahertz() -> float | None:
    """The mean clock of the cores just now."""
    found = [float(words[-1]) for words in _words("/proc/cpuinfo") if words[:2] == ["cpu", "MHz"]]
    return sum(found) / len(found) if found else None


def _overheated() -> int | None:
    """Times that cores slowed down because they were too hot (x86)."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    found = [int(words[0][0]) for file in files if (words := _words(str(file)))]
    return sum(found) if found else None


def _own_cpu() -> float:
    used = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used) + _ancestors_cpu()


def _ancestors_cpu() -> float:
    """Processor time of the processes that started this one: Snakemake plans while a job runs, and is no stranger."""
    ticks, pid = 0, os.getppid()
    while pid > 1:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            break
        ticks += int(stat[11]) + int(stat[12])  # its own, not its children's: proc_pid_stat(5), fields 14 and 15
        pid = int(stat[1])
    return ticks / os.sysconf("SC_CLK_TCK")


def now() -> Surroundings:
    """The counters as they stand."""
    processor = next((words for words in _words("/proc/stat") if words[:1] == ["cpu"]), [])
    # user, nice, system, (idle, iowait,) irq, softirq: proc_stat(5). A guest's time is in user already.
    busy = [int(processor[place]) for place in (1, 2, 3, 6, 7)] if len(processor) > 7 else []
    return Surroundings(
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        monotonic_ns=time.perf_counter_ns(),
        load=os.getloadavg()[0],
        busy_ticks=sum(busy) if busy else None,
        own_cpu_s=_own_cpu(),
        megahertz=_megahertz(),
        steal_ticks=int(processor[8]) if len(processor) > 8 else None,
        cpu_waited_us=_waited("cpu"),
        memory_waited_us=_waited("memory"),
        throttled=_throttled(),
        overheated=_overheated(),
        swapped=_counter("/proc/vmstat", "pswpin", "pswpout"),
        major_faults=_counter("/proc/vmstat", "pgmajfault"),
    )


def between(before: Surroundings, after: Surroundings) -> Row:
    """The columns of invocations.csv that say what went on between two moments."""
    seconds = (after.monotonic_ns - before.monotonic_ns) / 1e9

    def difference(old: int | None, new: int | None, unit: float = 1.0) -> float | None:
        return None if old is None or new is None else (new - old) * unit

    def share(old: int | None, new: int | None) -> float | None:
        waited = difference(old, new, 1e-6)
        return None if waited is None else waited / seconds

    def count(name: str) -> int | None:
        found = difference(getattr(before, name), getattr(after, name))
        return None if found is None else int(found)

    tick = 1 / os.sysconf("SC_CLK_TCK")
    busy = difference(before.busy_ticks, after.busy_ticks, tick)
    return {
        "load_before": before.load,
        # Ticks are coarse: a little less than nothing is nothing.
        "others_cpu_s": None if busy is None else max(0.0, busy - (after.own_cpu_s - before.own_cpu_s)),
        "steal_s": difference(before.steal_ticks, after.steal_ticks, tick),
        "cpu_pressure": share(before.cpu_waited_us, after.cpu_waited_us),
        "memory_pressure": share(before.memory_waited_us, after.memory_waited_us),
        "throttled": count("throttled"),
        "overheated": count("overheated"),
        "swapped": count("swapped"),
        "major_faults": count("major_faults"),
        "megahertz_before": before.megahertz,
        "megahertz_after": after.megahertz,
        "started_at": before.at,
        "ended_at": after.at,
        "started_ns": before.monotonic_ns,
        "ended_ns": after.monotonic_ns,
    }
