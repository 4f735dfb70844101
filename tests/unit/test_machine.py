"""What is said of a machine: read from copies of the kernel's files, and told in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handoff import disturbances, machine, provenance
from handoff.records import SCHEMA_VERSION
from handoff.report import environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux is what is measured")
ROOT = Path(__file__).parents[2]
GIB = 2**30
MEMINFO = f"MemTotal: {16 * 2**20} kB\nMemAvailable: {8 * 2**20} kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n"


def tree(root: Path, **files: str) -> Path:
    """Files of that content below the root."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return root


def limited(tmp_path: Path, own: str, cgroups: dict[str, str]) -> tuple[Path, Path]:
    """/proc and /sys of a process in the cgroup that /proc/self/cgroup gives as `own`."""
    proc = tree(tmp_path / "proc", **{"meminfo": MEMINFO, "self/cgroup": own})
    return proc, tree(tmp_path / "sys", **{f"fs/cgroup/{name}": text for name, text in cgroups.items()})


def version_2(limit: str, used: int, inactive: int = 0) -> dict[str, str]:
    return {"memory.max": limit, "memory.current": str(used), "memory.stat": f"anon 1\ninactive_file {inactive}"}


def below(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in files.items()}


# How much memory there is.


@pytest.mark.parametrize(
    "own, cgroups, available",
    [
        ("0::/", {}, 8 * GIB),
        ("0::/job", below("job", version_2("max", GIB)), 8 * GIB),
        ("0::/job", below("job", version_2(str(4 * GIB), GIB)), 3 * GIB),
        ("0::/job", below("job", version_2(str(4 * GIB), 4 * GIB, inactive=GIB)), GIB),
        ("0::/job", below("job", version_2(str(GIB), 2 * GIB)), 0),
        ("0::/job", below("job", version_2(str(64 * GIB), GIB)), 8 * GIB),
        # A limit above the process's own cgroup holds too.
        ("0::/job/step", below("job/step", version_2("max", 0)) | below("job", version_2(str(2 * GIB), GIB)), GIB),
        # The host's path, of which a container sees the root alone.
        ("0::/../not/here", version_2(str(4 * GIB), GIB), 3 * GIB),
        (
            "4:memory:/job\n0::/",
            below("memory/job", {"memory.limit_in_bytes": str(4 * GIB), "memory.usage_in_bytes": str(3 * GIB),
                                 "memory.stat": f"inactive_file 0\ntotal_inactive_file {GIB}"}),
            2 * GIB,
        ),
        (
            "4:memory:/\n0::/",
            below("memory", {"memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "5"}),
            8 * GIB,
        ),
    ],
    ids=["none", "max", "limit", "page cache", "beyond", "above", "parent", "container", "v1", "v1 none"],
)  # fmt: skip
def test_available_is_the_least_of_the_machine_and_every_cgroup(
    tmp_path: Path, own: str, cgroups: dict[str, str], available: int
) -> None:
    assert machine.available_memory(*limited(tmp_path, own, cgroups)) == available


@pytest.mark.parametrize(
    "own, cgroups, cores",
    [
        ("0::/job", {"job/cpu.max": "150000 100000"}, 1.5),
        ("0::/job", {"job/cpu.max": "max 100000"}, None),
        ("2:cpu,cpuacct:/", {"cpu,cpuacct/cpu.cfs_quota_us": "50000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 0.5),
        ("2:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_cores_that_the_cgroup_grants(tmp_path: Path, own: str, cgroups: dict[str, str], cores: float | None) -> None:
    proc, sysfs = limited(tmp_path, own, cgroups)
    assert machine.describe(proc, sysfs)["limits"]["cgroup_cores"] == cores


def test_this_machine_has_memory_and_room(tmp_path: Path) -> None:
    assert 0 < machine.available_memory() < 2**50
    assert machine.free_room(tmp_path) > 0
    with pytest.raises(FileNotFoundError):
        machine.free_room(tmp_path / "missing")


# What holds a path.


def test_the_file_system_is_that_of_the_longest_mount_and_the_last_one_on_it(tmp_path: Path) -> None:
    mounts = [
        "20 1 254:0 / / rw - ext4 /dev/a rw",
        "21 20 0:5 / /data rw shared:1 - nfs4 server:/data rw",
        "22 21 0:6 / /data rw - xfs /dev/b rw",
        "23 20 0:7 / /with\\040blank rw - tmpfs tmpfs rw",
    ]
    proc = tree(tmp_path, **{"self/mountinfo": "\n".join(mounts)})
    found = [machine.file_system(Path(path), proc) for path in ("/data/x", "/database", "/with blank/x", "/")]
    assert found == ["xfs", "ext4", "tmpfs", "ext4"]


def test_what_the_kernel_does_not_say_is_empty_and_no_error(tmp_path: Path) -> None:
    found = machine.describe(tmp_path / "proc", tmp_path / "sys")
    assert found["hardware"]["memory_bytes"] is None
    assert found["hardware"]["caches"] == []
    assert found["limits"]["memory_available_bytes"] == 0
    assert "this system does not say whether it swaps" in [each["what"] for each in found["warnings"]]


# The description.


def test_hardware_and_kernel_are_read(tmp_path: Path) -> None:
    proc = tree(tmp_path / "proc", meminfo=MEMINFO, cpuinfo=(
        "processor\t: 0\nmodel name\t: Example 9000\nflags\t\t: fpu hypervisor\n\nprocessor\t: 1\nmodel name\t: Other"
    ))  # fmt: skip
    cpu = "devices/system/cpu/cpu0"
    sysfs = tree(tmp_path / "sys", **{
        f"{cpu}/cache/index0/level": "1", f"{cpu}/cache/index0/type": "Data", f"{cpu}/cache/index0/size": "32K",
        f"{cpu}/cache/index0/shared_cpu_list": "0", f"{cpu}/cpufreq/scaling_governor": "powersave",
        f"{cpu}/topology/thread_siblings_list": "0,4", "class/dmi/id/sys_vendor": "Example Cloud",
        "devices/system/node/node0/cpulist": "0-1", "devices/system/node/node1/cpulist": "2-3",
        "kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
        "kernel/mm/transparent_hugepage/shmem_enabled": "always within_size advise [never] deny force",
    })  # fmt: skip
    found = machine.describe(proc, sysfs)
    hardware = found["hardware"]
    assert (hardware["processor"], hardware["hypervisor"]) == ("Example 9000", "Example Cloud")
    assert (hardware["memory_bytes"], hardware["numa_nodes"]) == (16 * GIB, 2)
    assert hardware["caches"] == [{"level": 1, "type": "Data", "size_bytes": 32768, "shared_by_cpus": "0"}]
    assert hardware["cpus_of_first_core"] == "0,4"
    assert found["kernel"]["transparent_huge_pages"] == "madvise"
    assert found["kernel"]["transparent_huge_pages_of_shared_memory"] == "never"
    assert found["kernel"]["swap_bytes"] == 2**21
    said = " ".join(each["what"] for each in found["warnings"])
    assert "governor is powersave" in said
    assert "virtual machine" in said


def test_the_command_writes_what_the_report_reads(tmp_path: Path) -> None:
    out = tmp_path / "machines" / "here.json"
    script = str(ROOT / "scripts" / "describe_machine.py")
    # -S: without site-packages, so with the standard library alone.
    subprocess.run([sys.executable, "-S", script, "--out", str(out)], check=True)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found) == [
        "schema_version", "machine_id", "environment_id", "hardware", "kernel", "limits", "python", "packages",
        "warnings",
    ]  # fmt: skip
    assert (found["schema_version"], found["machine_id"]) == (SCHEMA_VERSION, provenance.machine_id())
    assert found["packages"]["numpy"] == ""
    assert found["hardware"]["cores"] == len(os.sched_getaffinity(0))
    assert {"identity", "hardware", "limits"} <= {facts.heading for facts in environment.facts(found)}
    assert all(each["what"] and each["remedy"] for each in found["warnings"])


def test_the_environment_is_the_one_that_the_rows_name() -> None:
    assert machine.describe()["environment_id"] == provenance.environment_id("")


# Warnings.


def quiet() -> dict[str, Any]:
    """A machine that nothing is wrong with."""
    return {
        "hardware": {"cores": 8, "memory_bytes": 32 * GIB, "governor": "performance", "hypervisor": "none seen"},
        "kernel": {"transparent_huge_pages_of_shared_memory": "advise", "swap_bytes": 0},
        "limits": {
            "memory_available_bytes": 16 * GIB, "cgroup_memory_bytes": None, "cgroup_cores": None,
            "dev_shm_free_bytes": 16 * GIB, "file_systems": {"dev_shm": "tmpfs", "temporary_files": "ext4"},
        },
        "python": {"debug_build": False, "variables": []},
    }  # fmt: skip


def test_a_quiet_machine_has_no_warning() -> None:
    assert disturbances.lasting(quiet()) == []
    assert disturbances.passing({"load": 0.1, "busy": [], "on_battery": False, "swapped_bytes": 0}) == []


@pytest.mark.parametrize(
    "group, key, value, what, remedy",
    [
        ("hardware", "cores", 1, "1 core may be used: sender, workers and everything else share it", "close other"),
        ("hardware", "cores", 2, "2 cores may be used", "more cores"),
        ("hardware", "governor", "powersave", "short transfers look slow", "cpupower"),
        ("hardware", "hypervisor", "KVM", "this is a virtual machine", "steal_s"),
        ("limits", "cgroup_cores", 1.5, "grants the time of 1.5 cores on 8", "--cpus"),
        ("limits", "cgroup_memory_bytes", GIB, "allows 1.0 GiB of the machine's 32.0 GiB", "--memory"),
        ("limits", "memory_available_bytes", GIB, "1.0 GiB of memory is available", "smaller payloads"),
        ("limits", "dev_shm_free_bytes", 2**26, "/dev/shm has 0.1 GiB free", "--shm-size=4g"),
        ("limits", "file_systems", {"dev_shm": "overlay", "temporary_files": "ext4"}, "overlay, not tmpfs", "mount"),
        ("limits", "file_systems", {"dev_shm": "tmpfs", "temporary_files": "tmpfs"}, "nothing about a disk", "TMPDIR"),
        ("kernel", "transparent_huge_pages_of_shared_memory", "never", "no huge pages", "nothing needed"),
        ("kernel", "swap_bytes", None, "does not say whether it swaps", "/proc"),
        ("python", "debug_build", True, "debugging checks", "release build"),
        ("python", "variables", ["PYTHONDEVMODE=1"], "debugging checks", "release build"),
    ],
)
def test_each_disturbance_is_told_with_its_remedy(group: str, key: str, value: Any, what: str, remedy: str) -> None:
    facts = quiet()
    facts[group][key] = value
    (found,) = disturbances.lasting(facts)
    assert what in found["what"]
    assert remedy in found["remedy"]


def test_what_goes_on_just_now(tmp_path: Path) -> None:
    proc = tree(tmp_path / "proc", loadavg="1.53 0.7 0.6 2/300 1234", meminfo=MEMINFO)
    sysfs = tree(tmp_path / "sys", **{"class/power_supply/BAT0/status": "Discharging"})
    found = machine.now(0, proc, sysfs)
    assert found == {"load": 1.53, "busy": [], "on_battery": True, "swapped_bytes": 2**20}
    said = [each["what"] for each in disturbances.passing(found | {"busy": [("python 3", 77, 0.954)]})]
    assert said == [
        "the load of the last minute is 1.53",
        "python 3 (process 77) uses 95% of a core",
        "this machine runs on its battery, and saves it",
        "0.0 GiB lies in swap: touching it again waits for a disk",
    ]


def test_a_busy_process_is_found() -> None:
    spin = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE) as spinner:
        try:
            assert spinner.stdout is not None
            spinner.stdout.readline()
            assert spinner.pid in [pid for _, pid, _ in machine.busy_processes(1.0)]
        finally:
            spinner.kill()


def test_the_doctor_speaks_in_sentences() -> None:
    said = machine.doctor()
    assert "cores usable" in said
    assert "Just now:" in said
    assert "Always here:" in said
    assert said.count("To do:") == said.count("\n- ")
