"""The kind `objects`: nested dicts and lists of Python's own values; and whatever a user's .pkl holds.

Nothing here needs a package; arrays and frames inside the objects are left to their own kinds.
"""

from __future__ import annotations

import copyreg
import gc
import hashlib
import itertools
import json
import math
import pickle
import random
import struct
import sys
import types
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from handoff import payloads

FACTS = {
    "about": "nested dicts and lists of Python numbers and short strings",
    "extension": "json",
    "options": {},
    "memory_copies": 2.8,
    "hazard": "each value is pickled and made anew by itself, and processes cannot share them",
}

RECORD_BYTES: Final = 890
"""Memory of one record, on average: a constant, since sys.getsizeof differs between versions of Python."""

STAMP: Final = "_stamp"

_LETTERS: Final = bytes(b"abcdefghijklmnopqrstuvwxyz"[byte % 26] for byte in range(256))
_NAN: Final = struct.pack("<d", float("nan"))


def make(size: int, seed: int) -> dict[str, Any]:
    """A dict with a list of records that take about `size` bytes; at least one record."""
    source = random.Random(seed)
    return {STAMP: 0, "records": [_record(number, source) for number in range(max(1, round(size / RECORD_BYTES)))]}


def _record(number: int, source: random.Random) -> dict[str, Any]:
    # getrandbits, random and randbytes are the raw generator; choices built on it have changed between versions.
    bits = source.getrandbits

    def word() -> str:
        return random_word(source)

    return {
        "id": number,
        "name": f"{word()} {word()}",
        "score": source.random(),
        "active": bool(bits(1)),
        "parent": bits(40) if bits(2) else None,
        "tags": [word() for _ in range(1 + bits(2))],
        "position": {"x": source.random(), "y": source.random()},
    }


def random_word(source: random.Random) -> str:
    """4 to 19 random letters."""
    return source.randbytes(4 + source.getrandbits(4)).translate(_LETTERS).decode()


def _own_kind(obj: object) -> str:
    """The kind of an array, a frame or a table among the objects; '' for anything else."""
    if type(obj).__module__ == "builtins":
        return ""
    kind = payloads.kind_of(obj)
    return "" if kind == "objects" else kind


def nbytes(payload: Any) -> int:
    """sys.getsizeof over every distinct object within. Classes, functions and modules belong to the program."""
    size, seen, waiting = 0, {id(payload)}, [payload]
    while waiting:
        obj = waiting.pop()
        if _own_kind(obj):
            size += payloads.nbytes(obj)
            continue
        size += sys.getsizeof(obj)
        for part in gc.get_referents(obj):
            if id(part) not in seen and not isinstance(part, type | types.FunctionType | types.ModuleType):
                seen.add(id(part))
                waiting.append(part)
    return size


def digest(payload: Any) -> str:
    """SHA-256 over types and values: dicts in their order, sets in none.

    An object of any other class counts as what pickle would take of it.

    Raises:
        PayloadError: an object that contains itself or cannot be pickled.
    """
    hashed = hashlib.sha256()
    try:
        _feed(payload, hashed.update, set())
    except RecursionError as error:
        raise payloads.PayloadError("the objects are nested too deep for Python, and for pickle as well") from error
    return hashed.hexdigest()


def _feed(obj: Any, update: Callable[[bytes], None], above: set[int]) -> None:
    kind = type(obj)
    if kind is str:
        data = obj.encode("utf-8", "surrogatepass")
        update(b"s%d:" % len(data) + data)
    elif kind is int:
        update(b"i%x;" % obj)
    elif kind is float:
        update(b"f" + (struct.pack("<d", obj) if obj == obj else _NAN))
    elif obj is None or kind is bool:
        update(b"%a;" % obj)
    else:
        if id(obj) in above:
            raise payloads.PayloadError(f"a {kind.__qualname__} contains itself; such objects cannot be a payload")
        above.add(id(obj))
        head, parts = _opened(obj)
        update(head)
        for part in parts:
            _feed(part, update, above)
        above.remove(id(obj))


def _opened(obj: Any) -> tuple[bytes, Iterable[Any]]:
    """What marks a value that is no plain atom, and the values inside it."""
    kind = type(obj)
    if kind is dict:
        return b"d%d:" % len(obj), itertools.chain.from_iterable(obj.items())
    if kind is list or kind is tuple:
        return b"%c%d:" % (kind.__name__[0].encode(), len(obj)), obj
    if kind is set or kind is frozenset:
        return f"{kind.__name__}{len(obj)}:".encode(), sorted(digest(part) for part in obj)
    if kind is bytes or kind is bytearray:
        return f"{kind.__name__}{len(obj)}:".encode() + bytes(obj), ()
    if isinstance(obj, type | types.FunctionType | types.BuiltinFunctionType):
        return f"g{obj.__module__}.{obj.__qualname__};".encode(), ()
    if own := _own_kind(obj):
        return f"k{own}{payloads.digest(obj)};".encode(), ()
    if kind.__module__.startswith("numpy.ma") and hasattr(obj, "mask"):
        # Pickle sets a fill value where there was none.
        return f"m{obj.dtype}{obj.shape}:".encode(), obj.tolist()
    if kind.__module__.partition(".")[0] == "pandas" and hasattr(obj, "to_frame"):
        # A Series or an Index; how its blocks lie is no part of its value.
        frame = obj.to_frame(0) if hasattr(obj, "index") else obj.to_frame(index=False, name=list(range(obj.nlevels)))
        return f"p{kind.__qualname__}:".encode(), (list(getattr(obj, "names", (obj.name,))), frame)
    return _pickled(obj)


def _pickled(obj: Any) -> tuple[bytes, Iterable[Any]]:
    """The object as pickle takes it apart: what makes it, from which arguments, and its state."""
    kind = type(obj)
    try:
        reducer = copyreg.dispatch_table.get(kind)
        taken = reducer(obj) if reducer else obj.__reduce_ex__(4)
    except Exception as error:  # the class's own code, which may raise anything
        raise payloads.PayloadError(
            f"an object of class {kind.__module__}.{kind.__qualname__} cannot be pickled ({error}), "
            "so no other process can get it"
        ) from error
    if isinstance(taken, str):
        return f"g{kind.__module__}.{taken};".encode(), ()
    maker, arguments, state, items, pairs = (*taken, None, None, None)[:5]
    return b"r:", (maker, arguments, state, list(items or ()), list(pairs or ()))


def checksum(payload: Any) -> int:
    """A sum over every value within, modulo 2**64: integers as they are, floats by their hash, text by its CRC.

    Nothing in it differs between processes, as the hash of a str would.
    """
    summed = 0
    waiting = [payload]
    while waiting:
        obj = waiting.pop()
        kind = type(obj)
        if kind is str:
            summed += zlib.crc32(obj.encode("utf-8", "surrogatepass"))
        elif kind is int or kind is bool:
            summed += obj
        elif kind is float:
            summed += hash(obj) if obj == obj else 1
        elif kind is dict:
            waiting += obj
            waiting += obj.values()
        elif kind is list or kind is tuple:
            waiting += obj
        elif obj is not None:
            summed += payloads.checksum(obj) if _own_kind(obj) else int(digest(obj)[:16], 16)
    return summed % 2**64


def total(payload: Any) -> int | float:
    """The sum of the integers and floats within, in their order; NaN and truth values are left out."""
    found: int | float = 0
    waiting = [payload]
    while waiting:
        obj = waiting.pop()
        kind = type(obj)
        if kind is int or (kind is float and obj == obj):
            found += obj
        elif kind is dict:
            waiting += reversed(obj.values())
        elif kind is list or kind is tuple:
            waiting += reversed(obj)
        elif _own_kind(obj):
            found += payloads.total(obj)
    return found


def loop(payload: Any) -> int | float:
    """Its sum: adding that up is a loop in Python already."""
    return total(payload)


def stamp(payload: Any, number: int) -> bool:
    """Write the number over the value of the key `_stamp`, else over the first number or array within."""
    if type(payload) is dict and STAMP in payload:
        payload[STAMP] = number
        return True
    for place, part in _places(payload):
        if type(part) in (int, float) and type(payload) is not tuple:
            payload[place] = type(part)(number)
            return True
        if payloads.stamp(part, number) if _own_kind(part) else stamp(part, number):
            return True
    return False


def _places(payload: Any) -> Iterable[tuple[Any, Any]]:
    """Keys and values of a dict, positions and items of a list or tuple; nothing of anything else."""
    if type(payload) is dict:
        return payload.items()
    return enumerate(payload) if type(payload) in (list, tuple) else ()


def renewed(payload: Any, number: int) -> Any:
    """A tuple with the number in the place of its first integer; anything else as it is."""
    if type(payload) is tuple:
        for place, part in enumerate(payload):
            if type(part) is int:
                return (*payload[:place], number, *payload[place + 1 :])
    return payload


def overwrite(payload: Any, number: int) -> bool:
    """Put other numbers in the place of each integer and finite float in its lists and dicts; arrays within, too."""
    written, seen, waiting = False, {id(payload)}, [payload]
    while waiting:
        holder = waiting.pop()
        for place, part in _places(holder):
            if type(part) in (int, float):
                if type(holder) is not tuple:
                    # No key and no position is new, so what is looped over stays as long as it is.
                    holder[place] = _other(part, number)
                    written = True
            elif _own_kind(part):
                written |= payloads.overwrite(part, number)
            elif id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)
    return written


def _other(value: Any, number: int) -> Any:
    """The value with low bits flipped, as array.overwrite flips them."""
    flipped = number % 255 + 1
    if type(value) is int:
        return value ^ flipped
    if not math.isfinite(value):
        return value
    return struct.unpack("<d", (struct.unpack("<Q", struct.pack("<d", value))[0] ^ flipped).to_bytes(8, "little"))[0]


def split(payload: Any, parts: int) -> list[Any]:
    """Slices of a list, or of the list that stands as "records" in a dict, each in a dict like it.

    Raises:
        PayloadError: it is neither.
    """
    if type(payload) is list:
        return [payload[cut] for cut in payloads.cuts(len(payload), parts)]
    if type(payload) is dict and type(payload.get("records")) is list:
        return [{**payload, "records": part} for part in split(payload["records"], parts)]
    raise payloads.PayloadError(
        f"a {type(payload).__qualname__} cannot be split; a list can, and a dict with a list as 'records'"
    )


def copy(payload: Any) -> Any:
    """A copy by way of pickle: even numbers and strings are new, which copy.deepcopy would share."""
    return pickle.loads(pickle.dumps(payload, protocol=5))  # nosec B301 # what this line has pickled


def write(payload: Any, path: Path) -> None:
    """Write JSON."""
    path.write_text(json.dumps(payload, separators=(",", ":")), encoding="utf-8")


def read_list(path: Path) -> list[Any]:
    """The list of a JSON file.

    Raises:
        PayloadError: the file is damaged, or holds no list.
    """
    found = read(path)
    if type(found) is not list:
        raise payloads.PayloadError(f"{path}: cannot be read as a list in JSON (it holds a {type(found).__name__})")
    return found


def read(path: Path) -> Any:
    """The objects of a JSON file.

    Raises:
        PayloadError: the file is damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        raise payloads.PayloadError(f"{path}: cannot be read as JSON ({error})") from error


def holds(obj: object) -> bool:
    """Whether no other kind takes the object."""
    return payloads.kind_of(obj) == "objects"
