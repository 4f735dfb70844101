"""Processes by forkserver: concurrent.futures.ProcessPoolExecutor, Linux's default from Python 3.14 on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "processes that a small server without threads forks (ProcessPoolExecutor, forkserver)",
    "simplicity": 3,
}

_directories: list[str] = []
"""The one in which this process's server has its socket, once there is one."""


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    # The server outlives the executor and serves the process's next ones, as in anybody's program. Its socket would
    # lie in a folder in TMPDIR, which stays there if this process is killed; in the invocation's own it is swept.
    if _directories != [directory]:
        with suppress(FileNotFoundError):  # the socket of the one before, in a folder that has been removed
            forkserver._forkserver._stop()  # type: ignore[attr-defined]
        _directories[:] = [directory]
    settings = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    usual, settings["tempdir"] = settings.get("tempdir"), directory
    try:
        context = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=initializer, initargs=initargs) as executor:
            yield executor
    finally:
        settings["tempdir"] = usual
