"""Executors: one file a way to run a function in another worker.

An executor is a function `start(workers, directory, initializer, initargs)` that gives a context manager of a
concurrent.futures.Executor. `directory` is the invocation's own (0700), for sockets and files of the executor's:
it is removed with all that is in it. Warming it up, and making sure that each of its workers gets one call, is the
measuring side's business (measure/worker.py), and the same for all.

Standard library only: loading this loads no executor.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

Initializer = Callable[..., None]
Start = Callable[[int, str, Initializer, tuple[Any, ...]], AbstractContextManager[Executor]]


PATIENCE_S: Final = 1.0
"""For the end of a worker to show, once its pool is broken."""


def death(executor: Executor | None) -> str:
    """How a worker of a broken pool of processes ended: 'SIGSEGV', 'code 3'; '' where nobody can tell."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    # ProcessPoolExecutor's thread waits for them itself. A forkserver tells how one ended once, to whoever asks first.
    if thread := getattr(executor, "_executor_manager_thread", None):
        thread.join(PATIENCE_S)
    patience = time.monotonic() + PATIENCE_S
    while processes and time.monotonic() < patience:
        codes = [process.exitcode for process in processes]
        # A broken pool ends its other workers by SIGTERM: that was the cause only if nobody ended otherwise.
        telling = [code for code in codes if code not in (None, 0, -signal.SIGTERM)]
        if not telling and None not in codes:
            telling = [code for code in codes if code]
        if telling:
            return signal.Signals(-telling[0]).name if telling[0] < 0 else f"code {telling[0]}"
        time.sleep(0.01)
    return ""


def name_semaphores(semaphore: Any) -> None:
    """Have loky's semaphores, which are files in /dev/shm, be named as multiprocessing's own of this invocation are: by
    that beginning they are found when it is killed.

    semaphore: the class SemLock of loky.backend.synchronize, or of joblib's copy. What multiprocessing calls its own
    cannot be asked for: loky, as it is imported, makes that its own way of naming, too.
    """
    prefix = multiprocessing.current_process()._config.get("semprefix", "/mp")  # type: ignore[attr-defined]
    semaphore._make_name = staticmethod(lambda: f"{prefix}-loky-{next(semaphore._rand)}")


MEETING_S: Final = 30.0
"""For the last worker to come where all of them meet, counted from the first: a framework's start slowly."""

LOOK_S: Final = 0.001
"""Between two looks at whether the others have come."""


def initialize_each(
    executor: Executor, workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...],
    patience: float = MEETING_S,
) -> None:  # fmt: skip
    """Run the initializer once in each worker, for an executor that has none: before its first call.

    No executor can be told which worker a call is for. So each of `workers` calls waits, when it has run the
    initializer, until the others have too: none of them can have gone to the same worker as another.

    Raises:
        TimeoutError: it does not run so many calls at once.
        Exception: what the initializer raised.
    """
    with tempfile.TemporaryDirectory(prefix="meeting-", dir=directory) as meeting:
        futures = [executor.submit(_meet, meeting, workers, patience, initializer, initargs) for _ in range(workers)]
        # The folder stays until the last one has ended. Who failed says why, the others that they waited for him.
        errors = [error for future in futures if (error := _error(future)) is not None]
    if errors:
        raise min(errors, key=lambda error: isinstance(error, _Alone))


class _Alone(TimeoutError):
    """The other workers did not come."""


def _error(future: Future[Any]) -> Exception | None:
    try:
        future.result()
    except Exception as error:
        return error
    return None


def _meet(meeting: str, workers: int, patience: float, initializer: Initializer, initargs: tuple[Any, ...]) -> None:
    """What each worker runs: the initializer, then wait for the others in that folder."""
    folder = Path(meeting)
    try:
        initializer(*initargs)
    except BaseException:
        (folder / "failed").touch()
        raise
    (folder / f"{os.getpid()}-{threading.get_native_id()}").touch()
    end = time.monotonic() + patience
    while (come := set(os.listdir(folder))) and len(come) < workers:  # noqa: PTH208 (names are enough, and quicker)
        if "failed" in come:
            raise _Alone("the initializer failed in another worker")
        if time.monotonic() > end:
            raise _Alone(f"{len(come)} of {workers} workers took a call within {patience:g} s: it has no more at once")
        time.sleep(LOOK_S)


def load(name: str) -> Start:
    """The start function of executors/<name>.py, or of somebody's own executor, `module:factory`."""
    if ":" in name:
        own: Start = functools.partial(importlib.import_module("handoff.executors.own").start_own, name)
        return own
    start: Start = importlib.import_module(f"handoff.executors.{name}").start
    return start
