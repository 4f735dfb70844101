"""What this machine and this environment are, what they allow, and what will hurt a measurement here.

Standard library only. The two places that the kernel describes itself in are parameters, so that a
machine can be told from a copy of them.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import platform
import resource
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypedDict, cast

from handoff import disturbances, provenance
from handoff.disturbances import gib
from handoff.records import SCHEMA_VERSION, read_json
from handoff.shapes import of_shape

PROC: Final = Path("/proc")
SYSFS: Final = Path("/sys")
SHARED: Final = Path("/dev/shm")

_UNLIMITED: Final = 2**60
"""cgroup v1 says 'no limit' with a number near 2**63; no machine has a 2**60th byte."""
_BUSY: Final = 0.2
"""Share of a core from which another process counts as busy."""

Facts = dict[str, Any]


class Cache(TypedDict, total=False):
    """One of a core's caches."""

    level: int | None
    type: str
    size_bytes: int | None


class Hardware(TypedDict, total=False):
    """What is computed with of a machine's hardware."""

    cores: int | None
    memory_bytes: int | None
    caches: list[Cache]


class Disturbing(TypedDict):
    """A warning about a machine."""

    what: str
    remedy: str


class Machine(TypedDict, total=False):
    """What whoever reads a machine's description relies on; older ones may lack a part of it."""

    hardware: Hardware
    kernel: dict[str, Any]
    limits: dict[str, Any]
    python: dict[str, Any]
    packages: dict[str, Any]
    warnings: list[Disturbing]


def read_machine(path: Path) -> Facts:
    """The description that a machines/<machine_id>.json holds.

    Raises:
        BadTable: it is missing or damaged.
    """
    return cast(Facts, read_json(path, of_shape(Machine)))


def cache_sizes(machine: Facts) -> list[int]:
    """Bytes of the caches that hold data, without those of the first level; [] where the kernel did not tell."""
    caches = machine.get("hardware", {}).get("caches", [])
    of_data = (each for each in caches if each.get("type") != "Instruction" and (each.get("level") or 0) > 1)
    return sorted({size for each in of_data if (size := each.get("size_bytes") or 0) > 0})


def _text(path: Path) -> str:
    """A kernel's file without its line end, or '' where this kernel or container does not have it."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.lstrip("-").isdigit() else None


def _meminfo(proc: Path) -> dict[str, int]:
    """/proc/meminfo in bytes."""
    pairs = (line.split() for line in _text(proc / "meminfo").splitlines())
    return {name.rstrip(":"): int(value) * 1024 for name, value, *_ in pairs if value.isdigit()}


def _chosen(text: str) -> str:
    """The word in brackets of a kernel's list of choices: 'always [madvise] never'."""
    return text.partition("[")[2].partition("]")[0]


def _cgroup_folders(proc: Path, sysfs: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """The cgroup's version and folder, for this process's own and each one above it: every limit on the way holds.

    In a container the path may be the host's, of which only the root is mounted here; what is not there is left out.
    """
    root = sysfs / "fs/cgroup"
    for line in _text(proc / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            # A machine of both versions mounts the second one below the first.
            version, mount = 2, root / "unified" if (root / "unified").exists() else root
        elif controller in controllers.split(","):
            version, mount = 1, root / controller if (root / controller).exists() else root / controllers
        else:
            continue
        own = Path(path.lstrip("/"))
        yield from ((version, folder) for each in (own, *own.parents) if (folder := mount / each).is_dir())


def _cgroup_memory(proc: Path, sysfs: Path) -> tuple[int | None, int | None]:
    """The cgroup's memory limit and what it still allows, in bytes; None where nothing limits.

    Inactive pages of files count as free, as Kubernetes counts: the kernel drops them before it ends anyone, and
    a container that has written a file would seem full otherwise.
    """
    limits, left = [], []
    for version, folder in _cgroup_folders(proc, sysfs, "memory"):
        limit_name, used_name, files_name = (
            ("memory.max", "memory.current", "inactive_file")
            if version == 2
            else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        )
        limit, used = _number(folder / limit_name), _number(folder / used_name)
        if limit is None or used is None or limit >= _UNLIMITED:
            continue
        stat = dict(line.split(maxsplit=1) for line in _text(folder / "memory.stat").splitlines())
        limits.append(limit)
        left.append(max(0, limit - used + int(stat.get(files_name, 0))))
    return min(limits, default=None), min(left, default=None)


def _cgroup_cores(proc: Path, sysfs: Path) -> float | None:
    """Cores' worth of time that the cgroup grants; None where nothing limits."""
    found = []
    for version, folder in _cgroup_folders(proc, sysfs, "cpu"):
        quota, period = (
            [*_text(folder / "cpu.max").split(), "", ""][:2]
            if version == 2
            else (_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))
        )
        if quota.isdigit() and period.isdigit() and int(period):
            found.append(int(quota) / int(period))
    return min(found, default=None)


def available_memory(proc: Path = PROC, sysfs: Path = SYSFS) -> int:
    """Bytes that can be allocated now without swapping or being ended: MemAvailable, or what a cgroup leaves of it."""
    available = _meminfo(proc).get("MemAvailable", 0)
    left = _cgroup_memory(proc, sysfs)[1]
    return available if left is None else min(available, left)


def oom_kills(proc: Path = PROC, sysfs: Path = SYSFS) -> tuple[int, int]:
    """Processes that were ended for want of memory since they are counted: in this cgroup, and on the whole machine."""
    files = {1: "memory.oom_control", 2: "memory.events"}
    texts = [_text(folder / files[version]) for version, folder in _cgroup_folders(proc, sysfs, "memory")][:1]
    inside, everywhere = (
        [int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")]
        for text in (*(texts or [""]), _text(proc / "vmstat"))
    )
    return sum(inside), sum(everywhere)


def free_room(path: Path) -> int:
    """Bytes that this user can still write to the file system of that path.

    Raises:
        OSError: the path does not exist.
    """
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def file_system(path: Path, proc: Path = PROC) -> str:
    """The type of the file system that holds the path, as 'ext4'; '' if the kernel does not say."""
    place = path.resolve()
    best, kind = -1, ""
    for line in _text(proc / "self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode("latin-1", "replace").decode("unicode_escape"))
        # Of mounts on the same place, the last one hides those before it.
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def _bytes(text: str) -> int | None:
    """'32768K' as the kernel writes a cache's size."""
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    return int(text[:-1]) * units[text[-1]] if text[:-1].isdigit() and text[-1] in units else None


def _hardware(proc: Path, sysfs: Path) -> Facts:
    lines = [line.partition(":") for line in _text(proc / "cpuinfo").splitlines()]
    cpuinfo = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    cpu = sysfs / "devices/system/cpu/cpu0"
    caches = [
        {"level": _number(each / "level"), "type": _text(each / "type"), "size_bytes": _bytes(_text(each / "size")),
         "shared_by_cpus": _text(each / "shared_cpu_list")}
        for each in sorted(cpu.glob("cache/index*"))
    ]  # fmt: skip
    virtual = "hypervisor" in cpuinfo.get("flags", "").split()
    names = (_text(sysfs / "hypervisor/type"), _text(sysfs / "class/dmi/id/sys_vendor"), "yes, of unknown name")
    return {
        "processor": cpuinfo.get("model name", "") or platform.processor(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "cores_of_the_machine": os.cpu_count(),
        "cpus_of_first_core": _text(cpu / "topology/thread_siblings_list"),
        "memory_bytes": _meminfo(proc).get("MemTotal"),
        "caches": caches,
        "numa_nodes": len(list(sysfs.glob("devices/system/node/node[0-9]*"))) or None,
        "hypervisor": next(filter(None, names)) if virtual else "none seen",
        "governor": _text(cpu / "cpufreq/scaling_governor"),
    }


def _kernel(proc: Path, sysfs: Path) -> Facts:
    pages = sysfs / "kernel/mm/transparent_hugepage"
    return {
        "release": platform.release(),
        "transparent_huge_pages": _chosen(_text(pages / "enabled")),
        "transparent_huge_pages_of_shared_memory": _chosen(_text(pages / "shmem_enabled")),
        "swap_bytes": _meminfo(proc).get("SwapTotal"),
        "swappiness": _number(proc / "sys/vm/swappiness"),
        "overcommit": _number(proc / "sys/vm/overcommit_memory"),
        "boot": provenance.boot_id(),
    }


def _limits(proc: Path, sysfs: Path, results: Path) -> Facts:
    limit, left = _cgroup_memory(proc, sysfs)
    shared = os.statvfs(SHARED) if SHARED.is_dir() else None
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    places = {"results": results, "temporary_files": Path(tempfile.gettempdir()), "dev_shm": SHARED}
    return {
        "memory_available_bytes": available_memory(proc, sysfs),
        "cgroup_memory_bytes": limit,
        "cgroup_memory_left_bytes": left,
        "cgroup_cores": _cgroup_cores(proc, sysfs),
        "dev_shm_bytes": shared.f_blocks * shared.f_frsize if shared else 0,
        "dev_shm_free_bytes": free_room(SHARED) if shared else 0,
        "open_files": "unlimited" if files == resource.RLIM_INFINITY else files,
        "address_space_bytes": None if space == resource.RLIM_INFINITY else space,
        "file_systems": {name: file_system(path, proc) for name, path in places.items()},
    }


def _python() -> Facts:
    built = str(sysconfig.get_config_var("CONFIG_ARGS") or "").replace("'", "").split()
    return {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "compiler": platform.python_compiler(),
        "build_flags": " ".join(flag for flag in built if flag.startswith(("--enable", "--with"))),
        "debug_build": bool(sysconfig.get_config_var("Py_DEBUG")),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        # Its first item is the default; asking for the default itself would settle it for this process.
        "start_method": multiprocessing.get_all_start_methods()[0],
        "pickle_protocol": pickle.DEFAULT_PROTOCOL,
        "variables": [f"{name}={value}" for name, value in sorted(os.environ.items()) if name in _VARIABLES],
    }


_VARIABLES: Final = frozenset({
    "PYTHONUNBUFFERED", "PYTHONMALLOC", "PYTHONDEVMODE", "PYTHON_GIL", "PYTHON_JIT", "MALLOC_ARENA_MAX", "LD_PRELOAD",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
})  # fmt: skip
"""Environment variables that change a time; no other one is recorded."""


def describe(proc: Path = PROC, sysfs: Path = SYSFS, results: Path = Path()) -> Facts:
    """This machine and environment, as machines/<machine_id>.json holds them; bytes where a key ends so.

    None is 'no limit' or 'not known here'. Warnings are those that hold until somebody changes the machine.
    """
    facts: Facts = {
        "schema_version": SCHEMA_VERSION,
        "machine_id": provenance.machine_id(),
        "environment_id": provenance.environment_id(""),
        "hardware": _hardware(proc, sysfs),
        "kernel": _kernel(proc, sysfs),
        "limits": _limits(proc, sysfs, results),
        "python": _python(),
        "packages": provenance.package_versions(),
    }
    return {**facts, "warnings": disturbances.lasting(facts)}


def _ticks(proc: Path) -> dict[int, tuple[str, int]]:
    """Each process's name and used processor time in clock ticks (proc_pid_stat(5), fields 14 and 15)."""
    found = {}
    for path in proc.glob("[0-9]*/stat"):
        # The name is in parentheses and may hold blanks and parentheses itself.
        head, _, rest = _text(path).rpartition(")")
        if fields := rest.split():
            found[int(path.parent.name)] = (head.partition("(")[2], int(fields[11]) + int(fields[12]))
    return found


def busy_processes(seconds: float, proc: Path = PROC) -> list[tuple[str, int, float]]:
    """Name, process id and share of a core of other processes that computed during the next seconds, busiest first."""
    before = _ticks(proc)
    time.sleep(seconds)
    a_core = seconds * os.sysconf("SC_CLK_TCK")
    used = [
        (name, pid, (ticks - before[pid][1]) / a_core)
        for pid, (name, ticks) in _ticks(proc).items()
        if pid in before and pid != os.getpid()
    ]
    return sorted((each for each in used if each[2] >= _BUSY), key=lambda each: -each[2])


def now(seconds: float = 0.5, proc: Path = PROC, sysfs: Path = SYSFS) -> Facts:
    """What goes on on this machine just now, watched for so many seconds."""
    memory = _meminfo(proc)
    return {
        "load": float((_text(proc / "loadavg").split() or ["0"])[0]),
        "busy": busy_processes(seconds, proc),
        "on_battery": any(_text(each) == "Discharging" for each in sysfs.glob("class/power_supply/*/status")),
        "swapped_bytes": memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
    }


def doctor(proc: Path = PROC, sysfs: Path = SYSFS, results: Path = Path()) -> str:
    """What this machine is, what will hurt a measurement on it, and what to do: lines for a terminal."""
    facts = describe(proc, sysfs, results)
    hardware, limits, python = facts["hardware"], facts["limits"], facts["python"]
    lines = [
        f"{hardware['processor'] or 'processor of unknown name'}, {hardware['cores']} of "
        f"{hardware['cores_of_the_machine']} cores usable, {gib(hardware['memory_bytes'] or 0)} of memory "
        f"({gib(limits['memory_available_bytes'])} available), /dev/shm {gib(limits['dev_shm_free_bytes'])} free",
        f"Linux {facts['kernel']['release']}, {python['implementation']} {python['version']}"
        f"{'' if python['gil'] else ' without the GIL'}",
        *(f"{name} {version or 'is not installed'}" for name, version in facts["packages"].items()),
    ]
    current = disturbances.passing(now(proc=proc, sysfs=sysfs))
    for heading, warnings in (("Just now:", current), ("Always here:", facts["warnings"])):
        if warnings:
            lines += ["", heading, *(f"- {each['what']}.\n  To do: {each['remedy']}." for each in warnings)]
        else:
            lines += ["", f"{heading} nothing disturbs."]
    return "\n".join(lines)
