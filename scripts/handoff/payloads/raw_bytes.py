"""The kind `raw_bytes`: one bytes object, as a file's content or a message from elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from handoff.payloads import LOOPED, PayloadError, array, cuts

FACTS = {
    "about": "one bytes object",
    "extension": "bin",
    "options": {},
    "needs": ("numpy",),
    "types": ("builtins.bytes",),
    "writable": False,
    "why_not": "bytes cannot be written into",
    "hazard": "pickle has no way round its stream for bytes, as it has with protocol 5 for an array of the same bytes",
}

LENGTH_BYTES: Final = 8
"""At the start of a file: how many bytes follow, so that one that was cut short shows."""


def make(size: int, seed: int) -> bytes:
    """`size` random bytes."""
    return array.random_numbers(size, "uint8", seed).tobytes()


def nbytes(payload: bytes) -> int:
    """How many bytes it has."""
    return len(payload)


def digest(payload: bytes) -> str:
    """SHA-256 over the bytes, and that it is bytes."""
    hashed = hashlib.sha256(b"bytes ")
    hashed.update(payload)
    return hashed.hexdigest()


def _numbers(payload: bytes) -> Any:
    return np.frombuffer(payload, np.uint8)


def checksum(payload: bytes) -> int:
    """The sum of its 64-bit words, modulo 2**64, as of an array of the same bytes."""
    return array.checksum(_numbers(payload))


def total(payload: bytes) -> int | float:
    """The sum of its bytes."""
    return array.total(_numbers(payload))


def loop(payload: bytes) -> int:
    """The sum of its first LOOPED bytes, added up one by one in Python."""
    found = 0
    for value in payload[:LOOPED]:
        found += value
    return found


def stamp(payload: bytes, number: int) -> bool:
    """Nothing: bytes cannot be written into."""
    return False


def renewed(payload: bytes, number: int) -> bytes:
    """A copy with the number's eight bytes, lowest first, over its first ones."""
    made = np.frombuffer(payload, np.uint8).copy()
    array.stamp(made, number)
    return made.tobytes()


def split(payload: bytes, parts: int) -> list[bytes]:
    """Slices, which are copies."""
    return [payload[cut] for cut in cuts(len(payload), parts)]


def copy(payload: bytes) -> bytes:
    """A copy: bytes(payload) would be the same object."""
    return memoryview(payload).tobytes()


def write(payload: bytes, path: Path) -> None:
    """Write their number and the bytes."""
    with path.open("wb") as file:
        file.write(len(payload).to_bytes(LENGTH_BYTES, "little"))
        file.write(payload)


def read(path: Path) -> bytes:
    """The bytes of that file.

    Raises:
        PayloadError: the file is damaged.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            found = file.read()
    except (OSError, MemoryError) as error:
        raise PayloadError(f"{path}: cannot be read as bytes ({error})") from error
    if len(found) != length:
        raise PayloadError(f"{path}: cannot be read as bytes (it has {len(found)} where {length} were announced)")
    return found


def holds(obj: object) -> bool:
    """Whether it is bytes."""
    return type(obj) is bytes
