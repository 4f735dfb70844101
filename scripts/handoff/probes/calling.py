"""Calls of the user's function: each is announced before, so that a death can be blamed on it, and kept apart."""

from __future__ import annotations

import math
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from handoff import payloads
from handoff.measure.usage import marked

Say = Callable[[dict[str, Any]], None]
"""Tells the supervising process something."""

LOOK_S: Final = 0.002
"""Between two looks at a call's threads."""

SETTLE_S: Final = 0.5
"""For the kernel to forget threads that have ended."""

THREAD_EVENTS: Final = frozenset({"_thread.start_new_thread", "_thread.start_joinable_thread"})
PROCESS_EVENTS: Final = frozenset({
    "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen",
})  # fmt: skip
"""CPython's audit events (sys.audit) that tell of these."""


class CallFailed(Exception):
    """The function raised something, which is this one's cause."""

    @property
    def error(self) -> BaseException:
        """What it raised."""
        assert self.__cause__ is not None
        return self.__cause__


class Trial:
    """The function, its payload, and what was found out of the two so far."""

    def __init__(self, run: Callable[[Any], Any], again: Callable[[], Any], say: Say, limit_s: float) -> None:
        """again: makes the payload anew; limit_s: what one call may take, and each probe of many calls."""
        self.run = run
        self.say = say
        self.limit_s = limit_s
        self.writes = False
        """It changes its payload: each call gets a copy."""
        self.result: Any = None
        """Of the first call."""
        self.seconds = 0.0
        """What a call takes, as far as is known."""
        self.litters = False
        """It starts processes, or threads that stay: it must not be called hundreds of times."""
        self.works = False
        """The first call returned."""
        self._again = again
        self.payload = again()
        self._process = os.getpid()

    def input(self, payload: Any = None) -> Any:
        """The payload, or another one, as it was before any call."""
        payload = self.payload if payload is None else payload
        return payloads.copy(payload) if self.writes else payload

    def spoil(self) -> None:
        """It was written into: make it anew, and guard it from now on."""
        self.writes = True
        self.payload = self._again()

    def call(self, payload: Any, times: int = 1, how: str = "") -> Any:
        """What the function returns for it. how: what is particular about this call, in words, for its obituary.

        Raises:
            CallFailed: it raised anything at all, also what is to end Python.
        """
        return self.guarded(lambda: self.run(payload), times, how)

    def guarded(self, work: Callable[[], Any], times: int = 1, how: str = "") -> Any:
        """What the work returns, within which the function is called so many times.

        Raises:
            CallFailed: it raised.
        """
        self.say({"event": "call", "times": times, "how": how})
        try:
            return work()
        except BaseException as error:  # SystemExit and KeyboardInterrupt are results here, too
            raise CallFailed from error
        finally:
            if os.getpid() != self._process:
                os._exit(0)  # it has forked, and this is the copy: there must not be two that probe
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):  # it may have closed or replaced them
                    stream.flush()
            self.say({"event": "returned"})


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal: by a payload's digest, or by ==; floats up to the order of adding them up."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9) or (one != one and other != other)
    try:
        return payloads.digest(one) == payloads.digest(other)
    except Exception:  # what has no digest may still be comparable
        try:
            return bool(one == other)
        except Exception:
            return False


def _live_threads() -> int:
    """This process's threads, also those that Python has not started."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _stay(before: int) -> int:
    """How many more threads there are than before: the kernel has one for a moment longer than whoever joined it."""
    patience = time.monotonic() + SETTLE_S
    while (left := max(0, _live_threads() - before)) and time.monotonic() < patience:
        time.sleep(LOOK_S)
    return left


class Started:
    """Threads and processes that a call starts."""

    def __init__(self) -> None:
        self.threads = 0
        """Started by Python, or seen at once beside those before, whichever is more."""
        self.threads_left = 0
        self.processes = 0
        """Started by Python; at least 1 if there was any."""
        self.processes_left = 0
        self._counting = False

    def _hear(self, event: str, _arguments: Any) -> None:
        if self._counting:
            self.threads += event in THREAD_EVENTS
            self.processes += event in PROCESS_EVENTS

    @contextmanager
    def watched(self, mark: str) -> Iterator[None]:
        """Watch what is started meanwhile. mark: what this process's descendants carry (usage.MARK)."""
        sys.addaudithook(self._hear)  # stays for good: the process is one of probes alone
        done, seen, before = threading.Event(), [0], _live_threads()
        waited = resource.getrusage(resource.RUSAGE_CHILDREN)

        def look() -> None:
            while not done.wait(LOOK_S):
                seen[0] = max(seen[0], _live_threads() - 1)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        self._counting = True
        try:
            yield
        finally:
            self._counting = False
            done.set()
            looking.join()
            self.threads_left = _stay(before)
            self.threads = max(self.threads, seen[0] - before, self.threads_left)
            self.processes_left = sum(pid != os.getpid() for pid in marked(mark)) if mark else 0
            ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt > waited.ru_minflt
            self.processes = max(self.processes, self.processes_left, int(ended))


def now_s() -> float:
    """Seconds of a clock that only goes forward."""
    return time.perf_counter()
