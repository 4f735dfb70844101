"""The pipes of `direct` and nothing else: write, then read. What a call between two processes costs at least.

It asks no worker but the one whose reply is wanted, so a death elsewhere and a time limit go unseen. It shows what
the checks of `direct` cost; who wants no more than this has multiprocessing.Pipe.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer
from handoff.executors.direct import PipeFuture, Worker, begin, end, packed, receive, send

FACTS = {
    "about": "as direct, reading and writing the pipes without any check: the least that a call can cost",
    "simplicity": 7,
    "safe": False,
    "why_not_safe": "it sees neither a time limit nor the death of another worker, which this one may wait for",
}


class _RawFuture(PipeFuture):
    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def wait_for(self, timeout: float | None) -> None:
        """Read the reply, whenever it comes: a time limit is not kept."""
        self._worker.future = None
        try:
            message = receive(self._worker.reading)
        except EOFError:
            self.fail(BrokenExecutor("the worker has died"))
        else:
            self.settle(message)


class _RawExecutor(Executor):
    def __init__(self, workers: list[Worker]) -> None:
        self._in_turn = itertools.cycle(workers)
        self._processes = {worker.process.pid: worker.process for worker in workers}  # as ProcessPoolExecutor's

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        worker = next(self._in_turn)
        if worker.future is not None:  # two calls at once could fill both pipes, and both sides would wait
            worker.future.exception()
        future = worker.future = _RawFuture(worker)
        try:
            send(worker.writing, packed((fn, args, kwargs)))
        except BrokenPipeError as error:
            raise BrokenExecutor("the worker has died") from error
        return future


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    begun = begin(workers, initializer, initargs)
    try:
        yield _RawExecutor(begun)
    finally:
        end(begun)
