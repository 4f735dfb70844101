"""A small SLURM on this machine: real daemons, several virtual nodes, all on 127.0.0.1 and below one folder.

No systemd, no cgroups, no database, no root: each node is a slurmd with a port of its own. The nodes' cores are a
fiction of the scheduler's, and memory is booked, not enforced. Nothing outside the folder is read or written.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

PROGRAMS: Final = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct")
PACKAGES: Final = "slurmctld slurmd slurm-client munge"
SYSTEM: Final = "/usr/sbin:/sbin:/usr/bin:/bin"
PATIENCE: Final = 60.0
"""Seconds for one call, or for a state to come about."""

CONFIG: Final = """\
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={base}/run/munge.socket
CredType=cred/munge
StateSaveLocation={base}/state/controller
SlurmdSpoolDir={base}/state/%n
SlurmctldPidFile={base}/run/slurmctld.pid
SlurmdPidFile={base}/run/slurmd.%n.pid
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,sched_min_interval=200000,bf_interval=2,batch_sched_delay=0
KillWait=10
MessageTimeout=30
SlurmctldTimeout=120
SlurmdTimeout=300
InactiveLimit=0
ReturnToService=2
DefMemPerCPU=100
EnforcePartLimits=ALL
MinJobAge=3600
JobRequeue=0
JobCompType=jobcomp/filetxt
JobCompLoc={base}/log/jobs.txt
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=DEFAULT Sockets=1 CoresPerSocket={cores} ThreadsPerCore=1 RealMemory=4000 State=UNKNOWN
{nodes}
PartitionName=main Nodes=ALL Default=YES DefaultTime=10 MaxTime=60 State=UP
"""

WRAPPER: Final = """\
#!/bin/sh
: "${{SLURM_CONF:={conf}}}"; export SLURM_CONF
exec {program} "$@"
"""
"""The plugin drops SLURM_CONF inside a job, and srun would look for /etc/slurm/slurm.conf."""


def obstacle() -> str:
    """Why there can be no SLURM here; '' if there can."""
    if missing := [name for name in PROGRAMS if not shutil.which(name, path=SYSTEM)]:
        return f"{', '.join(missing)} missing: apt install --no-install-recommends {PACKAGES}"
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError as error:
        return f"this host's name does not resolve ({error})"
    if address != "127.0.0.1":  # the daemons listen where the host's name leads
        return f"this host's name leads to {address}; /etc/hosts must say: 127.0.0.1 {socket.gethostname()}"
    return ""


def until(found: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait until it is so; fail if it never is."""
    end = time.monotonic() + patience
    while not found():
        assert time.monotonic() < end, f"waited {patience:.0f} s in vain for {what}"
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Slurm:
    """A running cluster."""

    def __init__(self, base: Path, nodes: int = 2, cores: int | None = None) -> None:
        self.base = base
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.cores = cores or 2 * len(os.sched_getaffinity(0))
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {**os.environ, "PATH": f"{base}/bin:{os.environ['PATH']}:{SYSTEM}",
                            "SLURM_CONF": f"{base}/slurm.conf"}  # fmt: skip
        for name in [name for name in self.environment if name.startswith(("SLURM_", "SBATCH_"))]:
            if name != "SLURM_CONF":
                del self.environment[name]

    def call(self, *command: str) -> str:
        """What a client program says; it must end well."""
        ended = subprocess.run(
            command, env=self.environment, text=True, check=False, capture_output=True, timeout=PATIENCE
        )  # fmt: skip
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def start(self) -> None:
        base = self.base
        for folder in ("run", "log", "bin", "munge", "state/controller", *(f"state/{name}" for name in self.nodes)):
            (base / folder).mkdir(parents=True, mode=0o755)
        ports = _free_ports(1 + len(self.nodes))
        host = socket.gethostname().partition(".")[0]
        lines = [f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
                 for name, port in zip(self.nodes, ports[1:], strict=True)]  # fmt: skip
        user = subprocess.run(["id", "-un"], text=True, check=True, capture_output=True, timeout=10).stdout.strip()
        conf = CONFIG.format(host=host, ports=ports, user=user, base=base, cores=self.cores, nodes="\n".join(lines))
        (base / "slurm.conf").write_text(conf, "utf-8")
        for name in PROGRAMS[3:]:
            wrapper = base / "bin" / name
            wrapper.write_text(WRAPPER.format(conf=base / "slurm.conf", program=shutil.which(name, path=SYSTEM)))
            wrapper.chmod(0o755)
        key = base / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        munge, socket_file = base / "munge", base / "run" / "munge.socket"
        self._daemon(
            "munged", "--foreground", "--force", "--num-threads=2", "--origin=127.0.0.1", f"--key-file={key}",
            f"--socket={socket_file}", f"--pid-file={base}/run/munged.pid", f"--log-file={munge}/log",
            f"--seed-file={munge}/seed",
        )  # fmt: skip
        until(socket_file.exists, "munged")
        self._daemon("slurmctld", "-D")
        until(lambda: "is UP" in self._said("scontrol", "ping"), "slurmctld")
        for name in self.nodes:
            self.start_node(name)
        until(lambda: self.idle() == self.nodes, "the nodes")

    def start_node(self, name: str) -> None:
        self._daemon(f"slurmd {name}", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """Its slurmd and all that runs below it end at once, as in a power cut."""
        daemon = self.daemons.pop(f"slurmd {name}")
        ended = [daemon.pid, *below(daemon.pid)]
        ended += on_node(name)
        for pid in dict.fromkeys(ended):
            _signal(pid, signal.SIGKILL)
        daemon.wait(PATIENCE)

    def mend_node(self, name: str) -> None:
        """A node that was killed, or is to be, is there again."""
        if f"slurmd {name}" not in self.daemons:
            self.start_node(name)
        self._said("scontrol", "update", f"nodename={name}", "state=resume")
        until(lambda: name in self.idle(), f"{name} to come back")

    def idle(self) -> list[str]:
        return sorted(set(self._said("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split()))

    def jobs(self) -> list[dict[str, str]]:
        """SLURM's own record of every job: what `scontrol show job` says."""
        said = self._said("scontrol", "-o", "show", "job")
        return [dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
                for line in said.splitlines() if line.startswith("JobId=")]  # fmt: skip

    def queue(self) -> list[str]:
        """Ids of jobs that wait or run."""
        return self._said("squeue", "-h", "-o", "%A").split()

    def completed(self) -> list[dict[str, str]]:
        """The text file of finished jobs."""
        file = self.base / "log" / "jobs.txt"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [dict(pair.split("=", 1) for pair in line.split() if "=" in pair) for line in lines]

    def stop(self) -> None:
        """Cancel what is left, then end the daemons; no process stays."""
        try:
            if ids := self.queue():
                self._said("scancel", *ids)
                until(lambda: not self.queue(), "the last job")
        finally:
            self._end_daemons()

    def _end_daemons(self) -> None:
        for name in reversed(list(self.daemons)):
            daemon = self.daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait(15)

    def _said(self, *command: str) -> str:
        ended = subprocess.run(
            command, env=self.environment, text=True, check=False, capture_output=True, timeout=PATIENCE
        )  # fmt: skip
        return ended.stdout

    def _daemon(self, name: str, *options: str) -> None:
        program = shutil.which(name.split()[0], path=SYSTEM)
        assert program
        log = (self.base / "log" / f"{name.replace(' ', '.')}.out").open("ab")
        self.daemons[name] = subprocess.Popen(
            [program, *options], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd=self.base,
        )  # fmt: skip
        log.close()


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _stat(pid: str) -> tuple[str, int] | None:
    """Name and parent of a process."""
    try:
        head, _, rest = Path("/proc", pid, "stat").read_text("utf-8", "replace").rpartition(")")
    except OSError:
        return None
    return head.partition("(")[2], int(rest.split()[1])


def _processes() -> Iterator[tuple[int, str, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _stat(entry.name)):
            yield int(entry.name), *found


def below(parent: int) -> list[int]:
    """All processes that a process started, and those that they did."""
    found = [pid for pid, _, of in _processes() if of == parent]
    return found + [each for pid in found for each in below(pid)]


def living(folder: Path) -> list[int]:
    """Processes whose working folder lies in that folder."""
    found = []
    for pid, _, _ in _processes():
        with suppress(OSError):
            if Path("/proc", str(pid), "cwd").readlink().is_relative_to(folder):
                found.append(pid)
    return found


def on_node(node: str) -> list[int]:
    """The processes of the jobs on a node, which carry its name, and the daemons of their steps, their parents."""
    found, daemons = [], {pid for pid, name, _ in _processes() if name.startswith("slurmstepd")}
    for pid, _, parent in _processes():
        with suppress(OSError):
            if f"SLURMD_NODENAME={node}".encode() in Path("/proc", str(pid), "environ").read_bytes().split(b"\0"):
                found += [pid, parent] if parent in daemons else [pid]
    return found


@contextmanager
def running(base: Path, **options: Any) -> Iterator[Slurm]:
    cluster = Slurm(base, **options)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
