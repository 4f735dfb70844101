"""Any concurrent.futures.Executor: what a function of the user's returns, `module:factory` in a strategy's id.

The factory takes the number of workers and returns an Executor, or whatever gives one in a `with`. It is looked for
from the working directory. Nothing is assumed of the executor but submit(): the initializer is run by calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from handoff import own_functions
from handoff.executors import Initializer, initialize_each

FACTS = {
    "about": "an executor of your own, which the function in its name makes",
    "simplicity": 20,
}


class UnfitExecutor(Exception):
    """What the factory gave cannot be measured: why, in words."""


@contextmanager
def start_own(
    name: str, workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    """The executor that the factory of that name gives for so many workers.

    Raises:
        UnfitExecutor: it gives none, or one whose workers are threads of this process.
    """
    made = own_functions.load(name, "")(workers)
    if not hasattr(made, "__enter__"):
        raise UnfitExecutor(f"{name} has given {made!r:.80}, which is no concurrent.futures.Executor")
    with made as executor:
        if not isinstance(executor, Executor):
            raise UnfitExecutor(f"{name} has given {executor!r:.80}, which is no concurrent.futures.Executor")
        if executor.submit(os.getpid).result() == os.getpid():
            raise UnfitExecutor(f"the workers of {name} are threads of the sender's process, as threads-reference has")
        initialize_each(executor, workers, directory, initializer, initargs)
        yield executor
