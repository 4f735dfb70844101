"""Starts the measured process, limits it, samples its memory, ends it, and sweeps what it left.

The measured process is the leader of a session of its own, with all its workers in it. Whatever happens to
it becomes rows: a scenario in which it dies gets that status, the ones after it go on in a fresh process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from handoff import machine, payloads
from handoff.measure.invocation import Work
from handoff.measure.places import SHARED, Places
from handoff.measure.usage import memory_in_use, resident, session_members, stored
from handoff.records import Row
from handoff.scenarios import Scenario, kind_facts
from handoff.strategies import LIBRARY, Strategy, transport_facts

SAMPLE_S: Final = 0.001
"""Between two looks at the memory of a transfer that is made for that."""

LOOK_S: Final = 1.0
"""Between two looks at the memory of all its processes, so that a death can be told from hunger."""

RESERVED_BYTES: Final = 8 * 2**30
"""Address space that processes reserve without using it: threads' stacks, allocators' arenas."""

PROCESS_BYTES: Final = 150_000_000
"""What a Python process with pandas takes by itself, in the memory arithmetic."""

FAREWELL_S: Final = 10.0
"""For a process that has said its last word to end by itself."""

BASE_LIMIT_S: Final = 60.0
LONGEST_S: Final = 3600.0
SLOWEST_BYTES_PER_S: Final = 20e6
"""No way of handing data over is slower than this on a machine that is worth measuring."""

PINNED: Final = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
    "BLIS_NUM_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip
"""Thread pools of libraries: one thread each, so that none takes a worker's core."""

STDERR_TAIL: Final = 1500


@dataclass
class Outcome:
    """What became of one invocation's scenarios."""

    rows: list[Row] = field(default_factory=list)
    start_s: float | None = None
    clock: dict[str, float] = field(default_factory=dict)
    """resolution_s and overhead_s, as the measured process saw them."""
    fail_phase: str = ""
    fail_reason: str = ""
    signal: str = ""
    stderr_tail: str = ""
    swept: list[str] = field(default_factory=list)
    status: str = "ok"
    died: bool = False
    """A measured process did not come to its end."""


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def obstacle(strategy: Strategy, scenario: Scenario, folder: Path, data: Path) -> tuple[str, str]:
    """Status and reason why this scenario must not even be started; empty if it may.

    Needs are computed and compared with what is free: trying would mean the kernel's out-of-memory killer.
    """
    description = payloads.read_description(scenario.payload, data)
    if reason := strategy.unsupported(description.kind, scenario.pattern):
        return "unsupported", reason
    for module in (*strategy.needs, *kind_facts(description.kind).needs):
        if importlib.util.find_spec(module) is None:
            return "unsupported", f"needs the package {module}, which is not installed"
    if strategy.storage == "tmpfs" and not os.access("/dev/shm", os.W_OK):
        return "unsupported", "needs a writable /dev/shm"
    facts = transport_facts(strategy.transport)
    # Each worker's payload (of a result one more, to compare with), and the transport's copies.
    in_flight = 1 if strategy.is_floor or scenario.pattern == "reuse" else scenario.workers
    holders = in_flight + (scenario.pattern == "return")
    size = description.nbytes
    need = size * (holders + in_flight * facts.copies) + PROCESS_BYTES * (1 + scenario.workers)
    free = machine.available_memory()
    if need > free:
        return "skipped", (
            f"needs about {_bytes(need)} of memory ({_bytes(size)} x "
            f"({holders} held + {in_flight} x {facts.copies:g} copies) "
            f"+ processes), {_bytes(free)} are available"
        )
    files = size * in_flight * facts.storage_copies
    room = machine.free_room(folder)
    if files > room:
        return "skipped", f"needs about {_bytes(files)} in files, {_bytes(room)} are free there"
    return "", ""


def time_limit(scenarios: Sequence[Scenario], sizes: Mapping[str, int], seconds: float) -> float:
    """Seconds after which the measured process is ended: far above what any way should take."""
    moved = sum(8 * s.calls * (1 if s.pattern == "reuse" else s.workers) * sizes[s.payload.id] for s in scenarios)
    return min(LONGEST_S, BASE_LIMIT_S + moved / SLOWEST_BYTES_PER_S + len(scenarios) * (10 * seconds + 5))


def environment(hash_seed: int) -> dict[str, str]:
    """The measured process's environment: thread pools of libraries pinned to one, whatever the caller set."""
    pinned = dict.fromkeys(PINNED, "1")
    own = {"PYTHONHASHSEED": str(hash_seed % 2**32), "PYTHONPATH": str(LIBRARY.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **pinned, **own}


class Supervisor:
    """Measures the scenarios of one invocation, in as many processes as it takes."""

    def __init__(
        self, strategy: Strategy, data: Path, places: Places, seconds: float, probes: bool, hash_seed: int,
        steady: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.strategy = strategy
        self.data = data
        self.places = places
        self.seconds = seconds
        self.probes = probes
        self.hash_seed = hash_seed
        self.steady = dict(steady or {})
        self.outcome = Outcome()

    def run(self, scenarios: Sequence[Scenario]) -> Outcome:
        """Every scenario gets at least one row."""
        left = []
        folder = self.places.storage(self._storage())
        self.places.make(self._storage())
        try:
            for scenario in scenarios:
                status, reason = obstacle(self.strategy, scenario, folder, self.data)
                if status:
                    self._missing(scenario, status, reason)
                else:
                    left.append(scenario)
            while left:
                left = self._one_process(left, folder)
        finally:
            self.places.remove()
        return self.outcome

    def _storage(self) -> str:
        """Where this invocation's files go: memory, if the machine has a place for them."""
        return self.strategy.storage or ("tmpfs" if os.access(SHARED, os.W_OK) else "disk")

    def _missing(self, scenario: Scenario, status: str, reason: str) -> None:
        description = payloads.read_description(scenario.payload, self.data)
        self.outcome.rows.append(
            {
                "scenario": scenario.id, "payload": scenario.payload.id, "payload_bytes": description.nbytes,
                "task": scenario.task, "pattern": scenario.pattern, "workers": scenario.workers,
                "calls": scenario.calls, "status": status, "reason": reason,
            }
        )  # fmt: skip
        if self.outcome.status == "ok":
            self.outcome.status, self.outcome.fail_reason = status, reason

    def _one_process(self, scenarios: list[Scenario], folder: Path) -> list[Scenario]:
        """Measure in one process; returns the scenarios that another one has to go on with."""
        sizes = {s.payload.id: payloads.read_description(s.payload, self.data).nbytes for s in scenarios}
        reading, writing = os.pipe()
        work = Work(
            self.strategy.id, tuple(scenarios), str(self.data), str(folder), str(self.places.control),
            self.places.prefix, self.seconds, self.steady, self.probes, writing,
            machine.available_memory() + RESERVED_BYTES,
        )  # fmt: skip
        killed_before = _killed_by_kernel()
        with tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "handoff.measure.invocation"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=stderr, pass_fds=[writing], start_new_session=True, env=environment(self.hash_seed), text=True,
            )  # fmt: skip
            os.close(writing)
            watch = _Watch(process, reading, self.places, folder)
            try:
                assert process.stdin is not None
                process.stdin.write(work.to_json() + "\n")
                process.stdin.flush()
                watch.follow(time.monotonic() + time_limit(scenarios, sizes, self.seconds))
            except BrokenPipeError:
                process.wait()
            finally:
                lingering = watch.end()
                os.close(reading)
            stderr.seek(0, os.SEEK_END)
            stderr.seek(max(0, stderr.tell() - STDERR_TAIL))
            tail = stderr.read().decode(errors="replace")
        return self._judge(scenarios, watch, process.returncode, tail, lingering, killed_before)

    def _judge(
        self, scenarios: list[Scenario], watch: _Watch, code: int, tail: str, lingering: list[int], killed_before: int
    ) -> list[Scenario]:  # fmt: skip
        """Turn what was seen into rows."""
        outcome = self.outcome
        outcome.start_s = watch.start_s if outcome.start_s is None else outcome.start_s
        outcome.clock = outcome.clock or watch.clock
        rows = [row for s in scenarios if s.id in watch.proofs for row in _proven_rows(watch, s.id)]
        outcome.rows += rows
        if wrong := next((row for row in rows if row["status"] == "invalid"), None):
            # A transfer whose task had another result counts, too, where the proof after it held.
            outcome.status, outcome.fail_reason = "invalid", str(wrong["reason"])
            outcome.fail_phase = "transfer" if wrong["digest_ok"] else "proof"
        found = self.places.left()
        if watch.finished and (found or lingering):
            outcome.status = "leaked"
            outcome.swept += [*found, *(f"process {pid}" for pid in lingering)]
            outcome.fail_phase, outcome.fail_reason = (
                "release",
                "it ended well and left these behind: " + ", ".join(outcome.swept),
            )
            for row in outcome.rows:
                if row["status"] == "ok":
                    row |= {"status": "leaked", "reason": outcome.fail_reason, "total_s": None}
        if watch.finished:
            return []
        outcome.died = True
        outcome.swept += found
        self.places.remove()
        self.places.make(self._storage())
        status, reason, name = _death(watch, code, tail)
        if status == "crashed" and watch.resident:
            reason = f"{reason}; its processes held {_bytes(watch.resident)} at the last look"
        if status == "crashed" and name == "SIGKILL" and _killed_by_kernel() > killed_before:
            status, reason = "out_of_memory", f"{reason}; the kernel's out-of-memory killer was at work"
        left = [s for s in scenarios if s.id not in watch.proofs]
        outcome.status, outcome.fail_reason, outcome.signal = status, reason, name
        outcome.fail_phase, outcome.stderr_tail = watch.phase, tail
        if not left:  # it died when everything was measured and proven
            return []
        victim = next((s for s in left if s.id == watch.scenario), left[0])
        # Transfers that were timed before the death stay as rows; without a proof of delivery they have no time.
        for row in watch.rows.get(victim.id, []):
            outcome.rows.append(
                {**row, "status": status, "reason": f"{reason}; before delivery was proven", "total_s": None}
            )
        if not watch.rows.get(victim.id):
            self._missing(victim, status, reason)
        return [s for s in left if s is not victim]


def _killed_by_kernel() -> int:
    """Processes that the kernel has ended for want of memory since it started."""
    for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def _proven_rows(watch: _Watch, scenario: str) -> Iterator[Row]:
    proof = watch.proofs[scenario]
    for row in watch.rows.get(scenario, []):
        row |= {"bytes_received": proof["bytes"], "digest_ok": int(proof["right"])}
        if not proof["right"]:
            row |= {"status": "invalid", "reason": "what arrived is not what was sent"}
        if row["status"] != "ok":
            row["total_s"] = None
        yield row


def _death(watch: _Watch, code: int, tail: str) -> tuple[str, str, str]:
    """Status, reason and signal of a process that did not finish."""
    where = f"in phase {watch.phase!r}"
    if watch.timed_out:
        return (
            "timeout",
            f"ended by its time limit of {watch.limit_s:.0f} s {where}; the true time is longer",
            "SIGKILL",
        )
    if watch.failure:
        return watch.failure["status"], f"{watch.failure['reason']} ({where})", watch.failure["signal"]
    if code < 0:
        name = signal.Signals(-code).name
        return "crashed", f"ended by {name} {where}", name
    last = tail.strip().splitlines()[-1:] or ["it said nothing"]
    return "crashed", f"ended with code {code} {where}: {last[0]}", ""


class _Watch:
    """Follows one measured process."""

    def __init__(self, process: subprocess.Popen[str], reading: int, places: Places, folder: Path) -> None:
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
        self.timed_out = False
        self.limit_s = 0.0
        self._reading = reading
        self._rest = b""
        self._places = places
        # Files on a disk are no memory.
        self._memory_folder = folder if folder.is_relative_to(SHARED) else Path("/nonexistent")
        self._sampling = False
        self._before = self._peak = 0

    def follow(self, deadline: float) -> None:
        """Until the process ends, or its time does."""
        self.limit_s = deadline - time.monotonic()
        ended = os.pidfd_open(self.process.pid)
        sources = [self._reading, ended]
        try:
            while True:
                patience = SAMPLE_S if self._sampling else min(LOOK_S, max(0.0, deadline - time.monotonic()))
                ready, _, _ = select.select(sources, [], [], patience)
                if not ready and not self._sampling:
                    self.resident = resident(session_members(self.process.pid))
                if self._reading in ready and not self._read():
                    sources.remove(self._reading)  # at its end a pipe is always readable
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
            self._hear(json.loads(line))
        return bool(chunk)

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
                    # What lies in files already (an arena's pages, say) is part of what this way needs.
                    self._before = self._in_use() - stored(self._memory_folder, self._places.prefix)
                    self._peak = self._before
                    self._answer("go")
                else:
                    self._answer(str(max(0, self._peak - self._before)))
            case "failed":
                self.failure = {name: event[name] for name in ("status", "reason", "signal")}
            case "finished":
                self.finished = True

    def _answer(self, text: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()

    def _in_use(self) -> int:
        # Listed anew each time: workers that are forked for the payload did not exist before.
        members = session_members(self.process.pid)
        return memory_in_use(members, self._memory_folder, self._places.prefix)

    def _sample(self) -> None:
        self._peak = max(self._peak, self._in_use())

    def end(self) -> list[int]:
        """End the whole session; returns the processes that were still there though their leader had finished."""
        patience = time.monotonic() + (2.0 if self.finished else 0.0)
        while (lingering := session_members(self.process.pid)) and time.monotonic() < patience:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for pid in lingering:  # a member may have made a group of its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        # What the pipe still holds was written before the end.
        while select.select([self._reading], [], [], 0)[0] and self._read():
            pass
        return [pid for pid in lingering if pid != self.process.pid]
