"""The kind `array`: one numpy array of numbers, the payload that every transport can carry."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from handoff.payloads import LOOPED, PayloadError, add_up

FACTS = {
    "about": "one numpy array of numbers",
    "extension": "npy",
    "options": {"dtype": "float64", "content": "random"},
    "allowed": {"dtype": ("float64", "float32", "int64", "int32", "uint8"), "content": ("random", "ones")},
    "needs": ("numpy",),
    "types": ("numpy.ndarray", "numpy.memmap"),
    "memory_copies": 1.2,
}

CHUNK: Final = 2**17
"""Words made at a time: the intermediate bits stay in the cache and take no memory to speak of."""

Array = NDArray[Any]
Seed = int | tuple[int, int]
"""Of a payload, or of a payload and the number of one of its columns."""


def random_words(count: int, seed: Seed) -> NDArray[np.uint64]:
    """`count` random words: the raw stream of PCG64, which numpy promises never to change."""
    words = np.empty(count, np.uint64)
    source = np.random.PCG64(seed)
    for start in range(0, count, CHUNK):
        part = words[start : start + CHUNK]
        part[:] = source.random_raw(len(part))
    return words


def random_numbers(count: int, dtype: str, seed: Seed) -> Array:
    """`count` random numbers: floats uniform in [0, 1), integers over their whole range.

    Made from raw bits by exact steps alone, so that no version of numpy makes other numbers. A float
    gets as many bits as its significand holds: 53 in 64, 24 in 32.
    """
    kind = np.dtype(dtype)
    if kind.kind != "f":
        return random_words(-(-count * kind.itemsize // 8), seed).view(np.uint8)[: count * kind.itemsize].view(kind)
    bits = np.finfo(kind).nmant + 1
    shift, scale = np.uint64(64 - bits), 2.0**-bits
    numbers = np.empty(count, kind)
    source = np.random.PCG64(seed)
    for start in range(0, count, CHUNK):
        part = numbers[start : start + CHUNK]
        part[:] = (source.random_raw(len(part)) >> shift) * scale
    return numbers


def make(size: int, seed: int, dtype: str = "float64", content: str = "random") -> Array:
    """A one-dimensional array of `size` bytes, rounded down to whole items, of at least one item."""
    count = max(1, size // np.dtype(dtype).itemsize)
    return np.ones(count, dtype) if content == "ones" else random_numbers(count, dtype, seed)


def nbytes(payload: Array) -> int:
    """The bytes of its items."""
    return int(payload.nbytes)


def _has_gaps(dtype: np.dtype[Any]) -> bool:
    """Whether there are bytes in an item that are no field's: whatever happens to lie there is no value."""
    if dtype.subdtype:
        return _has_gaps(dtype.base)
    fields = [dtype[name] for name in dtype.names or ()]
    return bool(fields) and (dtype.itemsize != sum(f.itemsize for f in fields) or any(map(_has_gaps, fields)))


def digest(payload: Array) -> str:
    """SHA-256 over shape, dtype and the items in C order; field by field where records have gaps."""
    if _has_gaps(payload.dtype):
        fields = [(name, digest(payload[name])) for name in payload.dtype.names or ()]
        return hashlib.sha256(f"records {payload.shape} {fields}".encode()).hexdigest()
    dtype = payload.dtype.descr if payload.dtype.names else payload.dtype.str
    hashed = hashlib.sha256(f"array {payload.shape} {dtype} ".encode())
    if payload.flags.c_contiguous:
        # As bytes, since the buffer protocol has no dates.
        hashed.update(payload.reshape(-1).view(np.uint8).data)
    else:
        pieces = np.nditer(payload, flags=["external_loop", "buffered", "zerosize_ok"], order="C", buffersize=CHUNK)
        for piece in pieces:
            hashed.update(np.ascontiguousarray(piece).view(np.uint8).data)
    return hashed.hexdigest()


def checksum(payload: Array) -> int:
    """The sum of its 64-bit words, modulo 2**64; what is left at the end counts as one short word.

    Items of eight bytes are summed where they lie, in whatever order. Others are taken in C order,
    and only copied if they do not lie so. Records with gaps are taken field by field.
    """
    if _has_gaps(payload.dtype):
        fields = enumerate(payload.dtype.names or ())
        return sum((2 * place + 1) * checksum(payload[name]) for place, name in fields) % 2**64
    items = np.asarray(payload)
    if items.dtype.itemsize == 8 and items.dtype.names is None:
        return int(items.view(np.uint64).sum())
    return word_sum([np.ascontiguousarray(items).reshape(-1).view(np.uint8)])


def word_sum(pieces: Iterable[NDArray[np.uint8]]) -> int:
    """The sum, modulo 2**64, of the little-endian 64-bit words of all pieces put together.

    It does not depend on where one piece ends and the next begins, and copies none.
    """
    summed = position = 0
    for piece in pieces:
        # The bytes that complete the word which an earlier piece began.
        head = -position % 8
        body = piece[head:]
        whole = len(body) // 8 * 8
        summed += int.from_bytes(piece[:head].tobytes(), "little") << (8 * (position % 8))
        summed += int(body[:whole].view(np.uint64).sum())
        summed += int.from_bytes(body[whole:].tobytes(), "little")
        position += len(piece)
    return summed % 2**64


def total(payload: Array) -> int | float:
    """The sum of its items, added in C order whatever their order in memory; NaN and what is no number are left out."""
    if payload.dtype.names:
        return sum(total(payload[name]) for name in payload.dtype.names)
    if payload.dtype.kind not in "biufc":
        return 0
    items = np.ascontiguousarray(payload)
    found: int | float = items.sum().item()
    return found if found == found else np.nansum(items).item()


def loop(payload: Array) -> int | float:
    """The sum of its first LOOPED items in C order, added up one by one in Python; NaN are left out."""
    fields = len(payload.dtype.names or ())
    if fields:
        return add_up(itertools.chain.from_iterable(payload.flat[: LOOPED // fields].tolist()))
    return add_up(payload.flat[:LOOPED].tolist())


def stamp(payload: Array, number: int) -> bool:
    """Write the number's eight bytes, lowest first, over the first bytes of the array.

    A truth value has room for one bit alone, a strided array for its first item alone.
    """
    if not payload.flags.writeable or not payload.nbytes:
        return False
    first = payload.reshape(-1) if payload.flags.c_contiguous else payload[(slice(0, 1),) * payload.ndim].reshape(-1)
    room = first[:8].view(np.uint8)[:8]
    if payload.dtype.kind == "b":
        room[:] = [number >> position & 1 for position in range(len(room))]
    else:
        room[:] = list((number % 2**64).to_bytes(8, "little")[: len(room)])
    return True


def overwrite(payload: Array, number: int) -> bool:
    """Flip low bits of every number and date, in place; which ones, `number` says. Infinities, NaN and NaT stay."""
    if not payload.flags.writeable:
        return False
    if payload.dtype.names:
        return sum(overwrite(payload[name], number) for name in payload.dtype.names) > 0
    kind, width = payload.dtype.kind, payload.dtype.itemsize
    if kind == "c":
        return overwrite(payload.real, number) and overwrite(payload.imag, number)
    if kind == "b":
        np.logical_not(payload, out=payload)
        return True
    if kind not in "iufMm" or width > 8:
        return False
    plain = np.isfinite(payload) if kind in "fMm" else np.True_
    bits = payload.view(f"{payload.dtype.byteorder}u{width}")
    # A float's low eight bits are all of its significand, so it stays finite.
    np.bitwise_xor(bits, bits.dtype.type(number % 255 + 1), out=bits, where=True if plain.all() else plain)
    return True


def split(payload: Array, parts: int) -> list[Array]:
    """Views of its rows."""
    return np.array_split(payload, parts)


def copy(payload: Array) -> Array:
    """A copy in the same order and with the same gaps, as a plain array even of a mapped one."""
    if payload.flags.forc:
        return np.array(payload, order="K", copy=True)
    low, high = np.lib.array_utils.byte_bounds(payload)
    start = payload.__array_interface__["data"][0] - low
    made: Array = np.ndarray(payload.shape, payload.dtype, np.empty(high - low, np.uint8), start, payload.strides)
    made[...] = payload
    return made


class _Pickler(pickle.Pickler):
    """Pickle marks the buffers of a read-only array as such, and its copy would be read-only, too."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is np.ndarray and not obj.flags.writeable and not obj.dtype.hasobject:
            return obj.copy(order="K").__reduce_ex__(5)
        return NotImplemented


def copied_out_of_band(payload: Any) -> Any:
    """A copy by way of pickle whose buffers lie in numpy's memory: it keeps blocks, offsets and chunks as they are.

    Its arrays may be written into, whatever the payload's.
    """
    buffers: list[pickle.PickleBuffer] = []
    head = io.BytesIO()
    _Pickler(head, 5, buffer_callback=buffers.append).dump(payload)
    copies = [np.frombuffer(buffer.raw(), np.uint8).copy() for buffer in buffers]
    return pickle.loads(head.getbuffer(), buffers=copies)  # nosec B301 # what this function has pickled


def write(payload: Array, path: Path) -> None:
    """Write a .npy file; or, for a path that ends in .json, the recipe of an array of ones."""
    if path.suffix == ".json":
        recipe = {"kind": "array", "size": payload.nbytes, "options": {"dtype": payload.dtype.name, "content": "ones"}}
        path.write_text(json.dumps(recipe) + "\n", encoding="utf-8")
        return
    with path.open("wb") as file:
        np.save(file, payload, allow_pickle=False)


def read(path: Path) -> Array:
    """The array of a .npy file or of a recipe, in private memory with every page touched.

    Raises:
        PayloadError: the file is damaged, or holds Python objects.
    """
    try:
        if path.suffix == ".json":
            recipe = json.loads(path.read_text(encoding="utf-8"))
            return make(recipe["size"], 0, **recipe["options"])
        with path.open("rb") as file:
            # Never mapped: pages of the file would be read inside the first transfer.
            found: Array = np.lib.format.read_array(file, allow_pickle=False)
            return found
    except Exception as error:  # of a damaged header numpy raises what ast, tokenize and its own look-ups do
        raise PayloadError(f"{path}: cannot be read as a numpy array ({error}); was it written completely?") from error


def holds(obj: object) -> bool:
    """Whether it is an array of plain items: numbers, truth values, dates or fixed-width text."""
    return isinstance(obj, np.ndarray) and not obj.dtype.hasobject
