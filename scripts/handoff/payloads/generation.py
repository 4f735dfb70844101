"""Make a payload and the file that holds it, with a look at the machine's room before anything is allocated."""

from __future__ import annotations

import faulthandler
import importlib.util
import os
import re
import resource
import shutil
from pathlib import Path
from typing import Final

from handoff import payloads, scenarios
from handoff.payloads import Description, PayloadError

_GIB: Final = 2**30

LONGEST_CALL_S: Final = 600
"""Of a user's function that returns a payload: it may never end, and nobody else would end it."""


def generate(payload: scenarios.Payload, run_seed: int, data: Path | None, description: Path) -> Description:
    """Write the payload's data file and its description; a user's own file or function is only described.

    What is described is what reading the file gives, so the description holds for whoever reads it.

    Raises:
        PayloadError: no room for it, or the user's file or function gives no payload.
    """
    if payload.maker:
        found = _describe_what_is_returned(payload)
    elif data is None:
        found = _describe_user_file(payload)
    elif payload.path:
        found = _cut_user_file(payload, data)
    else:
        check_memory(payload, payload.size)
        found = _make(payload, run_seed, data)
    payloads.write_description(description, found)
    return found


def _describe_user_file(payload: scenarios.Payload) -> Description:
    from handoff.payloads import user_files

    path = Path(payload.path)
    if path.is_file():
        check_memory(payload, path.stat().st_size)
    return payloads.describe(user_files.read(path), payload, path)


def _describe_what_is_returned(payload: scenarios.Payload) -> Description:
    """Call the user's function twice: whoever needs the payload calls it again, and must get an equal one."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _available() + 8 * _GIB  # address space that is reserved and not used
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    faulthandler.dump_traceback_later(LONGEST_CALL_S, exit=True)
    arguments = [value for _, value in payload.options]
    try:
        found = payloads.describe(payloads.made_by(payload.maker, payload.home, arguments), payload, None)
        again = payloads.digest(payloads.made_by(payload.maker, payload.home, arguments))
    finally:
        faulthandler.cancel_dump_traceback_later()
    if again != found.digest:
        raise PayloadError(
            f"payload {payload.id}: {payload.maker} returns another payload at each call, so that nobody could say "
            "whether it arrived. Give its random numbers a seed, or save one payload and name the file."
        )
    return found


def _cut_user_file(payload: scenarios.Payload, data: Path) -> Description:
    """A payload of about the size that is asked for: the first rows of the user's file, in a file of the same type."""
    from handoff.payloads import user_files

    path = Path(payload.path)
    check_memory(payload, path.stat().st_size)
    data.parent.mkdir(parents=True, exist_ok=True)
    partial = data.with_name(f".{os.getpid()}.{data.name}")
    try:
        user_files.write_shorter(path, payload.size, partial)
        partial.replace(data)
    finally:
        partial.unlink(missing_ok=True)
    return payloads.describe(user_files.read(data), payload, data)


def _make(payload: scenarios.Payload, run_seed: int, data: Path) -> Description:
    facts = scenarios.kind_facts(payload.kind)
    for package in facts.needs:
        if importlib.util.find_spec(package) is None:
            raise PayloadError(
                f"payload {payload.id}: {payload.kind} needs the package {package}, which is not installed. "
                "Install it, or take the payload out of the config."
            )
    kind, seed = payloads.load(payload.kind), payloads.seed_of(run_seed, payload.id)
    data.parent.mkdir(parents=True, exist_ok=True)
    if data.suffix != ".json":
        # Recipes take no room to speak of, and objects are shorter as JSON than in memory.
        check_room(payload.id, round(payload.size * facts.bulk), data.parent)
    # The suffix stays at the end: it says which form to write.
    partial = data.with_name(f".{os.getpid()}.{data.name}")
    try:
        kind.write(kind.make(payload.size, seed, **dict(payload.options)), partial)
        partial.replace(data)
    finally:
        partial.unlink(missing_ok=True)
    return payloads.describe(kind.read(data), payload, data, seed)


def _available(meminfo: Path = Path("/proc/meminfo")) -> int:
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def check_memory(payload: scenarios.Payload, size: int, meminfo: Path = Path("/proc/meminfo")) -> None:
    """Compare the memory that a payload of `size` bytes takes in the making with what is available.

    Raises:
        PayloadError: too little, with the arithmetic.
    """
    available = _available(meminfo)
    # What a user's own file holds shows only when it is read.
    copies = scenarios.kind_facts("frame" if payload.path else payload.kind).memory_copies
    need = copies * size
    if need > available:
        raise PayloadError(
            f"payload {payload.id}: making it takes {need / _GIB:.2f} GiB of memory "
            f"({copies} x {size / _GIB:.2f} GiB), but {available / _GIB:.2f} GiB are available (MemAvailable). "
            "Choose a smaller size, or free memory."
        )


def check_room(payload_id: str, size: int, folder: Path) -> None:
    """Compare the size of a payload's file with the free room of the folder's file system.

    Raises:
        PayloadError: too little, with both.
    """
    free = shutil.disk_usage(folder).free
    if 1.02 * size > free:
        raise PayloadError(
            f"payload {payload_id}: its file takes {1.02 * size / _GIB:.2f} GiB, but {free / _GIB:.2f} GiB are free "
            f"in {folder}. Choose a smaller size, or free room."
        )
