"""What a worker does: the functions that are submitted to an executor, and the state behind them.

Only `serve` runs on the clock. It takes one call, says when it began and ended each thing, and has as
little else in it as possible: its own cost is part of every measurement, and is measured (null payload).
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from handoff import payloads, tasks, transports
from handoff.measure import channel
from handoff.measure.gate import Gate

_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True)
class Setup:
    """What a worker needs for one scenario."""

    number: int
    """Distinguishes scenarios: a worker builds its state anew when it changes."""
    spec: transports.Spec
    task: str
    workers: int
    gate: str
    """The folder of the gate's pipes."""


class State:
    """A process's instance of the transport, the task and the gate; and what it holds for `return`."""

    def __init__(self, setup: Setup, transport: transports.Transport | None = None) -> None:
        self.setup = setup
        self.transport = transport or transports.build(setup.spec)
        self.owned = transport is None
        self.task = tasks.load(setup.task)
        self.gate = Gate(setup.gate, setup.workers)
        self.held: dict[int, Any] = {}

    def close(self) -> None:
        self.held.clear()
        self.gate.close()
        if self.owned:
            self.transport.close()


_state: State | None = None


def use(state: State | None) -> None:
    """Make this the process's state (also the parent's, where workers are its own threads)."""
    global _state
    if _state is not None and _state is not state:
        _state.close()
    _state = state


def die_with_parent() -> None:
    """Have the kernel end this process when its parent dies: nobody else will (Linux)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start(setup: Setup, luggage: Any, own_process: bool) -> None:
    """The executor's initializer: once in each worker."""
    if own_process:
        die_with_parent()
        use(State(setup))
    if luggage is not None and _state is not None:
        _state.transport.unpack(luggage)
    install(setup)


def install(setup: Setup) -> None:
    """Make ready for a scenario: off the clock."""
    if _state is None or _state.setup.number != setup.number:
        use(State(setup))
    payloads.load_needs(setup.spec.source)


class Call(NamedTuple):
    """What to do with a ticket. Small: it is pickled for every call."""

    verb: str
    """use (attach and run the task), give (publish what is held), hold, prove, meet."""
    index: int = 0
    number: int = 0
    """hold, prove: the stamp that the payload carries."""
    probe: bool = False
    """Say how long unpickling took, and mark the reply."""


class Reply(NamedTuple):
    """Times are nanoseconds of the host's monotonic clock."""

    pid: int
    arrived: int
    attached: int
    done: int
    left: int
    cpu: int
    """Processor time of this thread within the call; of use where workers are threads."""
    unpickling: int
    result: Any
    """The task's result, the ticket of what was given, or the proof."""


def serve(call: Call, ticket: Any, *_marks: Any) -> Reply | tuple[Any, ...]:
    """Answer one call."""
    now = time.perf_counter_ns
    arrived = now()
    cpu = time.thread_time_ns()
    state = _state
    assert state is not None, "the worker was not set up"
    unpickling = channel.unpickling_ns() if call.probe else 0
    attached = done = arrived
    result: Any = None
    if call.verb == "use":
        with state.transport.attach(ticket, "read") as payload:
            attached = now()
            result = state.task(payload)
            done = now()
            del payload
    elif call.verb == "give":
        result = state.transport.publish(state.held[call.index], ticket)
        done = now()
    elif call.verb == "install":
        install(ticket)
    else:
        result = _off_the_clock(state, call, ticket)
    left = now()
    if state.setup.workers > 1:
        state.gate.wait(call.index)
    reply = Reply(os.getpid(), arrived, attached, done, left, time.thread_time_ns() - cpu, unpickling, result)
    return (channel.Mark(), reply, channel.Mark()) if call.probe else reply


def _off_the_clock(state: State, call: Call, ticket: Any) -> Any:
    if call.verb == "hold":  # the ticket is the payload's source
        held = state.held.get(call.index)
        if held is None:
            held = state.held[call.index] = payloads.read_source(ticket)
        payloads.stamp(held, call.number)
    elif call.verb == "prove":
        with state.transport.attach(ticket, "read") as payload:
            proof = payloads.digest(payload), payloads.nbytes(payload)
            del payload
            return proof
    elif call.verb == "meet":
        return threading.get_native_id()
    return None
