"""Starts the process of the probes, hears what it says, judges how it ended, and ends all that it started.

After a death another process goes on with what is left, without calling a function that has ended the one before.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from handoff import machine
from handoff.measure.limits import spoken_bytes
from handoff.measure.supervisor import BASE_LIMIT_S, RESERVED_BYTES, SLOWEST_BYTES_PER_S, environment
from handoff.measure.usage import end_all, mark_of, marked, session_members
from handoff.mistakes import one_line
from handoff.probes.finding import LONGEST, Finding, finding_from_json
from handoff.probes.function import exits
from handoff.probes.order import CALLING, OF_THE_FUNCTION, PROBES, Order, still_possible
from handoff.words import counted, shortened

LOOK_S: Final = 0.2
"""Between two looks whether it lives, where it says nothing."""

FAREWELL_S: Final = 10.0
"""For the kernel to end what was told to."""

CHUNK: Final = 1 << 16
"""A pipe's capacity on Linux: what was printed before an event is read by a few of these."""

LONGEST_LINE: Final = 1 << 20
TAIL: Final = 1500
LOUD_BYTES: Final = 10**6
"""Printed in one call, from which on it costs time and fills logs."""


@dataclass
class Heard:
    """What one process of probes said, and how it ended."""

    findings: list[Finding] = field(default_factory=list)
    probe: str = ""
    """The one that it had begun last."""
    calling: bool = False
    """The function was at work at the end."""
    how: str = ""
    """What was particular about that call."""
    calls: int = 0
    printed: int = 0
    """Bytes since the function was loaded, on both its outputs."""
    tail: bytes = b""
    """The end of them, for a death's last words."""
    finished: bool = False
    timed_out: float = 0.0
    """Seconds after which it was given up; 0: it was not."""
    code: int = 0
    """As subprocess.Popen has it: negative for a signal."""


class Process:
    """One process of probes, followed to its end."""

    def __init__(self, order: Order, mark: str) -> None:
        self.order = order
        self.mark = mark
        self.heard = Heard(probe=order.probes[0])
        self._rest = b""
        self._counting = False
        self._patience = BASE_LIMIT_S + 8 * order.nbytes / SLOWEST_BYTES_PER_S
        self._limit = self._patience
        self._since = time.monotonic()

    def run(self) -> Heard:
        reading, writing = os.pipe()
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, reading)
            try:
                process = subprocess.Popen(
                    [sys.executable, "-m", "handoff.probes.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, pass_fds=[writing], start_new_session=True, env=environment(0, self.mark),
                )  # fmt: skip
            finally:
                os.close(writing)
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            self._input = stack.enter_context(process.stdin)
            self._outputs = [process.stdout.fileno(), process.stderr.fileno()]
            for source in (reading, *self._outputs):
                os.set_blocking(source, False)
            stack.callback(process.stdout.close)
            stack.callback(process.stderr.close)
            try:
                self._tell(replace(self.order, events=writing).to_json())
                self._follow(process, reading)
            finally:
                self._end(process)
            self._read_events(reading)
            for source in self._outputs:
                self._drain(source)
            self.heard.code = process.returncode
        return self.heard

    def _follow(self, process: subprocess.Popen[bytes], reading: int) -> None:
        ended = os.pidfd_open(process.pid)
        sources = [reading, *self._outputs, ended]
        try:
            while True:
                left = self._since + self._limit - time.monotonic()
                if left <= 0:
                    if not self.heard.finished:
                        self.heard.timed_out = self._limit
                    return
                ready, _, _ = select.select(sources, [], [], min(left, LOOK_S))
                if reading in ready and not self._read_events(reading):
                    sources.remove(reading)
                for source in self._outputs:
                    if source in ready and source in sources and not self._drain(source, 1):
                        sources.remove(source)  # at its end a pipe is always readable
                if ended in ready:
                    return
        finally:
            os.close(ended)

    def _read_events(self, reading: int) -> bool:
        """Hear all that stands in the pipe; False at its end."""
        while True:
            try:
                chunk = os.read(reading, CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > LONGEST_LINE:
                self._rest = b""
            for line in lines:
                # The function may write into any descriptor that it finds: what is no event is none.
                with contextlib.suppress(ValueError, TypeError, LookupError):
                    self._hear(json.loads(line))

    def _hear(self, event: dict[str, object]) -> None:
        heard = self.heard
        for source in self._outputs:  # what was printed before this belongs to what went on until now
            self._drain(source)
        match event:
            case {"event": "probe", "name": str(name)} if name in PROBES:
                heard.probe = name
                if name == "load_function":
                    self._counting = True
                    self._tell("go on")
            case {"event": "call", "times": int(times), "how": str(how)}:
                heard.calling, heard.how = True, how
                heard.calls += times
                self._limit = self.order.limit_s
            case {"event": "returned"}:
                heard.calling = False
                self._limit = self._patience
            case {"event": "finding", "finding": dict(data)}:
                heard.findings.append(finding_from_json(data))
            case {"event": "finished"}:
                heard.finished = True
                self._limit = FAREWELL_S
        self._since = time.monotonic()

    def _tell(self, line: str) -> None:
        """Write a line to its standard input; its end tells what became of one that has died."""
        with contextlib.suppress(BrokenPipeError):
            self._input.write(line.encode() + b"\n")
            self._input.flush()

    def _drain(self, source: int, most: int = 4) -> bool:
        """Count what it printed, and keep no more than the end of it; False where nothing can come any more."""
        for _ in range(most):
            try:
                chunk = os.read(source, CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self.heard.tail = (self.heard.tail + chunk)[-TAIL:]
            if self._counting:
                self.heard.printed += len(chunk)
        return True

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End its session, and what carries its mark elsewhere."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        patience = time.monotonic() + FAREWELL_S
        while (found := {*session_members(process.pid), *marked(self.mark)}) and time.monotonic() < patience:
            end_all(found)
            time.sleep(0.001)
        process.wait()


def _own_marks() -> str:
    """How marks of this user's probes begin. No invocation's do: its sweep takes what it does not know for dead."""
    return f"handoff-probes-{os.getuid()}-"


def sweep() -> list[int]:
    """End the processes that earlier probes left whose supervising process was killed; returns them.

    A mark names its supervisor's process, so one that lives keeps its own, whether or not it holds the same lock.
    """
    own = _own_marks()
    dead = [
        pid for pid in marked(own)
        if (owner := mark_of(pid).removeprefix(own).partition("-")[0]) and not Path("/proc", owner).exists()
    ]  # fmt: skip
    end_all(dead)
    return dead


def probe_in_children(order: Order) -> list[Finding]:
    """All that the probes of the order find, in as many processes as it takes; nothing runs in this one.

    Raises:
        OSError: no process can be started.
    """
    mark = f"{_own_marks()}{os.getpid()}-{time.time_ns() // 1_000_000}"
    probes = tuple(name for name in order.probes if order.task or name not in OF_THE_FUNCTION)
    findings: list[Finding] = []
    printed = calls = 0
    while probes:
        given = replace(order, probes=probes, address_space=machine.available_memory() + RESERVED_BYTES)
        killed_before = machine.oom_kills()
        heard = Process(given, mark).run()
        findings += [each for each in heard.findings if each not in findings]
        printed, calls = printed + heard.printed, calls + heard.calls
        if heard.finished:
            break
        findings.append(obituary(heard, hungry=machine.oom_kills() > killed_before))
        probes = still_possible(probes, heard.probe, heard.calling)
    if printed:
        findings.append(loudness(printed, calls))
    return findings


def loudness(printed: int, calls: int) -> Finding:
    """The finding of a function that prints: bytes in all, and in how many calls (its import counts as one)."""
    loud = printed / max(1, calls) >= LOUD_BYTES
    return Finding(
        "function", "prints", f"It printed {spoken_bytes(printed)} in {counted(calls, 'call')}.",
        "Workers print one after another, and the time counts as the function's."
        if loud else "Of workers, it comes in any order.",
        "warning" if loud else "note", {"printed_bytes": printed, "calls": calls},
    )  # fmt: skip


def obituary(heard: Heard, hungry: bool = False) -> Finding:
    """The finding of a death: who is to blame, and by what it came. hungry: the kernel ended somebody for memory."""
    if heard.calling:
        return _of_the_function(heard, hungry)
    about = "function" if heard.probe in (*CALLING, "load_function", "pickling") else "payload"
    what = (
        f"it took more than {heard.timed_out:.0f} s" if heard.timed_out
        else f"it ended Python by {_signal(heard.code)}" if heard.code < 0
        else f"it ended Python with status {heard.code}: {_last_words(heard.tail)}"
    )  # fmt: skip
    return Finding(
        about, "probe_died", f"The probe {heard.probe} could not be made: {what}.",
        "What it would have told is not known; the other probes were made.", "warning",
    )  # fmt: skip


def _of_the_function(heard: Heard, hungry: bool) -> Finding:
    how = f" {heard.how}" if heard.how else ""
    if heard.timed_out:
        found = Finding(
            "function", "never_returns", f"It did not return within {heard.timed_out:g} s{how}.",
            "Whoever waits for it waits as long; the probes after this one that call it are not made.", "obstacle",
            {"limit_s": heard.timed_out},
        )  # fmt: skip
    elif heard.code >= 0:
        found = exits(f"status {heard.code}{',' if how else ''}{how}")
    elif (name := _signal(heard.code)) == "SIGKILL" and hungry:
        found = Finding(
            "function", "out_of_memory", f"The kernel ended it for want of memory{how}.",
            "It cannot be measured with this payload; take a smaller one.", "obstacle",
        )  # fmt: skip
    else:
        found = Finding(
            "function", "crashes", f"It ended Python by {name}{how}.",
            "A Pool never notices that and waits for ever; a ProcessPoolExecutor breaks. Mend it first.", "obstacle",
        )  # fmt: skip
    if heard.probe == "touched":  # with the whole payload it has worked
        return replace(
            found, code="touched_untold", level="warning",
            consequence="Which parts it needs is not known. If it does not need all, pass those that it needs alone.",
        )  # fmt: skip
    if heard.probe == "two_threads":
        return replace(found, consequence="Threads are out, whatever their time.")
    return found


def _signal(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"


def _last_words(tail: bytes) -> str:
    lines = tail.decode(errors="replace").strip().splitlines()
    return shortened(one_line(lines[-1]), LONGEST) if lines else "it said nothing"
