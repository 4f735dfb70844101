"""Processes by forkserver: concurrent.futures.ProcessPoolExecutor, Linux's default from Python 3.14 on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "processes that a small server without threads forks (ProcessPoolExecutor, forkserver)",
    "simplicity": 3,
}


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    # The server lives as long as this process and serves its next executors, too. Its socket lies in a folder of
    # multiprocessing's in TMPDIR, which would stay there if this process were killed; here it is swept.
    multiprocessing.current_process()._config.setdefault("tempdir", directory)  # type: ignore[attr-defined]
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=initializer, initargs=initargs) as executor:
        yield executor
