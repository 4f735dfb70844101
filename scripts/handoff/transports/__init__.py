"""Transports: one file a way for a payload to get from one worker to another.

A transport is one small class. Each process builds its own instance from a Spec and keeps it; an
instance is never pickled (fork inherits it, threads share it). docs/adding-a-strategy.md shows a whole one.

The life of a payload: the parent reserves a Place; whoever has the payload, parent or worker, publishes
it there and gets a Ticket; the ticket travels through the executor's own channel; whoever needs the
payload attaches the ticket, uses the payload inside the `with` alone, and really lets go of it at its
end; the parent releases the place. Where the channel itself carries the data (threads, pickle) the
ticket is the payload and the transport does nothing.

Standard library only: loading this loads no transport.
"""

from __future__ import annotations

import importlib
import itertools
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

Place = Any
"""Names where one payload goes; small and picklable."""
Ticket = Any
"""What the receiver needs to get at the payload; travels through the executor's channel."""
Access = Literal["read", "private", "shared"]
"""What the receiver will do: read, write into a copy of its own, or write into the sender's."""


class CannotCarry(Exception):
    """The payload is of a kind that the transport claims, but this one it cannot hold unchanged: why, in words."""


@dataclass(frozen=True)
class Spec:
    """What every process needs to build its instance of a transport."""

    transport: str
    directory: str
    """The invocation's own folder (0700) on the strategy's storage; /dev/shm where none is named."""
    prefix: str
    """What names of segments begin with, so that the sweep finds what a dead process left."""
    receivers: int
    """Workers that hold a payload at the same time."""
    source: str = ""
    """The file that the payload was read from, and its kind: 'kind:path'."""
    shared: bool = True
    """Receivers may write into the sender's payload: not even a small one may arrive as a copy."""


class Transport:
    """The way of doing nothing: the executor's channel carries the payload itself."""

    before_start: ClassVar[bool] = False
    """publish comes before the executor starts (fork inheritance); the start is then on the clock."""

    def __init__(self, spec: Spec) -> None:
        """Cheap, and touches no framework: a framework may not be up yet."""
        self.spec = spec
        self._numbers = itertools.count()

    def reserve(self) -> Place:
        """Name a place for one payload (parent only); by default a fresh path in the run's folder."""
        return f"{self.spec.directory}/{os.getpid()}-{next(self._numbers)}"

    def adopt(self, payload: Any, place: Place) -> Any:
        """The same payload, made where receivers can see it, and where publish finds it (parent or worker).

        Off the clock, and only where the facts say `born_there`. The place is the payload's own until close, which
        frees it: by then nobody may have the payload any more.
        """
        return payload

    def publish(self, payload: Any, place: Place) -> Ticket:
        """Put the payload in its place (parent or worker)."""
        return payload

    def attach(self, ticket: Ticket, access: Access) -> AbstractContextManager[Any]:
        """The payload, valid inside the `with` alone."""
        return nullcontext(ticket)

    def stored(self, place: Place) -> int:
        """Bytes that lie in the place beside what its ticket carries (parent, off the clock): by default its file's."""
        try:
            return Path(place).stat().st_size
        except (OSError, TypeError, ValueError):  # it is no path, or there is no file
            return 0

    def release(self, place: Place) -> None:
        """Free the place (parent only, once), also where nothing ever arrived."""

    def luggage(self) -> Any:
        """What each worker must get as it starts (parent)."""
        return None

    def unpack(self, luggage: Any) -> None:
        """Take that luggage (each worker, once, as it starts)."""

    def close(self) -> None:
        """Let go of everything (parent, after the executor has gone; worker, before the next scenario)."""


class BornThere(Transport):
    """For a way whose payloads can be made in place: class Way(BornThere, that_way.Way), with `born`."""

    def __init__(self, spec: Spec) -> None:
        # What is made there is written into there, in every pattern: not even a small one may arrive as a copy.
        super().__init__(replace(spec, shared=True))
        self._born: dict[int, tuple[Any, Ticket]] = {}
        """Payloads that were made in place, by identity, which nobody else has while this holds them."""

    def born(self, ticket: Ticket) -> Any:
        """The payload that was published, over the memory where it lies, to be written into."""
        raise NotImplementedError

    def adopt(self, payload: Any, place: Place) -> Any:
        ticket = super().publish(payload, place)
        born = self.born(ticket)
        self._born[id(born)] = born, ticket
        return born

    def publish(self, payload: Any, place: Place) -> Ticket:
        """The ticket of a payload that was made there; any other one is copied."""
        _, ticket = self._born.get(id(payload), (None, None))
        return ticket or super().publish(payload, place)

    def close(self) -> None:
        self._born.clear()
        super().close()


CLASS_NAME: Final = "Way"
"""What the one class of a transport's file is called, so that the table needs no second name."""


def build(spec: Spec) -> Transport:
    """This process's instance of the transport that the spec names."""
    module = importlib.import_module(f"handoff.transports.{spec.transport}")
    way: Transport = getattr(module, CLASS_NAME)(spec)
    return way
