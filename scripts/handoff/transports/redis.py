"""Redis: a server of this invocation's own holds the payload; both sides talk to it through a Unix socket.

The server has no TCP port, a socket for this user alone in a folder for this user alone, a random password, and
writes nothing to a disk. It ends with the invocation: close() asks for it, and who supervises or sweeps ends it
else, by the mark that all descendants of a measured process carry in their environment.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis

from handoff import outofband
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "the payload is set in a Redis server of its own over a Unix socket, and the receiver gets it from there",
    "simplicity": 9,
    "kinds": ("any",),
    "platforms": ("linux", "darwin"),
    "needs": ("redis",),
    "programs": ("redis-server",),
    "writable": "yes",
    "copies": 5.0,
    "hazard": "a server without a password obeys whoever can reach its port or socket: give it none, or guard it",
}

_PATIENCE_S: Final = 10.0
"""For the server to answer once it has been started."""

_MOST: Final = "64gb"
"""Of one value, and of one client's requests and answers; what Redis allows by itself is 512 MB and 1 GB."""


class _Server:
    """A redis-server process."""

    def __init__(self, spec: Spec) -> None:
        self.path = f"{spec.directory}/{spec.prefix}.redis"
        self.password = secrets.token_hex(16)
        # By standard input, because everybody can read a process's arguments. A title of its own (Redis 7 has the
        # setting) would be written over its environment, by whose mark a sweep finds it after its sender's death.
        settings = f"""
            set-proc-title no
            port 0
            unixsocket "{self.path}"
            unixsocketperm 600
            requirepass {self.password}
            dir "{spec.directory}"
            save ""
            appendonly no
            databases 1
            proto-max-bulk-len {_MOST}
            client-query-buffer-limit {_MOST}
        """
        program = shutil.which("redis-server") or "redis-server"
        self._process = subprocess.Popen(
            [program, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert self._process.stdin is not None
        self._process.stdin.write(settings.encode())
        self._process.stdin.close()

    def wait(self, client: redis.Redis) -> None:
        """Until it answers.

        Raises:
            RuntimeError: it has ended, with what it said, or it does not answer.
        """
        patience = time.monotonic() + _PATIENCE_S
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError as error:
                if self._process.poll() is not None:
                    assert self._process.stderr is not None
                    said = self._process.stderr.read().decode(errors="replace").strip()
                    raise RuntimeError(f"redis-server ended with code {self._process.returncode}: {said}") from error
                if time.monotonic() > patience:
                    raise RuntimeError(f"redis-server does not answer for {_PATIENCE_S:g} s") from error
                time.sleep(0.002)

    def end(self) -> None:
        self._process.kill()  # it has nothing to keep
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
        Path(self.path).unlink(missing_ok=True)


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._server: _Server | None = None
        self._clients: dict[tuple[str, str], redis.Redis] = {}

    def _client(self, path: str, password: str) -> redis.Redis:
        if (path, password) not in self._clients:
            self._clients[path, password] = redis.Redis(
                unix_socket_path=path, password=password, socket_read_size=1 << 20
            )
        return self._clients[path, password]

    def reserve(self) -> Place:
        if self._server is None:
            self._server = _Server(self.spec)
            self._server.wait(self._client(self._server.path, self._server.password))
        return self._server.path, self._server.password, str(next(self._numbers))

    def publish(self, payload: Any, place: Place) -> Ticket:
        path, password, key = place
        head, buffers = outofband.take_apart(payload)
        self._client(path, password).rpush(key, head, *buffers)
        return place

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        path, password, key = ticket
        head, *buffers = self._client(path, password).lrange(key, 0, -1)
        if access != "read":
            buffers = [bytearray(buffer) for buffer in buffers]
        yield outofband.put_together(head, buffers)

    def stored(self, place: Place) -> int:
        path, password, key = place
        return int(self._client(path, password).memory_usage(key, samples=0) or 0)

    def release(self, place: Place) -> None:
        path, password, key = place
        self._client(path, password).delete(key)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._server is not None:
            self._server.end()
            self._server = None
