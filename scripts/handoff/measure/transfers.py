"""One transfer of each pattern: the clock.

What happens between the first and the last reading of the clock is the hand-over and nothing else;
stamping payloads, computing expected results and counting faults happens before or after. Phases are
taken along the worker that finishes last, so they add up to the total.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from handoff.measure import channel
from handoff.measure.usage import Usage, cpu_of_threads, usage_of, usage_of_all
from handoff.measure.worker import PLAIN, PROBE, PROVE, Call, Reply, Setup, serve, serve_again
from handoff.payloads import split
from handoff.scenarios import PATTERNS, Pattern
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
    mode: int = PLAIN
    """Of all calls on the clock: see worker.Call."""
    executor: Executor | None = None
    pids: set[int] = field(default_factory=set)
    """Of the workers, as far as they have answered."""
    threads: set[int] = field(default_factory=set)
    """The same where the workers are this process's threads: the kernel's numbers of them."""
    parts: int = 1
    """Into how many a payload is split (scatter)."""
    references: bool = False
    """The executor's channel carries references: a ticket weighs nothing."""
    floor: bool = False

    def verb(self, pattern: Pattern) -> str:
        """What a worker does. Of a floor nobody expects a copy: it writes where the payload lies."""
        return "shared" if self.floor and pattern.verb == "private" else pattern.verb

    def weight(self, ticket: Any) -> int:
        """The bytes of a ticket in the executor's channel."""
        return 0 if self.references else channel.weight(ticket)


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
    """Of the tasks, in the order of the payloads: the caller's where something came back, else the workers'."""
    workers_results: list[Any] = field(default_factory=list)
    """Of the workers' tasks, where the caller's are the results."""
    who: list[int] = field(default_factory=list)
    """Whose results these are: the workers' threads."""
    moved: int = 0
    """Bytes that the tickets and their places held; known of a proof alone."""
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
    futures = [bench.executor.submit(serve, (call.verb, i, call.mode), ticket) for i, ticket in enumerate(tickets)]
    replies = [Reply(*future.result()) for future in futures]
    bench.pids.update(reply.pid for reply in replies)
    bench.threads.update(reply.who for reply in replies if not bench.own_process)
    return replies


Message = tuple[Any, int]
"""What one call carries, and when it was ready."""


def _messages(bench: Bench, pattern: Pattern, payloads: list[Any], places: list[Any]) -> Iterator[Message]:
    """One message a call: the ticket of what is published for it, or the place that the worker is to fill, or both."""
    transport = bench.transport
    if pattern.payloads == "held":
        for _ in range(bench.count):
            places.append(transport.reserve())
            yield places[-1], now()
        return
    if pattern.payloads == "parts":
        payloads = split(payloads[0], bench.parts)
    for payload in payloads[: bench.count]:
        places.append(transport.reserve())
        ticket = transport.publish(payload, places[-1])
        if pattern.verb == "echo":
            places.append(transport.reserve())
            ticket = ticket, places[-1]
        published = now()
        for _ in range(bench.workers if pattern.payloads == "one" else 1):
            yield ticket, published


def hand_over(bench: Bench, pattern: Pattern, payloads: list[Any], probe: _Probe) -> tuple[Timing, list[Any]]:
    """Every pattern but `reuse`: a call to each worker; until the last reply or, where something comes back or was
    written, until the caller has run the task on all of it.
    """
    places: list[Any] = []
    tickets: list[Any] = []
    submitted: list[int] = []
    futures: list[Future[Any]] = []
    begun = now()
    messages = _messages(bench, pattern, payloads, places)
    if bench.transport.before_start:
        messages = iter(list(messages))
        bench.executor = bench.open()
    assert bench.executor is not None
    submit, verb = bench.executor.submit, bench.verb(pattern)
    for index, (ticket, ready) in enumerate(messages):
        submitted.append(ready)
        futures.append(submit(serve, (verb, index, bench.mode), probe.wrap(ticket)))
        if pattern.verb == "shared" or bench.mode == PROVE:
            tickets.append(ticket)
        del ticket
    if pattern.back:
        timing = _taken_back(bench, pattern, futures, tickets, probe, begun, submitted[0])
    else:
        timing = _answered(bench, futures, probe, begun, submitted)
    if bench.mode == PROVE:
        timing.moved += sum(map(bench.weight, tickets))
        timing.moved += sum(bench.transport.stored(place) for place in places)
    return timing, places


def _answered(
    bench: Bench, futures: list[Future[Any]], probe: _Probe, begun: int, submitted: list[int]
) -> Timing:  # fmt: skip
    answers = [future.result() for future in futures]
    ended = now()
    replies = [probe.unwrap(answer) for answer in answers]
    last = max(range(len(replies)), key=lambda index: replies[index].left)
    reply = replies[last]
    bench.pids.update(reply.pid for reply in replies)
    return Timing(
        publish=submitted[last] - begun, dispatch=reply.arrived - submitted[last],
        attach=reply.attached - reply.arrived, task=reply.done - reply.attached, reply=ended - reply.done,
        results=[reply.result for reply in replies], who=[reply.who for reply in replies],
        cpu_workers=sum(reply.cpu for reply in replies),
    )  # fmt: skip


def _taken_back(
    bench: Bench, pattern: Pattern, futures: list[Future[Any]], tickets: list[Any], probe: _Probe, begun: int,
    ready: int,
) -> Timing:  # fmt: skip
    """The caller attaches one result after another and runs the task on it.

    Phases of the workers' side are those of the reply that is taken first: what follows them, the caller does alone,
    and what is left of the time is the waiting for replies. A worker's publishing of a result counts as publish.
    """
    timing = Timing()
    futures.reverse()
    while futures:
        reply = probe.unwrap(futures.pop().result())
        got = now()
        if not timing.who:
            if pattern.verb == "give":
                timing.dispatch, timing.publish = reply.arrived - begun, reply.done - reply.arrived
            else:
                timing.publish, timing.dispatch = ready - begun, reply.arrived - ready
                timing.attach, timing.task = reply.attached - reply.arrived, reply.done - reply.attached
        if pattern.verb == "give":
            ticket = reply.result
        elif pattern.verb == "echo":
            result, ticket = reply.result
            timing.workers_results.append(result)
        else:
            ticket = tickets[len(timing.results)]
            timing.workers_results.append(reply.result)
        timing.who.append(reply.who)
        timing.cpu_workers += reply.cpu
        bench.pids.add(reply.pid)
        with bench.transport.attach(ticket, bench.setup.access) as payload:
            attached = now()
            timing.results.append(bench.task(payload))
            done = now()
            del payload
        timing.attach += attached - got
        timing.task += done - attached
        if bench.mode == PROVE and pattern.verb != "shared":
            timing.moved += bench.weight(ticket)
        del reply, ticket  # with a channel that carries data, the reply is the payload
    timing.reply = now() - begun - timing.total
    return timing


def reuse(bench: Bench, pattern: Pattern, payloads: list[Any], probe: _Probe) -> tuple[Timing, list[Any]]:
    """One payload, published once, then `calls` calls over it by all workers; until the last reply."""
    begun = now()
    place = bench.transport.reserve()
    ticket = bench.transport.publish(payloads[0], place)
    published = now()
    if bench.transport.before_start:
        bench.executor = bench.open()
    assert bench.executor is not None
    # No gate: a call goes to whichever worker is idle, and there may be more calls than workers.
    submit = bench.executor.submit
    plain = bench.mode == PLAIN
    if plain:
        futures = [submit(serve_again, ticket) for _ in range(bench.calls)]
    else:
        futures = [submit(serve, (bench.verb(pattern), -1, bench.mode), probe.wrap(ticket)) for _ in range(bench.calls)]
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


def _once(bench: Bench, pattern: Pattern, payloads: list[Any], probe: _Probe) -> tuple[Timing, list[Any]]:
    return (reuse if pattern.calls else hand_over)(bench, pattern, payloads, probe)


def transfer(bench: Bench, pattern: str, payloads: list[Any], batch: int = 1) -> Timing:
    """One transfer, with what it cost both sides, and its places freed.

    batch: so many transfers under one pair of readings; what is returned is then their mean.
    """
    how = PATTERNS[pattern]
    probe = _Probe(bench.mode == PROBE)
    known = set(bench.pids)
    sender, others = usage_of(os.getpid()), usage_of_all(known) if bench.own_process else Usage()
    threads_cpu = cpu_of_threads(bench.threads)
    if batch == 1:
        timing, places = _once(bench, how, payloads, probe)
    else:
        timing, places = _batched(bench, how, payloads, probe, batch)
    if how.calls:  # its calls do not say what they used
        timing.cpu_workers = (cpu_of_threads(bench.threads) - threads_cpu) // batch
    timing.sender = (usage_of(os.getpid()) - sender).shared_by(batch)
    if bench.own_process:
        timing.others = (usage_of_all(bench.pids) - others).shared_by(batch)
    if probe.on:
        timing.serialize = probe.pickling() + _replies_pickling(bench, how)
        timing.deserialize = probe.unpickling + channel.unpickling_ns()
    released = now()
    for place in places:
        bench.transport.release(place)
    if bench.transport.before_start:
        bench.close()
    timing.release = (now() - released) // batch
    return timing


def _batched(
    bench: Bench, pattern: Pattern, payloads: list[Any], probe: _Probe, batch: int
) -> tuple[Timing, list[Any]]:  # fmt: skip
    """The mean of several transfers by the readings before the first and after the last.

    Between two of them lies nothing but the loop, and nothing is released. What their own readings do not
    account for is counted as reply.
    """
    begun = now()
    parts = [_once(bench, pattern, payloads, probe) for _ in range(batch)]
    elapsed = now() - begun
    phases = ("publish", "dispatch", "attach", "task", "first_call", "cpu_workers")
    mean = Timing(**{name: sum(getattr(timing, name) for timing, _ in parts) // batch for name in phases})
    mean.reply = elapsed // batch - mean.total
    mean.results = [result for timing, _ in parts for result in timing.results]
    mean.workers_results = [result for timing, _ in parts for result in timing.workers_results]
    mean.who = [who for timing, _ in parts for who in timing.who]
    return mean, [place for _, places in parts for place in places]


def _replies_pickling(bench: Bench, pattern: Pattern) -> int:
    """Time that workers spent pickling their marked replies; nobody else can know it."""
    if bench.transport.before_start or not bench.own_process or pattern.calls:
        return 0
    return sum(reply.result or 0 for reply in gather(bench, Call("pickled"), [None] * bench.workers))
