"""What rows must share to be compared: the machine, the environment, the code, the campaign.

Standard library only, and cheap: the Snakefile and every measuring job ask for it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import socket
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

PACKAGES: Final = ("numpy", "pandas", "pyarrow", "fastparquet")
"""Packages whose version can change any time. Those of the report or of the tests cannot; see also versions."""

CAMPAIGN_VARIABLE: Final = "HANDOFF_CAMPAIGN"
"""Set by whoever starts a workflow inside a campaign of its own (a job of a cluster, say)."""

CORES_VARIABLE: Final = "HANDOFF_NODE_CORES"
"""Set where the nodes of a cluster measure (workflow/cluster.smk): the cores that each of them has."""

BLOCK_VARIABLE: Final = "HANDOFF_BLOCK"
"""Set on such a node for the workflow that measures one block there (nodes.py)."""


def _digest(text: str, length: int = 12) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@cache
def machine_facts() -> tuple[str, ...]:
    """Hardware and kernel as lines of text; equal lines are one machine for all that we measure."""
    wanted = ("model name", "cpu family", "model", "stepping", "cache size")
    processor: dict[str, str] = {}
    cores = 0
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = (part.strip() for part in line.partition(":"))
            cores += key == "processor"
            if key in wanted:
                processor.setdefault(key, value)
        memory = Path("/proc/meminfo").read_text(encoding="utf-8").split("\n", 1)[0]
    except OSError:  # not Linux: the workflow says so before it measures
        memory = ""
    # Kernels report a little less or more memory from boot to boot; a GiB is fine enough.
    gib = round(int("".join(filter(str.isdigit, memory)) or 0) / 2**20)
    return (
        *(f"{key}: {value}" for key, value in sorted(processor.items())),
        f"cores: {cores}",
        f"memory: {gib} GiB",
        f"kernel: {platform.release()}",
        f"arch: {platform.machine()}",
    )


def machine_id() -> str:
    """Hardware, kernel and host in twelve hexadecimal digits."""
    return _digest("\n".join(machine_facts()))


FREE: Final = " without the GIL"


def has_gil() -> bool:
    """Whether only one thread of this process runs Python at a time, now: the next import may change it."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


@cache
def interpreter() -> str:
    """Implementation and version, as 'CPython 3.11.7', and whether it runs without its GIL."""
    return f"{platform.python_implementation()} {platform.python_version()}{'' if has_gil() else FREE}"


def as_measured(about: str, gil: bool) -> str:
    """What `interpreter` said, and whether the GIL was back at the end.

    An extension module that does not say that it can do without switches it on as it is imported, for all threads.
    """
    return f"{about.removesuffix(FREE)} with the GIL that an import brought back" if gil and FREE in about else about


@cache
def package_versions() -> dict[str, str]:
    """Versions of the packages that can change a time; '' for one that is not installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def versions(modules: Iterable[str]) -> dict[str, str]:
    """The version of the package that each of these modules is of; '' for one that is not installed."""
    return {module: _version(module) for module in sorted(set(modules) - sys.stdlib_module_names)}


@cache
def _version(module: str) -> str:
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:  # of another name than its module, or none
        of = importlib.metadata.packages_distributions().get(module.partition(".")[0], ())
        return " ".join(map(importlib.metadata.version, sorted(set(of))))


def environment_facts() -> tuple[str, ...]:
    return (interpreter(), sys.version, *(f"{name} {version}" for name, version in package_versions().items()))


def environment_id(code: str, facts: Iterable[str] | None = None) -> str:
    """Python, packages and Handoff's own code (as its digest) in twelve hexadecimal digits.

    facts are another Python's environment_facts; without them, this one's.
    """
    return _digest("\n".join((*(environment_facts() if facts is None else facts), code)))


def missing(modules: Iterable[str]) -> list[str]:
    """Those of the modules that this Python cannot import; none of them is."""
    return [name for name in dict.fromkeys(modules) if not _is_there(name)]


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it would be in
        return False


def code_digest(files: Iterable[Path]) -> dict[str, str]:
    """Eight hexadecimal digits of the content of each file, by its name inside scripts/."""
    scripts = Path(__file__).resolve().parents[1]
    return {
        path.relative_to(scripts).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        for path in sorted({path.resolve() for path in files})
    }


def boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def on_nodes() -> bool:
    """Whether other machines than this one measure, each block a job of its own."""
    return CORES_VARIABLE in os.environ and BLOCK_VARIABLE not in os.environ


def share(cores: int) -> None:
    """Let every process that this one starts, also on the nodes of a cluster, take part in this campaign.

    cores are those of each node. What is set already came from the process that started the workflow.
    """
    os.environ.setdefault(CORES_VARIABLE, str(cores))
    os.environ.setdefault(CAMPAIGN_VARIABLE, campaign())


def host() -> str:
    """SLURM's name of this node, or the host's."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


@cache
def campaign() -> str:
    """The id of this start of the workflow on this boot of this machine."""
    if given := os.environ.get(CAMPAIGN_VARIABLE):
        return given
    started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{started}-{_digest(f'{boot_id()} {machine_id()} {os.getpid()} {time.monotonic_ns()}', 6)}"
