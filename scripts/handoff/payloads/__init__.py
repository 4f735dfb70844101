"""Payload kinds: what is handed over. One module a kind; each is loaded when it is first used.

Standard library only. A process that holds a numpy array must not pay for pandas, so what an object
is gets decided by the name of its type, and only then is the kind's module imported.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, cast

from handoff import own_functions, scenarios
from handoff.mistakes import HandoffError
from handoff.payloads.converted import Converted
from handoff.records import BadTable, read_json, write_atomically
from handoff.shapes import shaped

LOOPED: Final = 500_000
"""Numbers that the task `loop` adds up of a large array or frame: a few tens of milliseconds."""


class PayloadError(HandoffError):
    """A payload cannot be had: what is wrong, where, and what would be right."""


class TooLarge(PayloadError, MemoryError):
    """There is a payload, and this process may not have the memory for it."""


class Kind(Protocol):
    """What every module of a payload kind offers. Its literal FACTS are kinds.KindFacts.

    One whose facts say that it is `like` another kind offers make, write, read and holds alone: what else is done with
    its payloads, the other one's module does.
    """

    def make(self, size: int, seed: int, **options: Any) -> Any:
        """A payload of about `size` bytes: random, every page touched, equal for equal arguments everywhere."""

    def nbytes(self, payload: Any) -> int:
        """The bytes that the payload itself takes in memory."""

    def digest(self, payload: Any) -> str:
        """64 hexadecimal digits, equal for payloads that a user would call equal, whatever their layout."""

    def checksum(self, payload: Any) -> int:
        """The work of the task `read`: every byte is read once, and the result depends on no layout."""

    def stamp(self, payload: Any, number: int) -> bool:
        """Write `number` into the payload, in place, so that each transfer differs; False if it cannot be."""

    def total(self, payload: Any) -> int | float:
        """The work of the task `sum`: its numbers added up; the same for every layout."""

    def loop(self, payload: Any) -> int | float:
        """The work of the task `loop`: its first numbers added up one by one; the same for every layout."""

    def copy(self, payload: Any) -> Any:
        """An equal payload that shares no memory with this one."""

    def write(self, payload: Any, path: Path) -> None:
        """Write the file that `read` reads."""

    def read(self, path: Path) -> Any:
        """The payload of that file, in memory of its own. Raises PayloadError if the file is damaged."""

    def holds(self, obj: object) -> bool:
        """Whether the object is of this kind."""

    # A module may have three functions more, which the functions of the same name below look for:
    #   split(payload, parts), unless its facts say that it cannot be split;
    #   overwrite(payload, number), where there is more to write than the stamp;
    #   renewed(payload, number), where nothing can be written: an equal payload with the number in it.


@cache
def load(kind: str) -> Kind:
    """The module of a payload kind, imported now if it was not before."""
    return cast(Kind, importlib.import_module(f"{__name__}.{kind}"))


@cache
def _candidates(module: str, name: str) -> tuple[str, ...]:
    """Kinds that an object of that type may be of, before the one for the rest: objects."""
    type_name = f"{module.partition('.')[0]}.{name}"
    return tuple(kind for kind in scenarios.KINDS if type_name in scenarios.kind_facts(kind).types)


@cache
def _handlers(module: str, name: str) -> tuple[str, ...]:
    """Kinds that handle objects of that type."""
    return tuple(dict.fromkeys(scenarios.kind_facts(kind).like or kind for kind in _candidates(module, name)))


def kind_of(obj: object) -> str:
    """The name of the kind that the object is of; `objects` takes whatever no other kind does.

    It depends on no layout: a strided array is of the kind `array`, a slice of an Arrow table is an `arrow_table`.
    """
    candidates = _candidates(type(obj).__module__, type(obj).__qualname__)
    return next((kind for kind in candidates if load(kind).holds(obj)), "objects")


def _module(payload: Any) -> Kind:
    """The kind's module. All frames are handled in one way, so their columns need not be looked at first."""
    if isinstance(payload, Converted):
        return cast(Kind, payload)
    handlers = _handlers(type(payload).__module__, type(payload).__qualname__)
    return load(handlers[0] if len(handlers) == 1 else kind_of(payload))


def nbytes(payload: Any) -> int:
    """The bytes that the payload takes, by its kind's own way."""
    return _module(payload).nbytes(payload)


def digest(payload: Any) -> str:
    """The payload's digest, by its kind's own way."""
    return _module(payload).digest(payload)


def checksum(payload: Any) -> int:
    """The payload's checksum, by its kind's own way."""
    return _module(payload).checksum(payload)


def total(payload: Any) -> int | float:
    """The sum of the payload's numbers, by its kind's own way."""
    return _module(payload).total(payload)


def loop(payload: Any) -> int | float:
    """The sum of the payload's first numbers, by its kind's own loop in Python."""
    return _module(payload).loop(payload)


def add_up(values: Iterable[Any]) -> int | float:
    """The sum of the integers and floats among the values, in their order; NaN are left out.

    It is a loop in Python: whoever runs it holds the GIL.
    """
    found: int | float = 0
    for value in values:
        kind = type(value)
        if kind is int or (kind is float and value == value):
            found += value
    return found


def stamp(payload: Any, number: int) -> bool:
    """Write the number into the payload, by its kind's own way; False if it has no place for one."""
    return _module(payload).stamp(payload, number)


def stamped(payload: Any, number: int) -> Any:
    """The payload with the number in it: itself, or a new one where it cannot be written into (bytes, Arrow tables)."""
    if stamp(payload, number):
        return payload
    renewed = getattr(_module(payload), "renewed", None)
    return renewed(payload, number) if renewed else payload


def overwrite(payload: Any, number: int) -> bool:
    """Write into every page of the payload's numbers, in place; the work of a task that mutates.

    Equal payloads stay equal if the same number is written into them, and finite numbers stay finite. A payload
    without plain numbers gets a stamp. False if it cannot be written into.
    """
    own = getattr(_module(payload), "overwrite", None)
    return (own is not None and own(payload, number)) or stamp(payload, number)


def split(payload: Any, parts: int) -> list[Any]:
    """That many parts, of nearly equal length and in their order, as people would split it: views where it has views.

    Raises:
        PayloadError: its kind cannot be split.
    """
    own = getattr(_module(payload), "split", None)
    if own is None:
        raise PayloadError(f"a payload of the kind {kind_of(payload)} cannot be split")
    found: list[Any] = own(payload, parts)
    return found


def cuts(length: int, parts: int) -> list[slice]:
    """Where to cut so many items: the first parts get one more where it does not come out even."""
    ends = [length // parts * part + min(part, length % parts) for part in range(parts + 1)]
    return [slice(start, end) for start, end in itertools.pairwise(ends)]


def copy(payload: Any) -> Any:
    """An equal payload in memory of its own, which lies there in the same way."""
    return _module(payload).copy(payload)


def seed_of(run_seed: int, payload_id: str) -> int:
    """The seed of one payload: no two payloads of a run hold the same numbers."""
    return int.from_bytes(hashlib.sha256(f"{run_seed} {payload_id}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Description:
    """What must arrive: payloads/<payload>.digest.json."""

    payload: str
    """The payload's id."""
    kind: str
    """The kind that it really is; a user's file shows it only when it is read."""
    nbytes: int
    digest: str
    checksum: int
    file: str
    """The data file: a name beside this one, or the path of the user's own; or the name of the user's function."""
    file_bytes: int
    file_sha256: str
    seed: int
    """What Handoff made it from; 0 for a user's file."""


def describe(obj: Any, payload: scenarios.Payload, file: Path | None, seed: int = 0) -> Description:
    """The description of a payload whose data file is written; None if a function of the user's returns it."""
    return Description(
        payload=payload.id, kind=kind_of(obj) if payload.own else payload.kind, nbytes=nbytes(obj),
        digest=digest(obj), checksum=checksum(obj),
        file=payload.file or payload.path or payload.maker,
        file_bytes=file.stat().st_size if file else 0, file_sha256=_sha256(file) if file else "", seed=seed,
    )  # fmt: skip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def description_path(payload: scenarios.Payload, directory: Path) -> Path:
    """Where the payload's description lies; `directory` is the run's payloads/."""
    return directory / payload.description


def data_path(payload: scenarios.Payload, directory: Path) -> Path:
    """The data file: the user's own, or the one in the run's payloads/."""
    return directory / payload.file if payload.file else Path(payload.path)


def write_description(path: Path, description: Description) -> None:
    """Write the description at once or not at all."""
    write_atomically(path, json.dumps(asdict(description), indent=1, ensure_ascii=False) + "\n")


def read_description(payload: scenarios.Payload, directory: Path) -> Description:
    """The payload's description.

    Raises:
        PayloadError: it is missing or damaged.
    """
    path = description_path(payload, directory)
    try:
        return read_json(path, _description, _again(path))
    except BadTable as error:
        raise PayloadError(str(error)) from error


def _description(fields: Any) -> Description:
    description = shaped(Description(**fields), Description)
    if description.kind not in scenarios.KINDS or min(description.nbytes, description.file_bytes) < 0:
        raise ValueError(f"there is no payload of the kind {description.kind!r} and that size")
    return description


def _again(path: Path) -> str:
    return f"Delete {path} and run the same command again: it will be made anew."


def again(payload: scenarios.Payload, directory: Path) -> str:
    """How to have a payload of the user's described anew."""
    return _again(description_path(payload, directory))


def read(payload: scenarios.Payload, directory: Path) -> Any:
    """The payload itself, in memory of its own: the user's file, or the one that generate_payload wrote.

    Raises:
        PayloadError: the file is missing, damaged, or no longer the one that was described.
    """
    verify(payload, directory)
    return read_source(source(payload, directory))


def verify(payload: scenarios.Payload, directory: Path) -> None:
    """Prove that the payload's data file is, byte for byte, the one that was described; off every clock.

    It takes as long as reading the file: the readers of damaged files may do anything, and what they give without
    an error would be measured.

    Raises:
        PayloadError: the file is missing, damaged, or no longer the one that was described.
    """
    source(payload, directory)
    if payload.maker:  # whoever has called it compares what it returned
        return
    path = data_path(payload, directory)
    try:
        found = _sha256(path)
    except OSError as error:
        raise PayloadError(f"{path}: the data of payload {payload.id} cannot be read ({error.strerror})") from error
    if found != read_description(payload, directory).file_sha256:
        stale = path if payload.file else description_path(payload, directory)
        raise PayloadError(
            f"{path}: is not what payload {payload.id} was described with (SHA-256), though as long; "
            f"the file was damaged or changed. {_again(stale)}"
        )


def source(payload: scenarios.Payload, directory: Path) -> str:
    """'kind:path' of the payload's data file, or 'kind:call:...' of the user's function that returns it: all that
    read_source needs, in whichever process.

    Raises:
        PayloadError: the file is missing, or no longer the one that was described.
    """
    description = read_description(payload, directory)
    if payload.maker:
        return f"{description.kind}:{_CALL}{json.dumps([payload.maker, payload.home, [v for _, v in payload.options]])}"
    path = data_path(payload, directory)
    try:
        found = path.stat().st_size
    except OSError as error:
        raise PayloadError(
            f"{path}: the data of payload {payload.id} cannot be read ({error.strerror}). "
            + ("Run the same command again: it will be made anew." if payload.file else "Put the file back.")
        ) from error
    if found != description.file_bytes:
        stale = path if payload.file else description_path(payload, directory)
        raise PayloadError(
            f"{path}: has {found} bytes, but payload {payload.id} was described with {description.file_bytes}; "
            f"the file was cut short or changed. {_again(stale)}"
        )
    return f"{description.kind}:{path}"


_CALL: Final = "call:"

_USERS_OWN: Final = (".parquet", ".csv", ".pkl", ".feather")
"""Suffixes that no file of a payload has which Handoff made; a .npz is a sparse matrix if it did."""


def made_by(function: str, home: str, arguments: Iterable[Any]) -> Any:
    """What the user's function returns.

    Raises:
        PayloadError: it raised something.
    """
    try:
        return own_functions.load(function, home)(*arguments)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise PayloadError(f"{function}, which should return the payload, has failed ({said[:500]})") from error


def read_source(source: str) -> Any:
    """The payload of 'kind:path' or 'kind:call:...', in memory of its own.

    Raises:
        TooLarge: this process may not have the memory for it.
        PayloadError: the file is missing or damaged, or the user's function has failed.
    """
    kind, _, name = source.partition(":")
    path = Path(name)
    try:
        if name.startswith(_CALL):
            return made_by(*json.loads(name.removeprefix(_CALL)))
        if path.suffix not in _USERS_OWN and (path.suffix, kind) != (".npz", "objects"):
            return load(kind).read(path)
        # Imported here: whoever reads a payload that Handoff made has no need of it.
        from handoff.payloads import user_files

        return user_files.read(path)
    except PayloadError as error:
        if isinstance(error.__cause__, MemoryError):
            raise TooLarge(str(error)) from error
        raise


def load_needs(source: str) -> None:
    """Import what holding the payload of 'kind:path' takes, so that no transfer pays for it; '' needs nothing."""
    if source:
        load(source.partition(":")[0])
        kind_of(None)  # reads the facts of all kinds
