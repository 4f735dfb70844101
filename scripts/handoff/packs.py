"""Packs: what the jobs of a block wrote, and their logs, as one file, for file systems that count files.

A pack is a zip archive whose members have the files' own paths inside results/<run>/, so that unzipping it there brings
them back. A job's own file beside its pack is newer and counts.

Standard library only: the Snakefile reads results at every start.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from handoff.records import BadTable, InvocationFile, parse_invocation, read_invocation, write_bytes_atomically

_DAMAGE = (
    OSError, EOFError, ValueError, LookupError, NotImplementedError, RuntimeError,
    struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""What the library raises for a damaged archive."""


def pack_of(file: str) -> str:
    """The pack of a job's timings/<kind>/<strategy>/block~<b>.csv, inside results/<run>/ like that one."""
    path = PurePosixPath(file)
    return str(path.parent.parent / f"{path.stem}.zip")


def log_of(file: str) -> str:
    """What the job of that file said."""
    return str(PurePosixPath("logs", "measure_strategy", *PurePosixPath(file).with_suffix(".log").parts[1:]))


def has_result(folder: Path, file: str) -> bool:
    """Whether there is a result of that job, by itself or packed, be it damaged."""
    if (folder / file).is_file():
        return True
    pack = folder / pack_of(file)
    try:
        return pack.is_file() and file in members(pack)
    except BadTable:
        return True


def read_result(folder: Path, file: str) -> InvocationFile:
    """What a job wrote, from its own file or from its block's pack.

    Raises:
        BadTable: missing or damaged.
    """
    pack = folder / pack_of(file)
    if (folder / file).is_file() or not pack.is_file():
        return read_invocation(folder / file)
    where = f"{pack}, {file}"
    try:
        return parse_invocation(members(pack)[file].decode(), where)
    except (KeyError, UnicodeDecodeError) as error:
        raise BadTable(f"{where}: is missing or damaged ({error!r})") from error


def members(pack: Path) -> dict[str, bytes]:
    """What a pack holds, by the files' places in results/<run>/.

    Raises:
        BadTable: it is damaged.
    """
    try:
        state = pack.stat()
    except OSError as error:
        raise BadTable(f"{pack}: cannot be read ({error})") from error
    return _read(pack, state.st_mtime_ns, state.st_size)


# The jobs of a block are asked for one after another.
@lru_cache(maxsize=2)
def _read(pack: Path, _mtime_ns: int, _size: int) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(pack) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except _DAMAGE as error:
        raise BadTable(f"{pack}: cannot be read ({error})") from error


def results(folder: Path) -> list[str]:
    """The files of all jobs, by themselves or packed, inside results/<run>/ (folder); none of damaged packs."""
    found = {file.relative_to(folder).as_posix() for file in folder.glob("timings/*/*/block~*.csv")}
    for pack in folder.glob("timings/*/block~*.zip"):
        with suppress(BadTable):
            found.update(name for name in members(pack) if name.startswith("timings/"))
    return sorted(found)


@dataclass(frozen=True)
class Packed:
    """What packing a run came to."""

    packs: int
    files: int
    """Files that are gone: results and logs."""
    damaged: tuple[str, ...]
    """Why a block was left as it is."""


def pack_run(folder: Path) -> Packed:
    """Put the results and logs of each block of a run into a pack, and delete them once it is written."""
    blocks: dict[str, list[str]] = {}
    for path in sorted(folder.glob("timings/*/*/block~*.csv")):
        name = path.relative_to(folder).as_posix()
        blocks.setdefault(pack_of(name), []).append(name)
    gone, damaged = 0, []
    for pack, files in blocks.items():
        try:
            for file in files:
                read_invocation(folder / file)
        except BadTable as error:
            damaged.append(str(error))
            continue
        earlier: dict[str, bytes] = {}
        with suppress(BadTable):  # there is none, or it is damaged: its block is measured again, and these are of that
            earlier = members(folder / pack)
        added = [*files, *(log for log in map(log_of, files) if (folder / log).is_file())]
        content = earlier | {name: (folder / name).read_bytes() for name in added}
        _write(folder / pack, content)
        for name in added:
            (folder / name).unlink()
            with suppress(OSError):  # another block has files in it
                (folder / name).parent.rmdir()
        gone += len(added)
    return Packed(len(blocks) - len(damaged), gone, tuple(damaged))


def _write(pack: Path, content: dict[str, bytes]) -> None:
    """Write it whole; what it holds is deleted afterwards, so it is read back first."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(content.items()):
            # Of one date for all, so that the same results make the same pack.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    write_bytes_atomically(pack, buffer.getvalue())
    if members(pack) != content:
        raise BadTable(f"{pack}: does not hold what was written into it; the files that it is of are still there")


def unpack_run(folder: Path) -> int:
    """Bring back the files of all packs, delete those, and say how many they were. A job's own file stays as it is.

    Raises:
        BadTable: a pack is damaged, or names a file that would lie elsewhere; it is left as it is.
    """
    packs = sorted(folder.glob("timings/*/block~*.zip"))
    for each in packs:
        held = members(each)
        for name in held:
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts or place.parts[:1] not in (("timings",), ("logs",)):
                raise BadTable(f"{each}: holds {name!r}, which is no result's place")
        for name, data in held.items():
            if not (folder / name).exists():
                write_bytes_atomically(folder / name, data)
        each.unlink()
    return len(packs)
