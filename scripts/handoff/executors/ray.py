"""Ray on this machine alone: a node is started for the invocation, and each worker is an actor."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from handoff import machine
from handoff.executors import Initializer

FACTS = {
    "about": "actors of a Ray node that is started on this machine for them",
    "simplicity": 12,
    "needs": ("ray",),
}

SETTINGS: Final = {
    # Whoever may connect may run code: Ray asks for this token, and would write one of its own to ~/.ray.
    "RAY_AUTH_MODE": "token",
    # The address that Ray takes for its own elsewhere than on Linux is the loopback one.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Read once, as Ray is imported."""


class _RayFuture(Future[Any]):
    """The result of one call, fetched by whoever asks for it: wait() and callbacks see nothing of it."""

    def __init__(self, reference: Any, forget: Callable[[], None]) -> None:
        super().__init__()
        self._reference = reference
        self._forget = forget

    def result(self, timeout: float | None = None) -> Any:
        """The call's result, as of any future.

        Raises:
            BrokenExecutor: the worker has died.
        """
        import ray

        try:
            result = ray.get(self._reference, timeout=timeout)
        except ray.exceptions.RayTaskError as error:
            self._forget()
            raise error.cause from None
        except ray.exceptions.RayActorError as error:
            raise BrokenExecutor("a worker of Ray has died") from error
        self._forget()
        return result


class _RayExecutor(Executor):
    """Each call goes to the actor with the fewest unanswered ones: Ray itself would have the caller choose."""

    def __init__(self, actors: list[Any]) -> None:
        self._actors = actors
        self._unanswered: list[set[int]] = [set() for _ in actors]
        self._calls = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        index = min(range(len(self._actors)), key=lambda index: len(self._unanswered[index]))
        self._calls += 1
        number, unanswered = self._calls, self._unanswered[index]
        unanswered.add(number)
        return _RayFuture(self._actors[index].call.remote(fn, *args, **kwargs), lambda: unanswered.discard(number))


class _Worker:
    """What an actor is."""

    def __init__(self, initializer: Initializer, initargs: tuple[Any, ...]) -> None:
        initializer(*initargs)

    def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    os.environ.update(SETTINGS)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # one for all nodes of a process: Ray keeps it
    import ray

    # Its workers look for modules where this process does, as those of a pool do.
    searched = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    # Ray puts sockets 64 bytes below its folder, and 107 is all that the kernel takes: a short name for the same one.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    # Twice the payloads are what a job is started for, once with the sender and once in the store.
    store = min(machine.available_memory() // 2, machine.free_room(Path(directory)) * 9 // 10)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        ray.init(
            address="local", num_cpus=workers, object_store_memory=store, include_dashboard=False,
            _temp_dir=f"/proc/{os.getpid()}/fd/{descriptor}", _plasma_directory=directory,
            configure_logging=False, logging_level="ERROR", log_to_driver=False,
        )  # fmt: skip
        signal.signal(signal.SIGTERM, handler)  # Ray makes it an exit by exception
        try:
            actors = [ray.remote(num_cpus=1)(_Worker).remote(initializer, initargs) for _ in range(workers)]
            ray.get([actor.call.remote(os.getpid) for actor in actors])  # or what the initializer raised
            yield _RayExecutor(actors)
        finally:
            ray.shutdown()
    finally:
        os.close(descriptor)
        if searched is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = searched
