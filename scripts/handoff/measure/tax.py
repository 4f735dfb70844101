"""What measuring itself costs: the instrument against bare loops over the same executors, in one process.

Rounds of the two alternate, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from handoff import executors, payloads, tasks, transports
from handoff.measure import worker
from handoff.measure.gate import Gate
from handoff.measure.transfers import Bench, gather, transfer
from handoff.measure.usage import cpu_of_threads, usage_of, usage_of_all
from handoff.measure.worker import Call, Setup
from handoff.strategies import executor_facts

NULL_BYTES: Final = 8
LARGE_BYTES: Final = 64 * 2**20
CALLS_A_ROUND: Final = 50
CALLS_IN_FLIGHT: Final = 200
ROUNDS_OF_REUSE: Final = 5
"""Rounds of calls in flight for each round of single calls: they vary more, as both processes run at once."""

_now = time.perf_counter_ns


def answer(payload: Any) -> None:
    """What a bare loop submits."""


@contextmanager
def bench_of(executor_name: str, task: str) -> Iterator[Bench]:
    """A warm bench of one worker, without files, a supervisor, or a plan.

    The payload goes through the executor's own channel, as in a bare submit: a transport's own work would be no cost
    of the instrument.
    """
    own_process = executor_facts(executor_name).processes
    transport_name = "pickle" if own_process else "reference"
    with tempfile.TemporaryDirectory() as folder:
        Gate.make(folder)
        setup = Setup(1, transports.Spec(transport_name, folder, "handoff-tax", 1), task, 1, folder)
        transport = transports.build(setup.spec)
        if not own_process:
            worker.use(worker.State(setup, transport))
        with executors.load(executor_name)(1, folder, worker.start, (setup, None, own_process)) as executor:
            bench = Bench(
                setup, transport, tasks.load(task), 1, 1, 1, own_process,
                open=lambda: executor, close=lambda: None, executor=executor,
            )  # fmt: skip
            gather(bench, Call("meet"), [None])
            yield bench
        worker.use(None)
        transport.close()


def _pause(bench: Bench) -> None:
    """What comes before a transfer's clock starts: after it, caches and cores are colder than in a tight loop,
    which is a condition of the measurement and no cost of the instrument."""
    usage_of(os.getpid())
    usage_of_all(bench.pids if bench.own_process else ())
    cpu_of_threads(bench.threads)


def _bare_call(bench: Bench, payload: Any) -> float:
    assert bench.executor is not None
    _pause(bench)
    begun = _now()
    bench.executor.submit(answer, payload).result()
    return (_now() - begun) / 1e9


def null_payload(executor_name: str, rounds: int) -> list[float]:
    """Seconds a call that a transfer of a null payload takes more than a bare submit, one figure a round."""
    payload = payloads.load("array").make(NULL_BYTES, seed=1)
    differences = []
    with bench_of(executor_name, "noop") as bench:
        for _ in range(rounds + 1):
            bare, ours = [], []
            for number in range(CALLS_A_ROUND):
                # Who goes first alternates: a worker that has slept longer wakes up later.
                if number % 2:
                    bare.append(_bare_call(bench, payload))
                ours.append(transfer(bench, "send", [payload]).total / 1e9)
                if not number % 2:
                    bare.append(_bare_call(bench, payload))
            differences.append(statistics.median(ours) - statistics.median(bare))
    return differences[1:]  # the first round warms both


def null_payload_reused(executor_name: str, rounds: int) -> list[float]:
    """The same for the pattern `reuse`: seconds a call, of many in flight at once over one null payload."""
    payload = payloads.load("array").make(NULL_BYTES, seed=1)
    differences = []
    with bench_of(executor_name, "noop") as bench:
        bench.calls = CALLS_IN_FLIGHT
        for number in range(ROUNDS_OF_REUSE * rounds + 1):

            def ours() -> float:
                return transfer(bench, "reuse", [payload]).total / 1e9

            def theirs() -> float:
                return _bare_calls(bench, payload)

            # Who goes first alternates.
            first, second = (ours, theirs) if number % 2 else (theirs, ours)
            a, b = first(), second()
            differences.append((a - b if number % 2 else b - a) / CALLS_IN_FLIGHT)
    return differences[1:]


def _bare_calls(bench: Bench, payload: Any) -> float:
    assert bench.executor is not None
    _pause(bench)
    begun = _now()
    futures = [bench.executor.submit(answer, payload) for _ in range(CALLS_IN_FLIGHT)]
    for future in futures:
        future.result()
    return (_now() - begun) / 1e9


def _ten_lines(executor: ThreadPoolExecutor, task: Callable[[Any], Any], payload: Any) -> float:
    begun = _now()
    future = executor.submit(task, payload)
    future.result()
    return (_now() - begun) / 1e9


def threads_on_large(rounds: int) -> list[float]:
    """Time of `threads-reference` over that of a plain loop, for 64 MiB, one ratio a round."""
    payload = payloads.load("array").make(LARGE_BYTES, seed=1)
    ratios = []
    with bench_of("threads", "read") as bench, ThreadPoolExecutor(1) as plain:
        for number in range(rounds + 1):

            def ours() -> float:
                return transfer(bench, "send", [payload]).total / 1e9

            def theirs() -> float:
                return _ten_lines(plain, payloads.checksum, payload)

            # Who goes first alternates too.
            first, second = (ours, theirs) if number % 2 else (theirs, ours)
            a, b = first(), second()
            ratios.append(a / b if number % 2 else b / a)
    return ratios[1:]


def busy_error() -> float:
    """Seconds by which a busy task of 100 ms, run through a process pool, is reproduced too long or too short."""
    payload = payloads.load("array").make(NULL_BYTES, seed=1)
    with bench_of("process_spawn", "busy") as bench:
        return max(abs(transfer(bench, "send", [payload]).task - tasks.BUSY_NS) / 1e9 for _ in range(10))
