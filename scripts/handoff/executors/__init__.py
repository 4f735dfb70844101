"""Executors: one file a way to run a function in another worker.

An executor is a function `start(workers, directory, initializer, initargs)` that gives a context manager of a
concurrent.futures.Executor. `directory` is the invocation's own (0700), for sockets and files of the executor's:
it is removed with all that is in it. Warming it up, and making sure that each of its workers gets one call, is the
measuring side's business (measure/worker.py), and the same for all.

Standard library only: loading this loads no executor.
"""

from __future__ import annotations

import importlib
import signal
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Final

Initializer = Callable[..., None]
Start = Callable[[int, str, Initializer, tuple[Any, ...]], AbstractContextManager[Executor]]


PATIENCE_S: Final = 1.0
"""For the end of a worker to show, once its pool is broken."""


def death(executor: Executor | None) -> str:
    """How a worker of a broken pool of processes ended: 'SIGSEGV', 'code 3'; '' where nobody can tell."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
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


def load(name: str) -> Start:
    """The start function of executors/<name>.py."""
    start: Start = importlib.import_module(f"handoff.executors.{name}").start
    return start
