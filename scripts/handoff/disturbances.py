"""What hurts a measurement: each disturbance with what to do about it, before a run and of its single jobs.

Pure functions of what machine.py has read and of rows of invocations.csv; standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from handoff.records import Row
from handoff.words import number

GIB: Final = 2**30


def _warning(what: str, remedy: str) -> dict[str, str]:
    return {"what": what, "remedy": remedy}


def gib(number: int) -> str:
    """Bytes as '1.5 GiB'."""
    return f"{number / GIB:.1f} GiB"


def lasting(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the machine's own make and settings do to a measurement, each with what to do about it."""
    hardware, kernel, limits, python = (facts[name] for name in ("hardware", "kernel", "limits", "python"))
    found = []
    if (cores := hardware["cores"]) < 4:
        found.append(_warning(
            f"{cores} core{'s' * (cores != 1)} may be used: sender, workers and everything else share "
            f"{'it' if cores == 1 else 'them'}",
            "close other programs; what more workers bring can only be seen on a machine with more cores",
        ))  # fmt: skip
    if (granted := limits["cgroup_cores"]) is not None and granted < cores:
        found.append(_warning(
            f"the cgroup grants the time of {granted:g} cores on {cores}, and stops all workers when it is used up",
            "raise the container's CPU limit (docker run --cpus), or bind it to whole cores (--cpuset-cpus)",
        ))  # fmt: skip
    if limits["memory_available_bytes"] < 2 * GIB:
        found.append(_warning(
            f"{gib(limits['memory_available_bytes'])} of memory is available: scenarios that do not fit are skipped",
            "close other programs, or use smaller payloads",
        ))  # fmt: skip
    if (limit := limits["cgroup_memory_bytes"]) is not None and limit < (hardware["memory_bytes"] or 0):
        found.append(_warning(
            f"the cgroup allows {gib(limit)} of the machine's {gib(hardware['memory_bytes'])} and ends what takes more",
            "raise the container's or job's memory limit (docker run --memory, sbatch --mem)",
        ))  # fmt: skip
    if limits["dev_shm_free_bytes"] < 2 * GIB:
        found.append(_warning(
            f"/dev/shm has {gib(limits['dev_shm_free_bytes'])} free: larger payloads cannot go through shared memory",
            "start the container with --shm-size=4g; elsewhere: sudo mount -o remount,size=4g /dev/shm",
        ))  # fmt: skip
    if limits["file_systems"]["dev_shm"] not in ("tmpfs", ""):
        found.append(_warning(
            f"/dev/shm is {limits['file_systems']['dev_shm']}, not tmpfs: shared memory is no memory here",
            "mount a tmpfs there",
        ))  # fmt: skip
    if limits["file_systems"]["temporary_files"] in ("tmpfs", "ramfs"):
        found.append(_warning(
            "the folder for temporary files lies in memory: it says nothing about a disk",
            "set TMPDIR to a folder on a disk",
        ))  # fmt: skip
    if hardware["governor"] == "powersave":
        found.append(_warning(
            "the processor's governor is powersave: its clock rises late, short transfers look slow",
            "sudo cpupower frequency-set --governor performance",
        ))  # fmt: skip
    if hardware["hypervisor"] != "none seen":
        found.append(_warning(
            "this is a virtual machine: its host may take time away",
            "measure when the host is quiet; invocations.csv has the stolen time as steal_s",
        ))  # fmt: skip
    if kernel["transparent_huge_pages_of_shared_memory"] == "never":
        found.append(_warning(
            "shared memory gets no huge pages: each 4 KiB of a fresh segment costs a page fault",
            "nothing needed: most machines are so. To try: echo advise | sudo tee "
            "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
        ))  # fmt: skip
    if kernel["swap_bytes"] is None:
        found.append(_warning("this system does not say whether it swaps", "mount /proc, and look again"))
    checking = [each for each in python["variables"] if each.startswith(("PYTHONDEVMODE=", "PYTHONMALLOC="))]
    if python["debug_build"] or checking:
        found.append(_warning(
            "this Python runs with debugging checks: everything is slower",
            "use a release build, without PYTHONDEVMODE and PYTHONMALLOC",
        ))  # fmt: skip
    return found


def passing(now: Mapping[str, Any]) -> list[dict[str, str]]:
    """What disturbs a measurement just now, and will not later."""
    found = []
    if now["load"] > 0.5:
        found.append(_warning(f"the load of the last minute is {now['load']:.2f}", "wait until it is near 0"))
    for name, pid, share in now["busy"]:
        found.append(_warning(f"{name} (process {pid}) uses {share:.0%} of a core", "wait for it, or end it"))
    if now["on_battery"]:
        found.append(_warning("this machine runs on its battery, and saves it", "plug it in"))
    if now["swapped_bytes"]:
        found.append(_warning(
            f"{gib(now['swapped_bytes'])} lies in swap: touching it again waits for a disk",
            "close other programs; when memory is free again: sudo swapoff -a && sudo swapon -a",
        ))  # fmt: skip
    return found


@dataclass(frozen=True)
class Disturbance:
    """One way to disturb a measuring job, and how much of it is too much."""

    column: str
    """Of invocations.csv."""
    most: float
    """More than that disturbs."""
    said: str
    """As what comes before 'in 3 of them'."""
    remedy: str
    per_second: bool = False
    """The column is divided by the job's seconds: a share of one core."""
    above_usual: bool = False
    """Counted from the median of the same strategy's jobs, which bring about some of it themselves."""
    rounding: float = 0.0
    """So much in the column says nothing, in its own unit."""

    def amount(self, row: Row) -> float | None:
        """How much of it a job had; None where the table does not say."""
        value = number(row, self.column)
        if value is None or not self.per_second:
            return value
        began, ended = number(row, "started_ns"), number(row, "ended_ns")
        return value / (ended - began) * 1e9 if began is not None and ended is not None and ended > began else None

    def hit(self, row: Row, usual: float) -> bool:
        """Whether it disturbed this job; usual: the median amount of the same strategy's jobs."""
        amount = self.amount(row)
        if amount is None or (number(row, self.column) or 0.0) <= self.rounding:
            return False
        return amount - (usual if self.above_usual else 0.0) > self.most


DISTURBANCES: Final = (
    Disturbance("others_cpu_s", 0.1, "other programs used more than 10 % of a core", "close other programs",
                per_second=True),
    # Stolen time is counted in ticks, mostly of a hundredth of a second. A single one may be rounding.
    Disturbance("steal_s", 0.02, "the hypervisor took more than 2 % of the time",
                "measure when the virtual machine's host is quiet", per_second=True, rounding=0.01),
    Disturbance("throttled", 0, "the CPU quota stopped it", "raise the CPU limit, or bind the job to whole cores"),
    Disturbance("overheated", 0, "a core slowed down from heat", "let the machine cool down before"),
    # A sender and two workers on two cores wait for each other. Only what is more than that comes from outside.
    Disturbance("cpu_pressure", 0.2, "tasks waited for a core far more than usual", "close other programs",
                above_usual=True),
    # Each waits some 0.1 ms for a fast disk: 100 are 10 ms. Swapped pages are the whole machine's, and some machines
    # always swap a little.
    Disturbance("swapped", 100, "far more pages than usual were swapped",
                "close other programs, or use smaller payloads", above_usual=True),
    Disturbance("major_faults", 100, "far more pages than usual came from a disk",
                "free memory, or run make quick before", above_usual=True),
)  # fmt: skip
"""In the order of the report."""
