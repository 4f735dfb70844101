"""The direct channel: messages of every size, and everything that can go wrong with a pipe."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, as_completed, wait
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NoReturn

import pytest

from handoff import executors
from handoff.executors.direct import DirectExecutor

MUCH = 3 * 2**20
"""Bytes: many times what a pipe holds."""


class Stubborn(Exception):
    """Can be pickled, and not be made again from that."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("stubborn")


# What the workers run.


def nothing() -> None:
    pass


def fail_to_start() -> NoReturn:
    raise LookupError("no such luck")


def back(payload: Any, seconds: float = 0.0) -> Any:
    time.sleep(seconds)
    return payload


def who(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def divide(one: int, two: int) -> float:
    return one / two


def be_stubborn() -> NoReturn:
    raise Stubborn(1, 2)


def leave() -> NoReturn:
    raise SystemExit(7)


def give_a_lock() -> Any:
    return threading.Lock()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def direct(workers: int = 1) -> Iterator[DirectExecutor]:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (only their number)
    children = set(multiprocessing.active_children())
    with DirectExecutor(workers, nothing, ()) as executor:
        yield executor
    assert set(multiprocessing.active_children()) == children
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.fixture(autouse=True)
def _tracker() -> None:
    """Multiprocessing's own helper, which stays and has a descriptor, runs before anything is counted."""
    resource_tracker.ensure_running()


@pytest.mark.parametrize("size", [0, 1, 4_000, 2**16 - 100, 2**16, 2**16 + 1, MUCH])
def test_a_message_of_any_size_goes_there_and_back(size: int) -> None:
    payload = os.urandom(size)
    with direct() as executor:
        for _ in range(3):
            assert executor.submit(back, payload).result() == payload


def test_large_messages_both_ways_to_more_calls_than_workers() -> None:
    payloads = [bytes([number]) * MUCH for number in range(6)]
    with direct(2) as executor:
        futures = [executor.submit(back, payload) for payload in payloads]
        assert [future.result() for future in futures[::-1]] == payloads[::-1]


def test_many_calls_before_any_result_are_spread_over_the_workers() -> None:
    with direct(2) as executor:
        assert len({future.result() for future in [executor.submit(who, 0.01) for _ in range(50)]}) == 2
        assert list(executor.map(back, range(500))) == list(range(500))


def test_each_of_the_idle_workers_gets_one_call(tmp_path: Path) -> None:
    with direct(3) as executor:
        # Returns only if three calls run at once.
        executors.initialize_each(executor, 3, str(tmp_path), nothing, ())


def test_the_end_waits_for_what_was_submitted(tmp_path: Path) -> None:
    with direct() as executor:
        futures = [executor.submit((tmp_path / str(number)).touch) for number in range(3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]
    assert [future.result() for future in futures] == [None] * 3
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(nothing)


def test_calls_that_nobody_has_can_be_dropped_at_the_end() -> None:
    with direct() as executor:
        futures = [executor.submit(back, number) for number in range(3)]
        executor.shutdown(cancel_futures=True)
    assert futures[0].result() == 0
    assert [future.cancelled() for future in futures] == [False, True, True]
    with pytest.raises(CancelledError):
        futures[2].result()


def test_an_exception_travels_with_the_workers_traceback() -> None:
    with direct() as executor:
        future = executor.submit(divide, 1, two=0)
        with pytest.raises(ZeroDivisionError, match="division by zero") as raised:
            future.result()
        assert "in divide" in str(raised.value.__cause__)
        assert future.exception() is raised.value
        assert executor.submit(divide, 1, two=2).exception() is None
        with pytest.raises(SystemExit):
            executor.submit(leave).result()
        assert executor.submit(back, "still there").result() == "still there"


def test_what_cannot_be_pickled_is_that_calls_failure_alone() -> None:
    with direct() as executor:
        argument, result = executor.submit(back, threading.Lock()), executor.submit(give_a_lock)
        for future in (argument, result):
            with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock' object"):
                future.result()
        with pytest.raises(Exception, match="it cannot be pickled: Stubborn: stubborn"):
            executor.submit(be_stubborn).result()
        assert executor.submit(back, "still there").result() == "still there"


def test_a_time_limit_is_kept_and_the_result_still_comes() -> None:
    with direct(2) as executor:
        slow, quick = executor.submit(back, "slow", 0.3), executor.submit(back, "quick")
        assert not slow.done()
        assert slow.running()
        with pytest.raises(TimeoutError):
            slow.result(timeout=0.01)
        assert quick.result(timeout=60) == "quick"
        assert slow.result(timeout=60) == "slow"
        assert slow.done()
        late = executor.submit(back, "late")
        while not late.done():
            time.sleep(0.001)
        assert late.result(0) == "late"


@pytest.mark.parametrize("workers", [1, 3])
def test_a_dead_worker_is_told_at_once_also_to_who_waits_for_another(workers: int) -> None:
    with direct(workers) as executor:
        futures = [executor.submit(back, None, 600.0) for _ in range(workers - 1)]
        futures.append(executor.submit(die))
        waiting = executor.submit(back, "never sent")
        for future in (*futures, waiting):
            with pytest.raises(BrokenExecutor, match="a worker has died"):
                future.result()
        assert executors.death(executor) == "SIGKILL"
        with pytest.raises(BrokenExecutor):
            executor.submit(nothing)


def test_an_idle_workers_death_is_told_by_the_next_call() -> None:
    with direct() as executor:
        pid = executor.submit(who).result()
        os.kill(pid, signal.SIGKILL)
        executor._processes[pid].join()
        with pytest.raises(BrokenExecutor):
            executor.submit(back, b"x" * MUCH).result()


def test_an_initializer_that_fails_breaks_the_executor(capfd: pytest.CaptureFixture[str]) -> None:
    with DirectExecutor(1, fail_to_start, ()) as executor:
        with pytest.raises(BrokenExecutor):
            executor.submit(nothing).result()
        assert executors.death(executor) == "code 1"
    assert "LookupError: no such luck" in capfd.readouterr().err


def test_what_would_wait_for_ever_is_refused() -> None:
    with direct() as executor:
        future = executor.submit(nothing)
        for hopeless in (lambda: wait([future]), lambda: list(as_completed([future]))):
            with pytest.raises(NotImplementedError, match="ask each future"):
                hopeless()
        with pytest.raises(NotImplementedError, match="ask each future"):
            future.add_done_callback(print)
        assert not future.cancel()
        assert "DirectFuture" in repr(future)


def test_another_thread_is_refused_and_mixes_nothing_up() -> None:
    with direct() as executor:
        future = executor.submit(back, 1)
        refused: list[BaseException] = []

        def try_it() -> None:
            for use in (future.result, future.done, lambda: executor.submit(nothing)):
                try:
                    use()
                except RuntimeError as error:
                    refused.append(error)

        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
        assert [str(error) for error in refused] == [
            "a direct executor and its futures are for the one thread that made it"
        ] * 3
        assert future.result() == 1


def test_the_raw_channel_is_the_same_without_the_checks(tmp_path: Path) -> None:
    payloads = [bytes([number]) * MUCH for number in range(5)]
    with executors.load("direct_raw")(2, str(tmp_path), nothing, ()) as executor:
        futures = [executor.submit(back, payload) for payload in payloads]
        assert [future.result() for future in futures] == payloads
        with pytest.raises(ZeroDivisionError):
            executor.submit(divide, 1, 0).result()
        future = executor.submit(die)
        with pytest.raises(BrokenExecutor):
            future.result()
        assert executors.death(executor) == "SIGKILL"
