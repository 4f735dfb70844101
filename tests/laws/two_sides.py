"""Both sides of a hand-over: in one process, and in another process that runs `receive` and `give`.

A process keeps its instance of a transport, as a worker does, until it leaves. The other process is a worker of the
strategy's own executor where that is a framework's, whose ways work nowhere else; any process will do for the rest.
"""

from __future__ import annotations

import itertools
import os
import pickle
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, NamedTuple

from handoff import executors, payloads, scenarios, strategies, transports
from handoff.strategies import Strategy
from handoff.transports import Place, Spec, Ticket, Transport

_numbers = itertools.count()
_kept: dict[Spec, Transport] = {}


class Sides(NamedTuple):
    """A transport's instance on each side; they share no state but what lies outside of the process."""

    sender: Transport
    receiver: Transport
    spec: Spec


def is_framework(strategy: Strategy) -> bool:
    """Its executor is an optional package's, with a channel and places of its own."""
    return bool(strategies.executor_facts(strategy.executor).needs)


class _Elsewhere:
    """The executor that is up: one at a time, since some are many processes."""

    name = ""
    executor: Executor
    stack = ExitStack()
    folder: tempfile.TemporaryDirectory[str] | None = None
    """One for all of them: MPI goes on using the first one it was given."""


def elsewhere(strategy: Strategy) -> Executor:
    """The other process, as an executor of one worker."""
    name = strategy.executor if is_framework(strategy) else "process_spawn"
    if _Elsewhere.name != name:
        nobody_elsewhere()
        if _Elsewhere.folder is None:
            _Elsewhere.folder = tempfile.TemporaryDirectory(prefix="laws-", dir="/dev/shm")
        started = executors.load(name)(1, _Elsewhere.folder.name, os.getpid, ())
        _Elsewhere.executor, _Elsewhere.name = _Elsewhere.stack.enter_context(started), name
    return _Elsewhere.executor


def nobody_elsewhere() -> None:
    """End the other process."""
    _Elsewhere.name = ""
    _Elsewhere.stack.close()


def nothing_elsewhere() -> None:
    """End the other process, and remove the folder that it had."""
    nobody_elsewhere()
    if _Elsewhere.folder is not None:
        _Elsewhere.folder.cleanup()


@contextmanager
def workplace(strategy: Strategy, receivers: int = 1, source: str = "", shared: bool = True) -> Iterator[Spec]:
    """What the sides are built from. Leaves only if nothing is left there."""
    if is_framework(strategy):
        elsewhere(strategy)
    # A name that no transport may take apart or quote wrongly.
    with tempfile.TemporaryDirectory(prefix="run=1 é%20'") as folder:
        prefix = f"laws-{os.getpid()}-{next(_numbers)}"
        spec = Spec(strategy.transport, folder, prefix, receivers, source, shared)
        yield spec
        assert remains(spec) == []


@contextmanager
def two_sides(strategy: Strategy, receivers: int = 1, source: str = "", shared: bool = True) -> Iterator[Sides]:
    """Both sides in this process. shared: whether what a receiver writes must be seen by others."""
    with workplace(strategy, receivers, source, shared) as spec:
        sides = Sides(transports.build(spec), transports.build(spec), spec)
        if sides.sender.before_start:
            _start_after_publishing(strategy, sides)
        try:
            yield sides
        finally:
            sides.receiver.close()
            sides.sender.close()


def _start_after_publishing(strategy: Strategy, sides: Sides) -> None:
    """Give the receiver after each publishing what it would get as it starts."""
    publish = sides.sender.publish

    def publish_and_start(payload: Any, place: Place) -> Ticket:
        ticket = publish(payload, place)
        luggage = sides.sender.luggage()
        with suppress(RuntimeError):  # what multiprocessing pickles for a process that it just starts, and never here
            luggage = through_channel(strategy, luggage)
        sides.receiver.unpack(luggage)
        return ticket

    sides.sender.publish = publish_and_start  # type: ignore[method-assign]


def remains(spec: Spec) -> list[str]:
    """Files and segments that are still there."""
    segments = [path for path in Path("/dev/shm").iterdir() if path.name.startswith(spec.prefix)]
    return sorted(str(path) for path in (*Path(spec.directory).iterdir(), *segments))


def open_files() -> list[str]:
    """What this process's descriptors stand for."""
    numbers = os.listdir("/proc/self/fd")  # noqa: PTH208 (its own descriptor is closed before it is looked at)
    links = (Path("/proc/self/fd", number) for number in numbers)
    return sorted(str(link.readlink()) for link in links if link.is_symlink())


def through_channel(strategy: Strategy, ticket: Ticket) -> Ticket:
    """The ticket as the executor's channel brings it: itself, or a pickled copy."""
    if strategies.executor_facts(strategy.executor).channel_carries_references:
        return ticket
    if is_framework(strategy):
        return elsewhere(strategy).submit(echo, ticket).result(60)
    return pickle.loads(ForkingPickler.dumps(ticket))


def made(kind: str, seed: int = 1) -> Any:
    return payloads.load(kind).make(20_000, seed)


def source_of(kind: str, payload: Any, folder: Path) -> str:
    """'kind:path' of a file that the payload was written to."""
    path = folder / f"payload.{scenarios.kind_facts(kind).extension}"
    payloads.load(kind).write(payload, path)
    return f"{kind}:{path}"


# What the other process runs.


def echo(ticket: Ticket) -> Ticket:
    """What arrived."""
    return ticket


def _way(spec: Spec) -> Transport:
    if spec not in _kept:
        _kept[spec] = transports.build(spec)
    return _kept[spec]


def _unpack(spec: Spec, luggage: Any) -> None:
    _way(spec).unpack(luggage)


def receive(spec: Spec, ticket: Ticket) -> tuple[int, str]:
    """This process, and the digest of what arrives."""
    with _way(spec).attach(ticket, "read") as payload:
        digest = payloads.digest(payload)
        del payload
    return os.getpid(), digest


def receive_and_write(spec: Spec, ticket: Ticket) -> bool:
    """Whether what arrives can be written into."""
    with _way(spec).attach(ticket, "private") as payload:
        before = payloads.digest(payload)
        return payloads.overwrite(payload, 987) and payloads.digest(payload) != before


def give(spec: Spec, kind: str, seed: int, place: Place) -> Ticket:
    """The ticket of a payload that is made here."""
    return _way(spec).publish(made(kind, seed), place)


def leave(spec: Spec) -> list[str]:
    """Close this process's instance; descriptors that are still about the transport's files."""
    if spec in _kept:
        _kept.pop(spec).close()
    return [name for name in open_files() if name.startswith(spec.directory) or spec.prefix in name]


def send_at_start(strategy: Strategy, spec: Spec, kind: str) -> dict[str, Any]:
    """Publish, then start the executor: what its worker gets, and what became of the sender's payload."""
    way, payload = _way(spec), made(kind)
    before = payloads.digest(payload)
    place = way.reserve()
    ticket = way.publish(payload, place)

    # What an executor leaves in the folder that it is given is swept with it.
    with tempfile.TemporaryDirectory() as control:

        def start() -> Any:
            return executors.load(strategy.executor)(1, control, _unpack, (spec, way.luggage()))

        executor: Executor
        with start() as executor:
            pid, digest = executor.submit(receive, spec, ticket).result(60)
        with start() as executor:
            wrote = executor.submit(receive_and_write, spec, ticket).result(60)
    way.release(place)
    return {
        "elsewhere": pid != os.getpid(), "arrived": digest == before, "wrote": wrote,
        "sender's unchanged": payloads.digest(payload) == before, "left open": leave(spec),
    }  # fmt: skip
