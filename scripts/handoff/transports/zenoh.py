"""Zenoh: the payload lies in Zenoh's shared memory; the receiver's query gets a handle of it, and copies it out.

Peer to peer over a Unix socket in the invocation's folder: no router, no multicast, nobody else joins. Whoever
publishes listens and answers queries (Zenoh's own threads do), whoever attaches connects to it once.

From Python a block of Zenoh's shared memory can be filled from `bytes` and read as `bytes` alone (version 1.10), so
there is one copy more on either side than in Rust or C++. Names of segments are Zenoh's (/dev/shm/<number>.zenoh),
each locked by whoever uses it: what nobody locks after a death, the sweep removes, as Zenoh's next start would.

Zenoh takes a block away from whoever does not confirm every 100 ms that it lives, which a busy machine can be too
slow for (eclipse-zenoh/zenoh#2628): the sender then fills another, and a receiver asks again.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import zenoh

from handoff import flat, outofband
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "the payload is copied into Zenoh's shared memory, and by the receiver out of it when it is told where",
    "simplicity": 8,
    "kinds": ("any",),
    "platforms": ("linux",),
    "needs": ("zenoh",),
    "writable": "yes",
    "copies": 6.0,
    "storage_copies": 3.0,
    "hazard": "by itself a session looks for others on the network and lets them in: turn scouting off, as here",
}

_PATIENCE_S: Final = 10.0
"""For the sender to answer: what it answers to has to become known first."""

_FAREWELL_S: Final = 1.0
"""For closed sessions' segments to go, which takes Zenoh a tenth of a second, and no call waits for it."""

_ROOM: Final = 1 << 20
"""Bytes beyond the payloads that a pool of shared memory has for its own bookkeeping."""

_SETTINGS: Final = {
    "mode": "peer",
    "scouting/multicast/enabled": False,
    "scouting/gossip/enabled": False,
    "open/return_conditions/connect_scouted": False,
    "transport/shared_memory/mode": "init",
    # What is large lies in shared memory by our doing, not by a pool of its own.
    "transport/shared_memory/transport_optimization/enabled": False,
}

_numbers = itertools.count()
"""Of this process's sockets, so that no two have one name."""


def _session(**endpoints: str) -> zenoh.Session:
    """A session with no other peers than the one named: `listen` or `connect`, each an address."""
    config = zenoh.Config()
    named = {f"{what}/endpoints": [endpoints[what]] if what in endpoints else [] for what in ("listen", "connect")}
    for key, value in {**_SETTINGS, **named}.items():
        config.insert_json5(key, json.dumps(value))
    session = zenoh.open(config)
    _open.add(session.zid())
    return session


_open: set[zenoh.ZenohId] = set()
"""The sessions of this process."""


def _close(session: zenoh.Session) -> None:
    _open.remove(session.zid())
    session.close()


def _settle() -> None:
    """If no session is left in this process, wait until their segments have gone, too: each holds the others'.

    One in twenty keeps one of them until another session opens (seen with version 1.10): so open one.
    """
    begun = time.monotonic()
    nudge = _FAREWELL_S / 4
    while not _open and _session_segments() and (waited := time.monotonic() - begun) < _FAREWELL_S:
        time.sleep(0.005)
        if waited > nudge:
            nudge = _FAREWELL_S
            _close(_session())


def _session_segments() -> int:
    """Descriptors of this process for the small segments that sessions have; those of pools are larger."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one of this very look
            found += descriptor.readlink().suffix == ".zenoh" and descriptor.stat().st_size < _ROOM
    return found


def _is_valid(block: zenoh.ZBytes) -> bool:
    """Whether Zenoh has not taken it away; true as well for what did not come in shared memory."""
    shared = block.as_shm()
    return shared is None or bool(shared.is_valid())


class _Pool:
    """This process's shared memory, for as long as it lives: a receiver never unmaps a pool that it has read from."""

    def __init__(self) -> None:
        self._providers: deque[zenoh.shm.ShmProvider] = deque(maxlen=2)
        """The one in use, and the one before: what lies in a provider goes with it, also while it is sent."""
        self._lock = threading.Lock()

    def block(self, size: int, count: int) -> zenoh.shm.ZShmMut:
        """That much of it; count: so many blocks at once shall have room."""
        policy = zenoh.shm.Defragment(zenoh.shm.GarbageCollect())
        with self._lock:
            if self._providers:
                with suppress(zenoh.ZError):  # too small, or too much of it in use
                    return self._providers[-1].alloc(size, policy)
            self._providers.append(zenoh.shm.ShmProvider.default_backend(count * (size + size // 8) + _ROOM))
            return self._providers[-1].alloc(size, policy)

    def close(self) -> None:
        self._providers.clear()


_pool = _Pool()
atexit.register(_pool.close)  # a provider that lives until the interpreter's end leaves a segment


class _Sender:
    """Answers for what this process has published."""

    def __init__(self, spec: Spec) -> None:
        self.address = f"unixsock-stream/{spec.directory}/{spec.prefix}-{os.getpid()}-{next(_numbers)}"
        self._session = _session(listen=self.address)
        self._receivers = spec.receivers
        self._held: dict[str, tuple[list[Any], zenoh.ZBytes]] = {}
        self._declared = (
            self._session.declare_queryable("handoff/**", self._answer),
            self._session.declare_subscriber("handoff/**", self._hear),
        )

    def _answer(self, query: zenoh.Query) -> None:
        key = str(query.key_expr)
        if key in self._held:
            parts, block = self._held[key]
            if not _is_valid(block):
                self.hold(key, parts)
            query.reply(key, self._held[key][1])
        query.drop()

    def _hear(self, sample: zenoh.Sample) -> None:
        if sample.kind == zenoh.SampleKind.DELETE:
            self.drop(str(sample.key_expr))

    def hold(self, key: str, parts: list[Any]) -> flat.Table:
        """Put the parts into shared memory; returns where each lies in its block."""
        table, end = flat.table_of(parts)
        block = _pool.block(end, self._receivers + 1)
        for (start, length), part in zip(table, parts, strict=True):
            block[start : start + length] = bytes(part)
        self._held[key] = parts, zenoh.ZBytes(block)
        return table

    def drop(self, key: str) -> None:
        self._held.pop(key, None)

    def close(self) -> None:
        self._held.clear()
        for declared in self._declared:
            declared.undeclare()
        _close(self._session)


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._sender: _Sender | None = None
        self._sessions: dict[str, zenoh.Session] = {}
        self._lie: dict[str, tuple[str, int]] = {}
        """Where the places' payloads lie, and their bytes, as far as this process has seen them."""
        self._owner = False

    def reserve(self) -> Place:
        self._owner = True
        return f"handoff/{next(self._numbers)}"

    def publish(self, payload: Any, place: Place) -> Ticket:
        head, buffers = outofband.take_apart(payload)
        if self._sender is None:
            self._sender = _Sender(self.spec)
        table = self._sender.hold(place, [head, *buffers])
        self._lie[place] = self._sender.address, sum(length for _, length in table)
        return self._sender.address, place, table

    def _session_with(self, address: str) -> zenoh.Session:
        if address not in self._sessions:
            self._sessions[address] = _session(connect=address)
        return self._sessions[address]

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        address, place, table = ticket
        self._lie[place] = address, sum(length for _, length in table)
        head, *buffers = flat.views(memoryview(self._get(address, place)), table)
        yield outofband.put_together(head, buffers if access == "read" else [bytearray(b) for b in buffers])

    def _get(self, address: str, place: str) -> bytes:
        session = self._session_with(address)
        patience = time.monotonic() + _PATIENCE_S
        while True:
            for reply in session.get(place, timeout=_PATIENCE_S):
                if reply.ok is not None:
                    data: bytes = reply.ok.payload.to_bytes()
                    if _is_valid(reply.ok.payload):  # still, so that nobody has written into it meanwhile
                        return data
            if time.monotonic() > patience:
                raise LookupError(f"nobody answers for {place} at {address}: it was released, or its sender has ended")
            time.sleep(0.0005)

    def stored(self, place: Place) -> int:
        return self._lie.get(place, ("", 0))[1]

    def release(self, place: Place) -> None:
        address, _ = self._lie.pop(place, ("", 0))
        if self._sender is not None and address == self._sender.address:
            self._sender.drop(place)
        elif address:
            self._session_with(address).delete(place)

    def close(self) -> None:
        for session in self._sessions.values():
            _close(session)
            del session
        self._sessions.clear()
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        _settle()
        if self._owner:  # a worker that ends does not close; whoever reserves is who removes
            for path in Path(self.spec.directory).iterdir():
                if path.name.startswith(f"{self.spec.prefix}-"):
                    path.unlink()
