"""Dask's own scheduler on this machine alone: a LocalCluster whose workers are processes."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any, Final

from handoff.executors import Initializer

FACTS = {
    "about": "processes of a Dask cluster on this machine, its scheduler a thread of the sender's",
    "simplicity": 9,
    "needs": ("dask", "distributed"),
}

SETTINGS: Final = {
    # A worker that dies is the call's failure: none is tried again elsewhere.
    "distributed.scheduler.allowed-failures": 0,
    # Memory is watched from outside. Dask would write payloads to disk at 60 % of its share and pause at 80 %.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
}


LOOK_S: Final = 0.5
"""Between two looks at whether the worker is still there, while a result does not come."""


class _DaskFuture(Future[Any]):
    """The result of one call, fetched by whoever asks for it: wait() and callbacks see nothing of it."""

    def __init__(self, future: Any, client: Any, address: str, unfinished: set[str]) -> None:
        super().__init__()
        self._future = future
        self._client = client
        self._address = address
        self._unfinished = unfinished
        self._finished = threading.Event()
        future.add_done_callback(self._finish)

    def _finish(self, future: Any) -> None:
        self._unfinished.discard(future.key)
        self._finished.set()

    def result(self, timeout: float | None = None) -> Any:
        """The call's result, as of any future.

        Raises:
            BrokenExecutor: the worker has died: during the call, or before it, which Dask would wait for for ever.
        """
        from distributed.client import CancelledError
        from distributed.scheduler import KilledWorker

        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        # Not with a time limit of Dask's own, which may end the fetching of a result that has come.
        while not self._finished.wait(min(LOOK_S, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() > deadline:
                raise TimeoutError
            check(self._client, self._address)
        try:
            return self._future.result()
        except (CancelledError, KilledWorker):
            check(self._client, self._address)
            raise


def check(client: Any, address: str) -> None:
    """Raise BrokenExecutor if the worker has died."""
    if address not in client.nthreads():
        raise BrokenExecutor("a worker of Dask has died")


class DaskExecutor(Executor):
    """Each call is bound to the worker with the fewest unfinished ones.

    Dask itself sends a call to where its data lie, and two calls that wait for each other would wait for ever
    on one worker.
    """

    def __init__(self, client: Any, addresses: list[str]) -> None:
        self.client = client
        self._unfinished: dict[str, set[str]] = {address: set() for address in addresses}

    def next_worker(self) -> str:
        """The address of the worker that the next call goes to."""
        return min(self._unfinished, key=lambda address: len(self._unfinished[address]))

    def scatter(self, payload: Any) -> Any:
        """A future of the payload, whose data lie with the worker that the next call goes to.

        Raises:
            BrokenExecutor: that worker has died.
        """
        address = self.next_worker()
        try:
            # In a list, because a payload that is one would be scattered item by item.
            (future,) = self.client.scatter([payload], workers=[address], direct=True, hash=False, timeout=LOOK_S)
        except OSError:  # nobody there, or nobody any more
            check(self.client, address)
            raise
        return future

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        address = self.next_worker()
        with warnings.catch_warnings():
            # That an argument is large is known: it is what is measured.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            future = self.client.submit(fn, *args, pure=False, workers=[address], allow_other_workers=False, **kwargs)
        unfinished = self._unfinished[address]
        unfinished.add(future.key)
        return _DaskFuture(future, self.client, address, unfinished)


running: DaskExecutor | None = None
"""This process's, for the transport that hands data to its workers."""


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    global running
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set({**SETTINGS, "temporary-directory": directory}),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
            local_directory=directory, memory_limit=None, silence_logs="ERROR",
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        client.wait_for_workers(workers)
        client.run(initializer, *initargs)
        running = DaskExecutor(client, list(client.nthreads()))
        try:
            yield running
        finally:
            running = None
