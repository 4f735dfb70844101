"""Subinterpreters of one process, each with a GIL of its own: concurrent.futures.InterpreterPoolExecutor.

Arguments and results are pickled, except for a few plain types. Extension modules have to allow being loaded there,
and numpy, with all that is built on it, does not yet (numpy/numpy#24755, apache/arrow#44511).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer, initialize_each
from handoff.transports import CannotCarry

FACTS = {
    "about": "threads that each have an interpreter and a GIL of their own (InterpreterPoolExecutor)",
    "simplicity": 3,
    "processes": False,
    "python": "3.14",
}


def _import(module: str) -> None:
    importlib.import_module(module)


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    # Looked up by name: older Pythons do not have it.
    pool: type[Executor] = getattr(futures, "InterpreterPoolExecutor")  # noqa: B009
    with pool(workers) as executor:  # type: ignore[call-arg]  # Executor itself takes no number
        try:
            # The pool's own initializer would only say that it failed, and not of what.
            executor.submit(_import, initializer.__module__).result()
            initialize_each(executor, workers, directory, initializer, initargs)
        except ImportError as error:
            raise CannotCarry(f"a subinterpreter cannot import what it needs: {error}") from error
        yield executor
