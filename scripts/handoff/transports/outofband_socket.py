"""Pickle 5 out-of-band through a Unix socket: past the executor's pipe, straight into memory of the receiver's own."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from handoff import outofband
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "pickle 5 hands the large buffers out, and the receiver fetches all from the sender's Unix socket",
    "simplicity": 7,
    "kinds": ("any",),
    "platforms": ("linux",),
    "writable": "yes",
    "copies": 3.0,
    "hazard": "what the sender writes into the payload before the receiver has fetched it, arrives",
}

_GIVE: Final = b"give"
_FORGET: Final = b"forget"
_numbers = itertools.count()


class _Server:
    """Gives this process's payloads to whoever names one; each connection has a thread of its own."""

    def __init__(self, address: str) -> None:
        """address: a path of at most 107 bytes, as Linux has it."""
        self.address = address
        self.held: dict[str, list[memoryview]] = {}
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        # Whatever ends this, closes the socket: nobody may wait for an answer that does not come.
        with self._listener, suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._answer, args=(connection,), daemon=True)
                self._connections[connection] = thread
                thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):  # the receiver may end at any moment
            with connection.makefile("rb") as words:
                verb, place = words.readline().split()
            if verb == _GIVE:
                outofband.pour(self.held.get(place.decode(), []), connection.sendmsg)
            else:
                self.held.pop(place.decode(), None)
        del self._connections[connection]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection, thread in tuple(self._connections.items()):
            with suppress(OSError):  # it has ended by itself
                connection.shutdown(socket.SHUT_RDWR)  # a receiver that no longer reads must not hold this up
            thread.join()
        Path(self.address).unlink(missing_ok=True)


@contextmanager
def _asked(place: str, verb: bytes) -> Iterator[socket.socket]:
    """A connection with whoever published at the place, which has been told what to do."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        connection.sendall(b"%s %s\n" % (verb, Path(place).name.encode()))
        yield connection


def _receive(connection: socket.socket, memory: memoryview) -> None:
    """Fill the memory.

    Raises:
        ConnectionError: the sender ended before.
    """
    while memory:
        received = connection.recv_into(memory, 0, socket.MSG_WAITALL)
        if not received:
            raise ConnectionError("the sender ended before all of the payload had come")
        memory = memory[received:]


class Way(Transport):
    """A place is a link to its publisher's socket: whoever connects to it comes to the one that has the payload."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._server: _Server | None = None
        self._addresses: set[str] = set()
        """Where payloads came from. A worker that ends does not remove its socket."""

    def publish(self, payload: Any, place: Place) -> Ticket:
        if self._server is None:
            self._server = _Server(f"{self.spec.directory}/{os.getpid()}.{next(_numbers)}")
        self._server.held[Path(place).name] = outofband.message(payload)
        Path(place).symlink_to(self._server.address)
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        with _asked(ticket, _GIVE) as connection:
            size = bytearray(outofband.SIZE.size)
            _receive(connection, memoryview(size))
            memory = memoryview(bytearray(*outofband.SIZE.unpack(size)))
            memory[: len(size)] = size
            _receive(connection, memory[len(size) :])
        yield outofband.read(memory)

    def stored(self, place: Place) -> int:
        if not os.path.lexists(place):
            return 0
        size = bytearray(outofband.SIZE.size)
        with _asked(place, _GIVE) as connection:
            _receive(connection, memoryview(size))
        return int(*outofband.SIZE.unpack(size))

    def release(self, place: Place) -> None:
        try:
            self._addresses.add(str(Path(place).readlink()))
        except FileNotFoundError:  # nothing was ever published there
            return
        # Its publisher may have ended, and may have taken its socket along.
        with suppress(ConnectionError, FileNotFoundError), _asked(place, _FORGET) as connection:
            connection.recv(1)  # until it has
        Path(place).unlink()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for address in self._addresses:
            Path(address).unlink(missing_ok=True)
        self._addresses.clear()
