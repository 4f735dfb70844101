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
from collections.abc import Callable
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
    home: str = ""
    """The folder that the module of a user's task is imported from."""
    access: transports.Access = "read"
    """What the task may do with what it gets; of the patterns that write it is another."""


class State:
    """A process's instance of the transport, the task and the gate; and what it holds for `return`."""

    def __init__(self, setup: Setup, transport: transports.Transport | None = None) -> None:
        self.setup = setup
        self.transport = transport or transports.build(setup.spec)
        self.owned = transport is None
        self.task = tasks.load(setup.task, setup.home)
        self.gate = Gate(setup.gate, setup.workers)
        self.held: dict[int, Any] = {}
        """What each worker of this process holds to give back, by its thread."""

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


PLAIN: Final = 0
PROBE: Final = 1
"""Say how long unpickling took, and mark the reply."""
LINGER: Final = 2
"""Keep the payload for a while after the task, so that the memory which it takes can be seen."""
PROVE: Final = 3
"""Instead of the task: say what arrived, byte for byte."""


class Call(NamedTuple):
    """What to do with a ticket."""

    verb: str
    """On the clock: use (attach and run the task), private and shared (write into it first; the same words as the
    access), echo (use, and publish it back), give (publish what is held). Off it: install, hold, pickled (how long
    the last marked reply took to pickle), meet."""
    place: int = 0
    """Which of the workers' payloads; place 0 leads at the gate."""
    mode: int = PLAIN


class Reply(NamedTuple):
    """Times are nanoseconds of the host's monotonic clock."""

    pid: int
    who: int
    """The worker's thread, by the kernel's number: distinct on the whole machine."""
    arrived: int
    attached: int
    done: int
    left: int
    cpu: int
    """Processor time of this thread within the call; of use where workers are threads."""
    unpickling: int
    result: Any
    """The task's result, the ticket of what was given, or both."""


_last_marks: tuple[channel.Mark, channel.Mark] | None = None


def serve(call: tuple[str, int, int], ticket: Any) -> tuple[Any, ...]:
    """Answer one call: the fields of a Call in, the fields of a Reply out.

    Plain tuples travel, because pickling a named one looks its class up again in each process and call.
    """
    now = time.perf_counter_ns
    arrived = now()
    cpu = time.thread_time_ns()
    state = _state
    if state is None:
        raise RuntimeError("the worker was not set up")
    verb, index, mode = call
    unpickling = 0
    if mode == PROBE:
        unpickling = channel.unpickling_ns()
        _, ticket, _ = ticket
    attached = done = arrived
    result: Any = None
    try:
        if verb in _ACCESS:
            if verb == "echo":
                ticket, place = ticket
            with state.transport.attach(ticket, _ACCESS[verb] or state.setup.access) as payload:
                attached = now()
                if _ACCESS[verb]:
                    write(payload)
                result = (state.task if mode <= PROBE else act(state.task, mode))(payload)
                done = now()
                if verb == "echo":
                    result = result, state.transport.publish(payload, place)
                del payload
        elif verb == "give":
            result = state.transport.publish(state.held[threading.get_native_id()], ticket)
            done = now()
        else:
            result = _off_the_clock(state, verb, ticket)
    except BaseException:
        if state.setup.workers > 1:  # the others wait there for this one
            state.gate.wait(index)
        raise
    left = now()
    if state.setup.workers > 1 and _state is not None:  # not state: installing a scenario has replaced it
        _state.gate.wait(index)
    reply = (
        os.getpid(),
        threading.get_native_id(),
        arrived,
        attached,
        done,
        left,
        time.thread_time_ns() - cpu,
        unpickling,
        result,
    )
    return _marked(reply) if mode == PROBE else reply


_ACCESS: Final[dict[str, transports.Access | None]] = {
    "use": None, "echo": None, "private": "private", "shared": "shared",
}  # fmt: skip
"""What is on the clock, and how it attaches; None: as the task needs it."""

WRITTEN: Final = 0x5A5A
"""What the patterns that write put into each number of a payload (see payloads.overwrite)."""


def write(payload: Any) -> None:
    """Write into every page of the payload, in place.

    Raises:
        CannotCarry: it may not be written into.
    """
    if not payloads.overwrite(payload, WRITTEN):
        raise transports.CannotCarry("what arrived cannot be written into")


LINGER_S: Final = 0.02
"""How long a payload is kept attached where its memory is looked at: many times the sampler's step."""


def act(task: tasks.Task, mode: int) -> Callable[[Any], Any]:
    """What is done with a payload: the task, or what stands in its place off the clock."""
    if mode == PROVE:
        return lambda payload: (payloads.digest(payload), payloads.nbytes(payload))
    if mode != LINGER:
        return task

    def lingering(payload: Any) -> Any:
        result = task(payload)
        time.sleep(LINGER_S)
        return result

    return lingering


def serve_again(ticket: Any) -> tuple[int, int, int, Any]:
    """One of many calls over a payload that is published already (reuse): attach, run the task, say when.

    As little as can be: with hundreds of calls in flight, what one of them carries is paid by all.
    Returns when it arrived, had attached and was done, and the task's result.
    """
    now = time.perf_counter_ns
    arrived = now()
    assert _state is not None
    with _state.transport.attach(ticket, _state.setup.access) as payload:
        attached = now()
        result = _state.task(payload)
        done = now()
        del payload
    return arrived, attached, done, result


def _marked(reply: tuple[Any, ...]) -> tuple[Any, ...]:
    global _last_marks
    _last_marks = channel.Mark(), channel.Mark()
    return _last_marks[0], reply, _last_marks[1]


def _off_the_clock(state: State, verb: str, ticket: Any) -> Any:
    if verb == "hold":  # the ticket is the payload's source, the stamp that it shall carry (or None), where it is made
        source, number, place = ticket
        who = threading.get_native_id()
        if who not in state.held:
            payload = payloads.read_source(source)
            state.held[who] = payload if place is None else state.transport.adopt(payload, place)
        if number is not None:
            state.held[who] = payloads.stamped(state.held[who], number)
    elif verb == "install":  # the ticket is the setup
        install(ticket)
    elif verb == "pickled" and _last_marks is not None:
        return channel.pickling_ns(*_last_marks)
    return None
