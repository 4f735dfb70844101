"""LMDB: a key-value store in one file in memory, whose values the receiver reads where they lie.

The payload is pickled with protocol 5; the pickle and each of its buffers are a value of their own. A reader's
transaction keeps the pages that it sees from being used again, so the payload is valid as long as it is open.

Without `writemap` LMDB writes its pages by pwrite: a full file system is an error and no SIGBUS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import lmdb

from handoff import outofband
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "the payload is put into an LMDB store in memory and the receiver reads its buffers where they lie there",
    "simplicity": 7,
    "kinds": ("any",),
    "needs": ("lmdb",),
    "zero_copy": True,
    "writable": "private copy",
    "copies": 4.0,
    "storage_copies": 3.0,
    "hazard": "a payload kept after its transaction reads pages that hold something else by then: copy what you keep",
}

_ROOM: Final = 1 << 24
"""Bytes of address space that a store begins with, and that are left free in it when it grows."""

_SMALL: Final = 4096
"""Bytes below which a value lies anywhere in a page; a larger one begins at a multiple of 16 (MDB_page's header)."""


class _Store:
    """The one environment of a file that a process may have (LMDB's locks are the process's)."""

    def __init__(self, path: str, readers: int) -> None:
        self.users = 0
        self.path = path
        self._environment = lmdb.open(
            path, map_size=_ROOM, subdir=False, mode=0o600, sync=False, metasync=False, readahead=False, meminit=False,
            max_readers=readers, max_spare_txns=readers,
        )  # fmt: skip

    def put(self, values: dict[bytes, Any]) -> None:
        def put_all(transaction: lmdb.Transaction) -> None:
            for key, value in values.items():
                transaction.put(key, value)

        self._write(put_all, sum(len(value) for value in values.values()))

    def remove(self, keys: list[bytes]) -> None:
        def delete_all(transaction: lmdb.Transaction) -> None:
            for key in keys:
                transaction.delete(key)

        self._write(delete_all, 0)

    def _write(self, change: Callable[[lmdb.Transaction], None], size: int) -> None:
        """Make the change in one transaction, with more address space where it takes more: also a deletion does."""
        while True:
            try:
                with self._begin(write=True) as transaction:
                    change(transaction)
                return
            except lmdb.MapFullError:
                self._environment.set_mapsize(self._environment.info()["map_size"] + 2 * size + _ROOM)

    def read(self) -> lmdb.Transaction:
        return self._begin(write=False)

    def _begin(self, write: bool) -> lmdb.Transaction:
        try:
            return self._environment.begin(write=write, buffers=True)
        except lmdb.MapResizedError:  # another process has let the store grow
            self._environment.set_mapsize(0)
            return self._environment.begin(write=write, buffers=True)

    def close(self) -> None:
        self._environment.close()


_stores: dict[str, _Store] = {}


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._path = f"{spec.directory}/{spec.prefix}.lmdb"
        self._opened: _Store | None = None
        self._owner = False
        self._lengths: dict[str, int] = {}

    @property
    def _store(self) -> _Store:
        if self._opened is None:
            if self._path not in _stores:
                _stores[self._path] = _Store(self._path, readers=self.spec.receivers + 8)
            self._opened = _stores[self._path]
            self._opened.users += 1
        return self._opened

    def reserve(self) -> Place:
        self._owner = True
        return str(next(self._numbers))

    def publish(self, payload: Any, place: Place) -> Ticket:
        head, buffers = outofband.take_apart(payload)
        # An empty value reads as one, so an empty buffer needs no care.
        self._store.put({_key(place, number): part for number, part in enumerate((head, *buffers))})
        return place, 1 + len(buffers)

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        place, count = ticket
        with self._store.read() as transaction:
            head, *buffers = (transaction.get(_key(place, number)) for number in range(count))
            if access == "private":
                buffers = [bytearray(buffer) for buffer in buffers]
            else:
                # Numbers that lie anywhere would be read more slowly, and by some code wrongly.
                buffers = [bytes(buffer) if len(buffer) < _SMALL else buffer for buffer in buffers]
            yield outofband.put_together(head, buffers)

    def _keys(self, place: Place) -> list[tuple[bytes, int]]:
        """Keys and lengths of what lies in the place."""
        with self._store.read() as transaction, transaction.cursor() as cursor:
            found = []
            inside = cursor.set_range(_key(place, 0))
            while inside and bytes(cursor.key()).startswith(_key(place, None)):
                found.append((bytes(cursor.key()), len(cursor.value())))
                inside = cursor.next()
            return found

    def stored(self, place: Place) -> int:
        return sum(length for _, length in self._keys(place))

    def release(self, place: Place) -> None:
        if keys := [key for key, _ in self._keys(place)]:
            self._store.remove(keys)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.users -= 1
            if not self._opened.users:
                self._opened.close()
                del _stores[self._path]
            self._opened = None
        if self._owner:  # whoever reserves is who removes
            for path in (self._path, f"{self._path}-lock"):
                Path(path).unlink(missing_ok=True)


def _key(place: str, number: int | None) -> bytes:
    """The key of a part; without a number what the keys of all its parts begin with."""
    return f"{place}/{'' if number is None else f'{number:06}'}".encode()
