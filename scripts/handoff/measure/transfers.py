"""One transfer of each pattern: the clock.

What happens between the first and the last reading of the clock is the hand-over and nothing else;
stamping payloads, computing expected results and counting faults happens before or after. Phases are
taken along the worker that finishes last, so they add up to the total.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from handoff.measure import channel
from handoff.measure.usage import Usage, cpu_of_threads, usage_of, usage_of_all
from handoff.measure.worker import Call, Reply, Setup, serve, serve_again
from handoff.transports import Transport

now = time.perf_counter_ns


@dataclass
class Bench:
    """Everything that stands ready before the clock starts."""

    setup: Setup
    transport: Transport
    task: Callable[[Any], Any]
    workers: int
    count: int
    """Payloads of one transfer."""
    calls: int
    own_process: bool
    """Workers are processes of their own."""
    open: Callable[[], Executor]
    """Starts the executor, for a transport that publishes before."""
    close: Callable[[], None]
    verb: str = "use"
    executor: Executor | None = None
    pids: set[int] = field(default_factory=set)
    """Of the workers, as far as they have answered."""
    threads: set[int] = field(default_factory=set)
    """The same where the workers are this process's threads: the kernel's numbers of them."""


@dataclass
class Timing:
    """One transfer. Nanoseconds; `prepare` lies before the total and `release` behind it."""

    prepare: int = 0
    publish: int = 0
    dispatch: int = 0
    attach: int = 0
    task: int = 0
    reply: int = 0
    release: int = 0
    first_call: int = 0
    serialize: int = 0
    deserialize: int = 0
    cpu_workers: int = 0
    results: list[Any] = field(default_factory=list)
    who: list[int] = field(default_factory=list)
    """Whose results these are: the workers' threads."""
    sender: Usage = field(default_factory=Usage)
    others: Usage = field(default_factory=Usage)

    @property
    def total(self) -> int:
        return self.publish + self.dispatch + self.attach + self.task + self.reply


class _Probe:
    """Marks around the tickets and replies of one transfer; does nothing unless it is on."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self._marks: list[tuple[channel.Mark, channel.Mark]] = []
        self.unpickling = 0

    def wrap(self, ticket: Any) -> Any:
        if not self.on:
            return ticket
        self._marks.append((channel.Mark(), channel.Mark()))
        return self._marks[-1][0], ticket, self._marks[-1][1]

    def unwrap(self, answer: tuple[Any, ...]) -> Reply:
        reply = Reply(*(answer[1] if self.on else answer))
        self.unpickling += reply.unpickling
        return reply

    def pickling(self) -> int:
        return sum(channel.pickling_ns(*marks) for marks in self._marks)


def gather(bench: Bench, call: Call, tickets: list[Any]) -> list[Reply]:
    """Submit one call to each worker, off the clock, and wait for all."""
    assert bench.executor is not None
    futures = [bench.executor.submit(serve, (call.verb, i, False), ticket) for i, ticket in enumerate(tickets)]
    replies = [Reply(*future.result()) for future in futures]
    bench.pids.update(reply.pid for reply in replies)
    bench.threads.update(reply.who for reply in replies if not bench.own_process)
    return replies


def _published(bench: Bench, payloads: list[Any]) -> Iterator[tuple[Any, Any, int]]:
    for payload in payloads:
        place = bench.transport.reserve()
        yield place, bench.transport.publish(payload, place), now()


def send(bench: Bench, payloads: list[Any], probe: _Probe) -> tuple[Timing, list[Any]]:
    """Each worker gets a payload of its own, all in flight at once; until the last reply."""
    places, submitted, futures = [], [], []
    begun = now()
    items = _published(bench, payloads)
    if bench.transport.before_start:
        items = iter(list(items))
        bench.executor = bench.open()
    assert bench.executor is not None
    for index, (place, ticket, published) in enumerate(items):
        places.append(place)
        submitted.append(published)
        futures.append(bench.executor.submit(serve, (bench.verb, index, probe.on), probe.wrap(ticket)))
        del ticket
    answers = [future.result() for future in futures]
    ended = now()
    replies = [probe.unwrap(answer) for answer in answers]
    last = max(range(len(replies)), key=lambda index: replies[index].left)
    reply = replies[last]
    timing = Timing(
        publish=submitted[last] - begun, dispatch=reply.arrived - submitted[last],
        attach=reply.attached - reply.arrived, task=reply.done - reply.attached, reply=ended - reply.done,
        results=[reply.result for reply in replies], who=[reply.who for reply in replies],
        cpu_workers=sum(reply.cpu for reply in replies),
    )  # fmt: skip
    bench.pids.update(reply.pid for reply in replies)
    return timing, places


def give_back(bench: Bench, _payloads: list[Any], probe: _Probe) -> tuple[Timing, list[Any]]:
    """Each worker holds a result; until the parent has run the task on every one (the pattern `return`).

    dispatch and publish are of the reply that is taken first; from then on the parent attaches and runs
    the task on one result after another, and what is left of the time is the waiting for replies.
    """
    assert bench.executor is not None
    begun = now()
    places = [bench.transport.reserve() for _ in range(bench.count)]
    futures = [
        # A floor's one worker gives every result, and cannot wait for itself at the gate.
        bench.executor.submit(serve, ("give", index if bench.workers > 1 else -1, probe.on), probe.wrap(place))
        for index, place in enumerate(places)
    ]
    timing = Timing()
    while futures:
        reply = probe.unwrap(futures.pop(0).result())
        got = now()
        with bench.transport.attach(reply.result, "read") as payload:
            attached = now()
            timing.results.append(bench.task(payload))
            done = now()
            del payload
        timing.attach += attached - got
        timing.task += done - attached
        timing.cpu_workers += reply.cpu
        timing.who.append(reply.who)
        bench.pids.add(reply.pid)
        if not timing.dispatch:
            timing.dispatch, timing.publish = reply.arrived - begun, reply.done - reply.arrived
        del reply  # with a channel that carries data, the reply is the payload
    timing.reply = now() - begun - timing.total
    return timing, places


def reuse(bench: Bench, payloads: list[Any], probe: _Probe) -> tuple[Timing, list[Any]]:
    """One payload, published once, then `calls` calls over it by all workers; until the last reply."""
    assert bench.executor is not None
    begun = now()
    place, ticket, published = next(_published(bench, payloads))
    # No gate: a call goes to whichever worker is idle, and there may be more calls than workers.
    submit = bench.executor.submit
    plain = bench.verb == "use" and not probe.on
    if plain:
        futures = [submit(serve_again, ticket) for _ in range(bench.calls)]
    else:
        futures = [submit(serve, (bench.verb, -1, probe.on), probe.wrap(ticket)) for _ in range(bench.calls)]
    first = futures[0].result()
    answered = now()
    answers = [first, *(future.result() for future in futures[1:])]
    ended = now()
    if not plain:
        replies = [probe.unwrap(answer) for answer in answers]
        answers = [(reply.arrived, reply.attached, reply.done, reply.result) for reply in replies]
    arrived, attached, done, _ = max(answers, key=lambda answer: answer[2])
    timing = Timing(
        publish=published - begun, dispatch=arrived - published, attach=attached - arrived, task=done - attached,
        reply=ended - done, first_call=answered - begun, results=[answer[3] for answer in answers],
    )  # fmt: skip
    return timing, [place]


PATTERNS: dict[str, Callable[[Bench, list[Any], _Probe], tuple[Timing, list[Any]]]] = {
    "send": send,
    "return": give_back,
    "reuse": reuse,
}


def transfer(
    bench: Bench, pattern: str, payloads: list[Any], instrumented: bool = False, batch: int = 1
) -> Timing:  # fmt: skip
    """One transfer, with what it cost both sides, and its places freed.

    batch: so many transfers under one pair of readings; what is returned is then their mean.
    """
    probe = _Probe(instrumented)
    known = set(bench.pids)
    sender, others = usage_of(os.getpid()), usage_of_all(known) if bench.own_process else Usage()
    threads_cpu = cpu_of_threads(bench.threads)
    if batch == 1:
        timing, places = PATTERNS[pattern](bench, payloads, probe)
    else:
        timing, places = _batched(bench, pattern, payloads, probe, batch)
    if pattern == "reuse":  # its calls do not say what they used
        timing.cpu_workers = (cpu_of_threads(bench.threads) - threads_cpu) // batch
    timing.sender = (usage_of(os.getpid()) - sender).shared_by(batch)
    if bench.own_process:
        timing.others = (usage_of_all(bench.pids) - others).shared_by(batch)
    if instrumented:
        timing.serialize = probe.pickling() + _replies_pickling(bench, pattern)
        timing.deserialize = probe.unpickling + channel.unpickling_ns()
    released = now()
    for place in places:
        bench.transport.release(place)
    if bench.transport.before_start:
        bench.close()
    timing.release = (now() - released) // batch
    return timing


def _batched(
    bench: Bench, pattern: str, payloads: list[Any], probe: _Probe, batch: int
) -> tuple[Timing, list[Any]]:  # fmt: skip
    """The mean of several transfers by the readings before the first and after the last.

    Between two of them lies nothing but the loop, and nothing is released. What their own readings do not
    account for is counted as reply.
    """
    begun = now()
    parts = [PATTERNS[pattern](bench, payloads, probe) for _ in range(batch)]
    elapsed = now() - begun
    phases = ("publish", "dispatch", "attach", "task", "first_call", "cpu_workers")
    mean = Timing(**{name: sum(getattr(timing, name) for timing, _ in parts) // batch for name in phases})
    mean.reply = elapsed // batch - mean.total
    mean.results = [result for timing, _ in parts for result in timing.results]
    mean.who = [who for timing, _ in parts for who in timing.who]
    return mean, [place for _, places in parts for place in places]


def _replies_pickling(bench: Bench, pattern: str) -> int:
    """Time that workers spent pickling their marked replies; nobody else can know it."""
    if bench.transport.before_start or not bench.own_process or pattern == "reuse":
        return 0
    return sum(reply.result or 0 for reply in gather(bench, Call("pickled"), [None] * bench.workers))
