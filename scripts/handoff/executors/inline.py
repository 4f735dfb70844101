"""No other worker: the caller runs the task itself. What a task costs where nothing is handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from handoff.executors import Initializer

FACTS = {
    "about": "floor: the caller itself, one task, no other worker",
    "simplicity": 0,
    "processes": False,
    "channel_carries_references": True,
    "floor": True,
}


class _Inline(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    initializer(*initargs)
    yield _Inline()
