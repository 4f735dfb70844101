"""MPI on this machine alone, by hand: spawned processes in one communicator with the sender, for shared windows.

MPIPoolExecutor keeps its communicator to itself, and a window is made by all processes of a communicator together.
So here each worker answers messages in turn, and one of the messages is to make a window.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from handoff.executors import Initializer, mpi

FACTS = {
    "about": "processes that MPI spawns, in one communicator with the sender (a loop of one's own over mpi4py)",
    "simplicity": 14,
    "needs": ("mpi4py",),
}

SHORTEST_S: Final = 1e-5
LONGEST_S: Final = 1e-3
"""Between two looks for a message. MPI's own waiting would keep a core busy, and the next worker from it."""

_windows: dict[int, tuple[Any, memoryview]] = {}
"""This process's, by their numbers."""


def window(number: int) -> memoryview:
    """The memory of that window, which is the sender's own; what others have written is visible from now on."""
    shared, memory = _windows[number]
    shared.Sync()
    return memory


def written(number: int) -> None:
    """Make what was written into that window visible to the others."""
    _windows[number][0].Sync()


def _allocate(world: Any, number: int, size: int) -> None:
    """Make a window of the sender's memory; every process of the communicator has to."""
    from mpi4py import MPI

    shared = MPI.Win.Allocate_shared(size if world.Get_rank() == 0 else 0, 1, comm=world)
    shared.Lock_all(MPI.MODE_NOCHECK)
    _windows[number] = shared, memoryview(shared.Shared_query(0)[0])


def _free(number: int) -> None:
    """Free that window; every process has to. An error, and no crash, if something still uses its memory."""
    shared, memory = _windows.pop(number)
    memory.release()
    shared.Unlock_all()
    shared.Free()


class _Worker:
    """The sender's end of one worker, which answers its calls in their order."""

    def __init__(self, world: Any, rank: int) -> None:
        self._world = world
        self._rank = rank
        self._pid = int(world.recv(source=rank))
        self.unanswered: deque[Future[Any]] = deque()

    def send(self, *message: Any) -> None:
        self._world.send(message, dest=self._rank)

    def call(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        future = _Answer(self)
        self.unanswered.append(future)
        self.send("call", fn, args, kwargs)
        return future

    def receive(self, deadline: float = float("inf")) -> None:
        """Take the next answer.

        Raises:
            TimeoutError: none has come by then.
            BrokenExecutor: the worker has died.
        """
        pause = SHORTEST_S
        while not self._world.iprobe(source=self._rank):
            if time.monotonic() > deadline:
                raise TimeoutError
            if pause >= LONGEST_S and not Path(f"/proc/{self._pid}").exists():
                raise BrokenExecutor("a worker of MPI has died")
            time.sleep(pause)
            pause = min(LONGEST_S, 2 * pause)
        well, result = self._world.recv(source=self._rank)
        future = self.unanswered.popleft()
        if well:
            future.set_result(result)
        else:
            future.set_exception(result)


class _Answer(Future[Any]):
    """The result of one call, received by whoever asks for it: wait() alone would wait for ever."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__()
        self._worker = worker

    def result(self, timeout: float | None = None) -> Any:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not self.done():
            self._worker.receive(deadline)
        return super().result()


class World(Executor):
    """Each call goes to the worker with the fewest unanswered ones."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._workers = [_Worker(world, rank) for rank in range(1, world.Get_size())]
        self._made = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return min(self._workers, key=lambda worker: len(worker.unanswered)).call(fn, args, kwargs)

    def tell(self, *message: Any) -> None:
        """Send every worker a message, when all of them have answered."""
        for worker in self._workers:
            while worker.unanswered:
                worker.receive()
        for worker in self._workers:
            worker.send(*message)

    def allocate(self, size: int) -> int:
        """Make a window of that many bytes; its number. No worker may be waiting for another call."""
        self._made += 1
        self.tell("allocate", self._made, size)
        _allocate(self._world, self._made, size)
        return self._made

    def free(self, number: int) -> None:
        """Free that window, if it is there."""
        if number in _windows:
            self.tell("free", number)
            _free(number)

    def end(self) -> None:
        for number in list(_windows):
            self.free(number)
        self.tell("end")


running: World | None = None
"""The sender's, for the transport that makes windows."""


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    global running
    mpi.prepare(directory)
    from mpi4py import MPI

    program = f"import sys; sys.path[:0] = {sys.path!r}; from handoff.executors.mpi_world import work; work()"
    spawned = MPI.COMM_SELF.Spawn(sys.executable, ["-c", program], workers)
    world = spawned.Merge(high=False)
    running = World(world)
    try:
        for future in [worker.call(initializer, initargs, {}) for worker in running._workers]:
            future.result()
        yield running
    finally:
        if not isinstance(sys.exc_info()[1], BrokenExecutor):
            running.end()
            world.Free()
            spawned.Disconnect()
        running = None


def work() -> None:
    """What a worker runs: it answers until it is told to end."""
    from mpi4py import MPI

    parent = MPI.Comm.Get_parent()
    world = parent.Merge(high=True)
    world.send(os.getpid(), dest=0)
    while True:
        pause = SHORTEST_S
        while not world.iprobe(source=0):
            time.sleep(pause)
            pause = min(LONGEST_S, 2 * pause)
        match world.recv(source=0):
            case "call", fn, args, kwargs:
                world.send(_answer(fn, args, kwargs), dest=0)
                del fn, args, kwargs
            case "allocate", number, size:
                _allocate(world, number, size)
            case "free", number:
                _free(number)
            case _:
                break
    world.Free()
    parent.Disconnect()


def _answer(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
    try:
        return True, fn(*args, **kwargs)
    except BaseException as error:
        return False, error
