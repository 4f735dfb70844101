"""Functions as users have them, and as nobody should: each does what its name says."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

PRINTED = 50 * 10**6
"""Bytes that the loud function prints."""


def total(payload: Any) -> float:
    return float(payload.sum())


def raises(payload: Any) -> float:
    raise ValueError("no\nsuch column")


def crashes(payload: Any) -> str:
    return str(ctypes.string_at(0))


def exits_at_once(payload: Any) -> None:
    os._exit(3)


def exits(payload: Any) -> None:
    sys.exit("enough")


def never_returns(payload: Any) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    while True:
        time.sleep(1)


def stops(payload: Any) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def writes_input(payload: Any) -> float:
    payload += 1
    return float(payload.sum())


def prints_much(payload: Any) -> int:
    for _ in range(PRINTED // 10**6):
        os.write(1, b"x" * 10**6)
    return 1


def starts_process(payload: Any) -> int:
    """Its child outlives it, in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    return 1


def comes_back_twice(payload: Any) -> int:
    return min(1, os.fork() + 1)


def starts_threads(payload: Any) -> int:
    for _ in range(3):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return 1


def returns_lambda(payload: Any) -> Callable[[], int]:
    return lambda: 1


def returns_clock(payload: Any) -> int:
    return time.perf_counter_ns()


def fails_in_threads(payload: Any) -> int:
    if _busy:
        os.kill(os.getpid(), signal.SIGSEGV)
    _busy.append(1)
    time.sleep(0.01)
    _busy.clear()
    return 1


_busy: list[int] = []


def takes_all_memory(payload: Any) -> float:
    return float(np.ones(2**50).sum())


def writes_into_every_pipe(payload: Any) -> int:
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b'nonsense\n{"event": "finding", "finding": {"about": 1}}\n')
        except OSError:
            continue
    return 1


def two_columns(frame: Any) -> float:
    return float((frame["float64_0"] * frame["int64_3"]).sum())


no_name = lambda payload: 1  # noqa: E731


def _closure(number: int) -> Callable[[Any], int]:
    return lambda payload: number


closure = _closure(2)
