"""ZeroMQ over a Unix socket: the receiver asks, and a thread of the sender answers with the payload's own buffers.

The payload is pickled with protocol 5; the pickle and its buffers are the frames of one message. ZeroMQ sends a
frame of 64 KiB or more from where it lies (Socket.copy_threshold) and copies a smaller one. Whoever publishes binds
a socket in the invocation's folder, whoever attaches connects to it, so both directions are the same.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import zmq

from handoff import outofband
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "the receiver asks by ZeroMQ, and the sender's frames come through a Unix socket into memory of its own",
    "simplicity": 7,
    "kinds": ("any",),
    "needs": ("zmq",),
    "writable": "yes",
    "copies": 2.0,
    "hazard": "the sender's own buffers are sent when they are asked for: what is changed before that arrives changed",
}

_LOOK_MS: Final = 500
"""Between two looks at whether the sender still lives, while its answer does not come."""

_GET: Final = b"get"
_DROP: Final = b"drop"
_STOP: Final = b"stop"

_numbers = itertools.count()
"""Of this process's sockets, so that no two have one name."""


class _Server:
    """Answers for what this process has published, in a thread of its own."""

    def __init__(self, context: zmq.Context[Any], path: str) -> None:
        self.address = f"ipc://{path}"
        self.held: dict[bytes, list[Any]] = {}
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.sndhwm = 0
        self._socket.bind(self.address)
        Path(path).chmod(0o600)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            who, verb, place = self._socket.recv_multipart()
            if verb == _STOP:
                self._socket.close()
                return
            if verb == _DROP:
                self.held.pop(place, None)
            else:
                self._socket.send_multipart([who, *self.held.get(place, [b""])], copy=False)

    def join(self) -> None:
        self._thread.join()


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._context: zmq.Context[Any] | None = None
        self._server: _Server | None = None
        self._clients: dict[str, zmq.Socket[Any]] = {}
        self._lie: dict[str, tuple[str, int]] = {}
        """Where the places' payloads lie, and their bytes, as far as this process has seen them."""
        self._owner = False

    def _of_context(self) -> zmq.Context[Any]:
        self._context = self._context or zmq.Context()
        return self._context

    def _client(self, address: str) -> zmq.Socket[Any]:
        if address not in self._clients:
            socket = self._of_context().socket(zmq.DEALER)
            socket.linger = 0
            socket.rcvhwm = 0
            socket.connect(address)
            self._clients[address] = socket
        return self._clients[address]

    def reserve(self) -> Place:
        self._owner = True
        return str(next(self._numbers))

    def publish(self, payload: Any, place: Place) -> Ticket:
        if self._server is None:
            path = f"{self.spec.directory}/{self.spec.prefix}-{os.getpid()}-{next(_numbers)}"
            self._server = _Server(self._of_context(), path)
        head, buffers = outofband.take_apart(payload)
        self._server.held[place.encode()] = [head, *buffers]
        self._lie[place] = self._server.address, len(head) + sum(buffer.nbytes for buffer in buffers)
        return self._server.address, os.getpid(), place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        address, sender, place = ticket
        client = self._client(address)
        client.send_multipart([_GET, place.encode()])
        while not client.poll(_LOOK_MS):
            if not _lives(sender):
                raise ConnectionError(f"the sender, process {sender}, has ended")
        frames = [frame.buffer for frame in client.recv_multipart(copy=False)]
        if not frames[0].nbytes:
            raise LookupError(f"the sender holds nothing in place {place}")
        self._lie[place] = address, sum(frame.nbytes for frame in frames)
        yield outofband.put_together(frames[0], frames[1:])

    def stored(self, place: Place) -> int:
        return self._lie.get(place, ("", 0))[1]

    def release(self, place: Place) -> None:
        address, _ = self._lie.pop(place, ("", 0))
        if self._server is not None and address == self._server.address:
            self._server.held.pop(place.encode())
        elif address:
            self._client(address).send_multipart([_DROP, place.encode()])

    def close(self) -> None:
        if self._server is not None:
            self._client(self._server.address).send_multipart([_STOP, b""])
            self._server.join()
            self._server = None
        for socket in self._clients.values():
            socket.close()
        self._clients.clear()
        self._lie.clear()
        if self._context is not None:
            self._context.term()
            self._context = None
        if self._owner:  # a worker that ends does not close; whoever reserves is who removes
            for path in Path(self.spec.directory).iterdir():
                if path.name.startswith(f"{self.spec.prefix}-"):
                    path.unlink()


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
