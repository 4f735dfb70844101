"""iceoryx2: zero-copy middleware. The payload is copied once into loaned shared memory, and only its offset travels.

Each process that publishes is the one publisher of a service of its own, whose name is in the ticket; who attaches
subscribes to it, once. From then on a sample lies in the subscriber's queue before the ticket arrives, and nobody
waits. A subscriber that comes after its sample asks for it through a Unix socket, and a thread of the publisher
connects it: the service's history then delivers what is in flight. (iceoryx2's own events would do, but put the
long names that are needed here into the path of a Unix socket, which may have 107 bytes.)

The payload is pickled with protocol 5. A block holds its number, the pickle and the buffers. All names in /dev/shm
begin with the invocation's prefix, and all files lie in its folder: no daemon, nothing in /tmp.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import iceoryx2

from handoff import flat, outofband
from handoff.transports import Access, Place, Spec, Ticket, Transport

FACTS = {
    "about": "the payload is copied once into shared memory of the middleware iceoryx2, and the receiver uses it there",
    "simplicity": 9,
    "kinds": ("any",),
    "platforms": ("linux",),
    "needs": ("iceoryx2",),
    "zero_copy": True,
    "writable": "private copy",
    "copies": 5.0,
    "storage_copies": 5.0,
    "hazard": "a payload kept after its turn sees a later one in its place; a full /dev/shm is SIGBUS",
}

_ELEMENT: Final = ctypes.c_uint64
"""Of a sample. Not bytes with an alignment of 64: version 0.10 then takes 64 bytes for each of them."""

_PATIENCE_S: Final = 10.0
"""For a sample to arrive that has been asked for."""

_CONNECT: Final = b"c"

_numbers = itertools.count()
"""Of this process's services, so that no two have one name."""

iceoryx2.set_log_level(iceoryx2.LogLevel.Fatal)


class _Domain:
    """This process's node in the invocation's own namespace."""

    def __init__(self, spec: Spec) -> None:
        # Its paths may hold ASCII alone, and the folder's may be anything.
        self._folder = os.open(spec.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        config = iceoryx2.config.global_config()
        config.global_cfg.root_path = iceoryx2.Path.new(f"/proc/self/fd/{self._folder}/{spec.prefix}")
        config.global_cfg.prefix = iceoryx2.FileName.new(f"{spec.prefix}-")
        config.global_cfg.node.cleanup_dead_nodes_on_creation = False
        config.global_cfg.node.cleanup_dead_nodes_on_destruction = False
        # Signals are the supervisor's, and Python's.
        mode = iceoryx2.SignalHandlingMode.Disabled
        self._node = iceoryx2.NodeBuilder.new().signal_handling_mode(mode).config(config).create(
            iceoryx2.ServiceType.Ipc
        )  # fmt: skip
        self.in_flight = spec.receivers + 1
        """Payloads that a publisher keeps for those who come late, and a subscriber for those who come again."""
        self._subscribers = spec.receivers + 1

    def service(self, name: str) -> Any:
        """The service through which a publisher's samples go."""
        builder = self._node.service_builder(iceoryx2.ServiceName.new(name)).publish_subscribe(iceoryx2.Slice[_ELEMENT])
        return (
            builder.max_publishers(1)
            .max_subscribers(self._subscribers)
            .max_nodes(self._subscribers + 1)
            .history_size(self.in_flight)
            .subscriber_max_buffer_size(self.in_flight)
            .subscriber_max_borrowed_samples(self.in_flight + 1)
            .enable_safe_overflow(True)
            .open_or_create()
        )

    def close(self) -> None:
        del self._node
        os.close(self._folder)


class _Publisher:
    """Sends samples of up to a size, and connects those who come late."""

    def __init__(self, domain: _Domain, spec: Spec, size: int) -> None:
        self.name = f"{os.getpid()}-{next(_numbers)}"
        self.size = size
        self.count = 0
        self.address = f"{spec.directory}/{spec.prefix}-{self.name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        # Enough as long as every subscriber is asked now and then; the most that they may hold takes a multiple.
        chunks = 3 * domain.in_flight
        builder = domain.service(self.name).publisher_builder()
        self._port = builder.initial_max_slice_len(-(-size // 8)).override_sample_preallocation(chunks).create()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._connect, daemon=True)
        self._thread.start()

    def _connect(self) -> None:
        while self._socket.recv(1) == _CONNECT:
            with self._lock:
                self._port.update_connections()

    def send(self, parts: list[Any]) -> tuple[int, int, flat.Table]:
        """The sample's number, where its parts begin in it, and where each lies from there.

        Raises:
            LoanError: subscribers still hold what else there is.
        """
        table, end = flat.table_of(parts)
        with self._lock:
            self.count += 1
            sample = self._port.loan_slice_uninit(-(-(8 + flat.ALIGN + end) // 8))
            block = sample.payload().as_memory_view().cast("B")
            # Chunks begin at multiples of 8; the segment begins with a page, also where the receiver maps it.
            start = 8 + -(sample.payload().as_ptr() + 8) % flat.ALIGN
            block[:8] = self.count.to_bytes(8, "little")
            flat.fill(block[start:], table, parts)
            del block
            sample.assume_init().send()
            return self.count, start, table

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RD)  # recv returns at once: the thread's end
        self._thread.join()
        self._socket.close()
        self._port.delete()
        Path(self.address).unlink(missing_ok=True)


class _Subscriber:
    """Receives samples of one publisher, and keeps those that may be asked for again."""

    def __init__(self, domain: _Domain, name: str, address: str) -> None:
        self._address = address
        self._kept: dict[int, Any] = {}
        self._most = domain.in_flight
        self._port = domain.service(name).subscriber_builder().create()

    def sample(self, number: int) -> memoryview:
        """The bytes of the sample of that number, which no receiver may write: the memory is the publisher's."""
        if number not in self._kept:
            self._receive(number)
        view: memoryview = self._kept[number].payload().as_memory_view()
        return view.cast("B").toreadonly()

    def _receive(self, number: int) -> None:
        patience = time.monotonic() + _PATIENCE_S
        asked = False
        while number not in self._kept:
            sample = self._port.receive()
            if sample is not None:
                found = int.from_bytes(sample.payload().as_memory_view().cast("B")[:8], "little")
                self._kept[found] = sample
                for old in [old for old in self._kept if old <= found - self._most]:
                    del self._kept[old]
            elif not asked:
                asked = True
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
                    asking.sendto(_CONNECT, self._address)
            elif time.monotonic() > patience:
                raise LookupError(f"sample {number} does not come: it was too long ago, or its sender has ended")
            else:
                time.sleep(0.0002)

    def close(self) -> None:
        self._kept.clear()
        self._port.delete()


class Way(Transport):
    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._domain: _Domain | None = None
        self._publisher: _Publisher | None = None
        self._publishers: list[_Publisher] = []
        self._subscribers: dict[str, _Subscriber] = {}
        self._bytes: dict[str, int] = {}
        self._owner = False

    def _of_domain(self) -> _Domain:
        self._domain = self._domain or _Domain(self.spec)
        return self._domain

    def reserve(self) -> Place:
        self._owner = True
        return str(next(self._numbers))

    def publish(self, payload: Any, place: Place) -> Ticket:
        head, buffers = outofband.take_apart(payload)
        parts: list[Any] = [head, *buffers]
        size = 8 + 2 * flat.ALIGN + flat.table_of(parts)[1]
        self._bytes[place] = size
        if self._publisher is None or size > self._publisher.size:
            self._publisher = self._new_publisher(size)
        try:
            sent = self._publisher.send(parts)
        except iceoryx2.LoanError:
            self._publisher = self._new_publisher(size)
            sent = self._publisher.send(parts)
        return self._publisher.name, self._publisher.address, place, size, *sent

    def _new_publisher(self, size: int) -> _Publisher:
        """One whose samples hold a little more than that; what an older one has in flight is still to be had."""
        self._publishers.append(_Publisher(self._of_domain(), self.spec, size + size // 4 + 4096))
        return self._publishers[-1]

    @contextmanager
    def attach(self, ticket: Ticket, access: Access) -> Iterator[Any]:
        name, address, place, self._bytes[place], number, start, table = ticket
        if name not in self._subscribers:
            self._subscribers[name] = _Subscriber(self._of_domain(), name, address)
        head, *buffers = flat.views(self._subscribers[name].sample(number)[start:], table)
        yield outofband.put_together(head, [bytearray(b) for b in buffers] if access == "private" else buffers)

    def stored(self, place: Place) -> int:
        return self._bytes.get(place, 0)

    def release(self, place: Place) -> None:
        self._bytes.pop(place, None)

    def close(self) -> None:
        for subscriber in self._subscribers.values():
            subscriber.close()
        self._subscribers.clear()
        for publisher in self._publishers:
            publisher.close()
        self._publishers.clear()
        self._publisher = None
        if self._domain is not None:
            self._domain.close()
            self._domain = None
        if self._owner:  # what workers that ended left, and iceoryx2's own management segment, which it never removes
            shutil.rmtree(f"{self.spec.directory}/{self.spec.prefix}", ignore_errors=True)
            for path in (*Path("/dev/shm").iterdir(), *Path(self.spec.directory).iterdir()):
                if path.name.startswith(f"{self.spec.prefix}-"):
                    path.unlink(missing_ok=True)
