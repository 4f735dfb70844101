"""A pair of pipes to each worker: the caller's own thread writes the call and reads the reply.

A pool's threads and queues stand between a caller and its workers, and cost most of a small call. Here nobody does.
The price: a reply is taken, and a call that had to wait is sent on, only while the caller asks for some result.

A worker reads a call whole before it replies, and has one call at a time. So neither side ever writes to a pipe
that the other does not empty, however large both messages are.
"""

from __future__ import annotations

import io
import math
import multiprocessing
import os
import pickle
import select
import struct
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Final, NoReturn

from handoff.executors import Initializer

FACTS = {
    "about": "processes that start from a clean interpreter, each with a pipe from the caller and one back (Process)",
    "simplicity": 6,
}

_LENGTH: Final = struct.Struct("<q")
"""Stands before each message."""

_AT_ONCE: Final = 2**16
"""What a pipe holds (pipe(7)): no read gets more."""


def packed(thing: Any) -> memoryview:
    """A message: the thing pickled, behind its length."""
    # Into a BytesIO: the buffer that pickle.dumps grows goes back to the kernel each time it is large, and its pages
    # are cleared and faulted in anew for each message, which takes longer than filling them.
    buffer = io.BytesIO()
    buffer.write(_LENGTH.pack(0))
    pickle.Pickler(buffer, 5).dump(thing)
    message = buffer.getbuffer()
    _LENGTH.pack_into(message, 0, len(message) - _LENGTH.size)
    return message


def send(descriptor: int, message: memoryview) -> None:
    """Write a message; waits while the pipe is full."""
    written = os.write(descriptor, message)
    while written < len(message):
        written += os.write(descriptor, message[written:])


def receive(descriptor: int) -> memoryview:
    """What was pickled into the next message; waits for it.

    Raises:
        EOFError: the other side has closed the pipe, or has died.
    """
    # The pipe is empty when a message begins, so the length lies in its first page and comes as one.
    chunk = os.read(descriptor, _AT_ONCE)
    if not chunk:
        raise EOFError("the other side has gone")
    left = _LENGTH.unpack_from(chunk)[0] - (len(chunk) - _LENGTH.size)
    if not left:
        return memoryview(chunk)[_LENGTH.size :]
    buffer = io.BytesIO()
    buffer.write(memoryview(chunk)[_LENGTH.size :])
    while left:
        chunk = os.read(descriptor, min(left, _AT_ONCE))
        if not chunk:
            raise EOFError("the other side has gone in the middle of a message")
        buffer.write(chunk)
        left -= len(chunk)
    return buffer.getbuffer()


# --- the worker's side ---


def _work(calls: Connection, replies: Connection, initializer: Initializer, initargs: tuple[Any, ...]) -> None:
    """What a worker does until its pipe is closed."""
    initializer(*initargs)
    reading, writing = calls.fileno(), replies.fileno()
    while True:
        try:
            message = receive(reading)
        except EOFError:
            return
        try:
            call = pickle.loads(message)
        except BaseException as error:
            reply = _failure(error)
        else:
            del message  # a large one would be there twice while the task runs
            reply = _answer(*call)
            del call
        try:
            send(writing, reply)
        except BrokenPipeError:
            return  # nobody waits for it any more


def _answer(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> memoryview:
    try:
        return packed((True, function(*args, **kwargs), ""))
    except BaseException as error:  # also a task that calls exit: it ends the call, not the worker
        return _failure(error)


def _failure(error: BaseException) -> memoryview:
    told = "".join(traceback.format_exception(error))
    try:
        # An exception whose __init__ asks for more than its args can be pickled, and only fails afterwards.
        pickle.loads(pickle.dumps(error, 5))
    except Exception:
        error = pickle.PicklingError(f"it cannot be pickled: {type(error).__name__}: {error}")
    return packed((False, error, told))


# --- the caller's side ---


@dataclass(eq=False)
class Worker:
    """One worker, and the caller's ends of its pipes."""

    process: SpawnProcess
    calls: Connection
    replies: Connection
    writing: int
    """The descriptor of `calls`."""
    reading: int
    future: PipeFuture | None = None
    """Whose reply it has not given yet."""


def begin(workers: int, initializer: Initializer, initargs: tuple[Any, ...]) -> list[Worker]:
    """Start that many workers."""
    begun: list[Worker] = []
    try:
        while len(begun) < workers:
            begun.append(_begin_one(initializer, initargs))
    except BaseException:
        end(begun)
        raise
    return begun


def _begin_one(initializer: Initializer, initargs: tuple[Any, ...]) -> Worker:
    context = multiprocessing.get_context("spawn")
    with ExitStack() as ours, ExitStack() as theirs:
        takes, calls = context.Pipe(duplex=False)
        replies, gives = context.Pipe(duplex=False)
        ours.callback(calls.close)
        ours.callback(replies.close)
        # The worker's ends: while this process holds them too, it would not see the worker's death.
        theirs.callback(takes.close)
        theirs.callback(gives.close)
        process = context.Process(target=_work, args=(takes, gives, initializer, initargs))
        process.start()
        ours.pop_all()
    return Worker(process, calls, replies, calls.fileno(), replies.fileno())


def end(workers: list[Worker], wait: bool = True) -> None:
    """Have them end: a worker does when its pipe is closed."""
    for worker in workers:
        worker.calls.close()
        worker.replies.close()
    if wait:
        for worker in workers:
            worker.process.join()
            worker.process.close()


class _Told(Exception):
    """The worker's traceback, as text: shown as the cause of the exception that travelled."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


class PipeFuture(Future[Any]):
    """A result that is read from a worker's pipe when it is asked for.

    Without the state of a usual future, whose lock takes longer to make than a pipe to write to.
    """

    def __init__(self) -> None:
        self._settled = False
        self._value: Any = None
        self._error: BaseException | None = None

    __repr__ = object.__repr__

    @property
    def _condition(self) -> NoReturn:  # type: ignore[override]  # what makes wait() possible is what it must not have
        raise NotImplementedError(
            "nobody tells when this future is done, so wait(), as_completed() and callbacks would wait for ever; "
            "ask each future for its result()"
        )

    def wait_for(self, timeout: float | None) -> None:
        """Return when it is settled.

        Raises:
            TimeoutError: it is not in that many seconds.
        """
        raise NotImplementedError

    def result(self, timeout: float | None = None) -> Any:
        """As of any future.

        Raises:
            BrokenExecutor: a worker has died.
            TimeoutError: it did not come in that many seconds.
            Exception: what the task raised, or why it or its result cannot be pickled.
        """
        if not self._settled:
            self.wait_for(timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if not self._settled:
            self.wait_for(timeout)
        return self._error

    def done(self) -> bool:
        return self._settled

    def settle(self, message: memoryview) -> None:
        """Take the worker's reply."""
        self._settled = True
        try:
            right, value, told = pickle.loads(message)
        except Exception as error:
            self._error = error
            return
        if right:
            self._value = value
        else:
            value.__cause__ = _Told(told)
            self._error = value

    def fail(self, error: BaseException) -> None:
        self._settled, self._error = True, error

    def cancel(self) -> bool:
        """Never possible: a call is on its way as soon as a worker is free."""
        return False

    def cancelled(self) -> bool:
        return isinstance(self._error, CancelledError)

    def running(self) -> bool:
        return not self.done()


class DirectFuture(PipeFuture):
    """The result of one call of a DirectExecutor."""

    def __init__(self, executor: DirectExecutor) -> None:
        super().__init__()
        self._executor = executor

    def done(self) -> bool:
        if not self._settled:
            self._executor.turn(0)
        return self._settled

    def wait_for(self, timeout: float | None) -> None:
        """Takes the replies to other calls, too, as they come."""
        self._executor.wait_for(self, timeout)


class DirectExecutor(Executor):
    """Workers at the ends of pipes, for the one thread that made them."""

    def __init__(self, workers: int, initializer: Initializer, initargs: tuple[Any, ...]) -> None:
        self._thread = threading.get_ident()
        self._waiting: deque[tuple[memoryview, DirectFuture]] = deque()
        self._why_over = ""
        self._poll = select.poll()
        begun = begin(workers, initializer, initargs)
        self._workers = {worker.reading: worker for worker in begun}
        self._idle = list(begun)
        self._busy = 0
        self._processes = {worker.process.pid: worker.process for worker in begun}  # as ProcessPoolExecutor's
        for worker in begun:
            self._poll.register(worker.reading, select.POLLIN)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._check_thread()
        if self._why_over:
            raise (BrokenExecutor if self._processes else RuntimeError)(self._why_over)
        future = DirectFuture(self)
        try:
            message = packed((fn, args, kwargs))
        except Exception as error:
            future.fail(error)
            return future
        if self._idle:
            self._send(self._idle.pop(), message, future)
        else:
            self._waiting.append((message, future))
        return future

    def wait_for(self, future: DirectFuture, timeout: float | None) -> None:
        """Take replies until that future has its own."""
        self._check_thread()
        if timeout is None and self._busy == 1 and not self._waiting:
            # It is the only one that works: nobody else can answer, and no other's death matters.
            self._take(next(worker for worker in self._workers.values() if worker.future is future))
            return
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not future._settled:
            left = end - time.monotonic()
            if not self.turn(None if timeout is None else max(0.0, left)) and left <= 0:
                raise TimeoutError

    def turn(self, patience: float | None) -> bool:
        """Take the replies that are there, or come within that many seconds; whether there were any."""
        self._check_thread()
        if self._why_over:
            return False
        ready = self._poll.poll(None if patience is None else math.ceil(patience * 1000))
        for reading, _ in ready:
            if not self._why_over:
                self._take(self._workers[reading])
        return bool(ready)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers; with `wait`, when all calls have been answered."""
        if cancel_futures:
            while self._waiting:
                self._waiting.pop()[1].fail(CancelledError())
        while wait and not self._why_over and (self._busy or self._waiting):
            self.turn(None)
        self._fail_all(CancelledError())
        self._why_over = self._why_over or "cannot submit a call after shutdown"
        self._processes = {}
        end(list(self._workers.values()), wait)
        self._workers = {}

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("a direct executor and its futures are for the one thread that made it")

    def _send(self, worker: Worker, message: memoryview, future: DirectFuture) -> None:
        worker.future = future
        self._busy += 1
        try:
            send(worker.writing, message)
        except BrokenPipeError:
            self._break(worker)
        except BaseException:  # Ctrl-C in the middle of a message: the worker would take the next one for its end
            self._break()
            raise

    def _take(self, worker: Worker) -> None:
        """Read that worker's reply, and give it the next call before the reply is looked at."""
        try:
            message = receive(worker.reading)
        except EOFError:
            self._break(worker)
            return
        except BaseException:  # Ctrl-C or no memory, in the middle of a message
            self._break()
            raise
        future, worker.future = worker.future, None
        assert future is not None
        self._busy -= 1
        if self._waiting:
            self._send(worker, *self._waiting.popleft())
        else:
            self._idle.append(worker)
        future.settle(message)

    def _break(self, gone: Worker | None = None) -> None:
        """Nobody gets an answer any more, and no worker may wait for one that has gone: that one ends by itself."""
        self._why_over = "a worker has died" if gone else "a message was cut short"
        self._fail_all(BrokenExecutor(self._why_over))
        for worker in self._workers.values():
            if worker is not gone:
                worker.process.terminate()

    def _fail_all(self, error: BaseException) -> None:
        for worker in self._workers.values():
            if worker.future is not None:
                worker.future.fail(error)
                worker.future = None
        while self._waiting:
            self._waiting.pop()[1].fail(error)
        self._busy = 0


@contextmanager
def start(
    workers: int, directory: str, initializer: Initializer, initargs: tuple[Any, ...]
) -> Iterator[Executor]:  # fmt: skip
    with DirectExecutor(workers, initializer, initargs) as executor:
        yield executor
