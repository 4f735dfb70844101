"""Follows one measured process: hears what it says, samples its memory, ends it with all that it started."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

from handoff.measure.places import SHARED, Places
from handoff.measure.usage import end_all, marked, memory_in_use, nameless, resident, session_members, stored
from handoff.records import Row

SAMPLE_S: Final = 0.001
"""Between two looks at the memory of a transfer that is made for that."""

LOOK_S: Final = 1.0
"""Between two looks at the memory of all its processes, so that a death can be told from hunger."""

FAREWELL_S: Final = 10.0
"""For a process that has said its last word to end by itself."""

STDERR_TAIL: Final = 1500
"""Bytes that are kept of what it and its workers print: a task may print gigabytes."""


class Watch:
    """Follows one measured process."""

    def __init__(
        self, process: subprocess.Popen[bytes], reading: int, places: Places, folder: Path, journal: BinaryIO | None
    ) -> None:
        """reading: the end of the pipe of events that is this process's; journal: gets each event as it comes."""
        self.process = process
        self.rows: dict[str, list[Row]] = {}
        self.proofs: dict[str, dict[str, Any]] = {}
        self.failure: dict[str, str] = {}
        self.start_s: float | None = None
        self.clock: dict[str, float] = {}
        self.resident = 0
        self.scenario = ""
        self.phase = "launch"
        self.finished = False
        self.gil = False
        self.timed_out = False
        self.limit_s = 0.0
        assert process.stderr is not None
        self._reading = reading
        self._stderr = process.stderr.fileno()
        self._rest = self._printed = b""
        self._journal = journal
        self._places = places
        # Files on a disk are no memory.
        self._memory_folder = folder if folder.is_relative_to(SHARED) else Path("/nonexistent")
        self._sampling = False
        self._before = self._peak = 0

    def follow(self, deadline: float) -> None:
        """Until the process ends, or its time does."""
        self.limit_s = deadline - time.monotonic()
        ended = os.pidfd_open(self.process.pid)
        sources = [self._reading, self._stderr, ended]
        try:
            while True:
                patience = SAMPLE_S if self._sampling else min(LOOK_S, max(0.0, deadline - time.monotonic()))
                ready, _, _ = select.select(sources, [], [], patience)
                if not ready and not self._sampling:
                    self.resident = resident(session_members(self.process.pid))
                for source, read in ((self._reading, self._read), (self._stderr, self._read_stderr)):
                    if source in ready and not read():
                        sources.remove(source)  # at its end a pipe is always readable
                if self.finished or self.failure:
                    deadline = min(deadline, time.monotonic() + FAREWELL_S)
                if self._sampling:
                    self._sample()
                if ended in ready and self._reading not in ready:
                    return
                if time.monotonic() >= deadline:
                    self.timed_out = not (self.finished or self.failure)
                    return
        finally:
            os.close(ended)

    def _read(self) -> bool:
        chunk = os.read(self._reading, 1 << 16)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if self._journal:
                with contextlib.suppress(OSError):  # a full disk costs the journal, not the measurement
                    self._journal.write(line + b"\n")
            self._hear(json.loads(line))
        return bool(chunk)

    def _read_stderr(self) -> bool:
        chunk = os.read(self._stderr, 1 << 16)
        self._printed = (self._printed + chunk)[-STDERR_TAIL:]
        return bool(chunk)

    @property
    def last_words(self) -> str:
        """The end of what it and its workers printed to standard error."""
        return self._printed.decode(errors="replace")

    def _hear(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "phase":
                self.scenario, self.phase = event["scenario"], event["phase"]
            case "started":
                # Of several pools in one invocation the largest counts: it is started last.
                self.start_s = event["start_s"]
            case "clock":
                self.clock = {name: event[name] for name in ("resolution_s", "overhead_s")}
            case "row":
                self.rows.setdefault(event["row"]["scenario"], []).append(event["row"])
            case "proof":
                self.proofs[event["scenario"]] = event
            case "sample":
                self._sampling = event["on"]
                if self._sampling:
                    # What lies in files, or in memory without a name, already (an arena's pages, say) is part of what
                    # this way needs.
                    kept = max(stored(self._memory_folder, self._places.prefix), nameless(self._members()))
                    self._before = self._in_use() - kept
                    self._peak = self._before
                    self.tell("go")
                else:
                    self.tell(str(max(0, self._peak - self._before)))
            case "failed":
                self.failure = {name: event[name] for name in ("status", "reason", "signal")}
            case "finished":
                self.finished = True
                self.gil = event["gil"]

    def tell(self, text: str) -> None:
        """Write a line to its standard input; nothing happens if it has ended."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()

    def _members(self) -> list[int]:
        # Listed anew each time: workers that are forked for the payload did not exist before.
        return session_members(self.process.pid)

    def _in_use(self) -> int:
        return memory_in_use(self._members(), self._memory_folder, self._places.prefix)

    def _sample(self) -> None:
        self._peak = max(self._peak, self._in_use())

    def end(self) -> list[int]:
        """End all its processes; returns those that were still there though their leader had finished."""
        patience = time.monotonic() + (2.0 if self.finished else 0.0)
        while (lingering := self._descendants()) and time.monotonic() < patience:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        # A member may have made a group or a session of its own, or start another one while it is looked for.
        patience = time.monotonic() + FAREWELL_S
        while (found := self._descendants()) and time.monotonic() < patience:
            end_all(found)
            time.sleep(0.001)
        self.process.wait()
        # What the pipes still hold was written before the end.
        for source, read in ((self._reading, self._read), (self._stderr, self._read_stderr)):
            while select.select([source], [], [], 0)[0] and read():
                pass
        for stream in (self.process.stdin, self.process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):  # what it was told last, it may not have read
                stream.close()
        return [pid for pid in lingering if pid != self.process.pid]

    def _descendants(self) -> list[int]:
        """Its session's living members, and those of other sessions that carry its mark."""
        return sorted({*session_members(self.process.pid), *marked(self._places.prefix)})
