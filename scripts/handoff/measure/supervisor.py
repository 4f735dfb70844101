"""Starts the measured process with its limits, judges how it ended, and sweeps what it left.

The measured process is the leader of a session of its own, with all its workers in it. Whatever happens to
it becomes rows: a scenario in which it dies gets that status, the ones after it go on in a fresh process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from handoff import interpreters, machine, payloads
from handoff.interpreters import Interpreter
from handoff.measure.invocation import BETWEEN, Work
from handoff.measure.limits import limit_behind, spoken_bytes
from handoff.measure.places import SHARED, Places
from handoff.measure.usage import MARK
from handoff.measure.watch import Watch
from handoff.records import Row
from handoff.scenarios import PATTERNS, Scenario, available_cores, kind_facts, unsupported
from handoff.strategies import LIBRARY, Strategy, executor_facts, transport_facts

RESERVED_BYTES: Final = 8 * 2**30
"""Address space that processes reserve without using it: threads' stacks, allocators' arenas."""

PROCESS_BYTES: Final = 150_000_000
"""What a Python process with pandas takes by itself, in the memory arithmetic."""

BASE_LIMIT_S: Final = 60.0
LONGEST_S: Final = 3600.0
SLOWEST_BYTES_PER_S: Final = 20e6
"""No way of handing data over is slower than this on a machine that is worth measuring."""

OWN_CALLS: Final = 20
"""Of a user's function in an invocation, far more than there are if one takes long."""

OWN_CALL_S: Final = 5.0
"""What a call of it is taken for where nobody has tried it (see probes)."""

PINNED: Final = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
    "BLIS_NUM_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip
"""Thread pools of libraries: one thread each, so that none takes a worker's core; but for facts' own_threads."""


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
    gil: bool = False
    """It had a GIL when it came to its end."""
    died: bool = False
    """A measured process did not come to its end."""


def obstacle(
    strategy: Strategy, scenario: Scenario, folder: Path, data: Path, python: Interpreter | None = None
) -> tuple[str, str]:
    """Status and reason why this scenario must not even be started; empty if it may. python: the one to measure with.

    Needs are computed and compared with what is free: trying would mean the kernel's out-of-memory killer.
    """
    description = payloads.read_description(scenario.payload, data)
    if reason := unsupported(strategy, description.kind, scenario.pattern, scenario.task, scenario.writes):
        return "unsupported", reason
    python = python or interpreters.own()
    needed = executor_facts(strategy.executor)
    if not needed.runs_under(python.version):
        return "unsupported", f"needs Python {needed.python}; this is {python.about}"
    if lacking := python.missing((*strategy.needs, *kind_facts(description.kind).needs)):
        where = f" in @{python.name}" if python.name else ""
        return "unsupported", f"needs the package {lacking[0]}, which is not installed{where}"
    for program in strategy.programs:
        if shutil.which(program) is None:
            return "unsupported", f"needs the program {program}, which is not installed"
    if strategy.storage == "tmpfs" and not os.access("/dev/shm", os.W_OK):
        return "unsupported", "needs a writable /dev/shm"
    facts = transport_facts(strategy.transport)
    size = description.nbytes
    if facts.most_bytes and size > facts.most_bytes:
        return "skipped", (
            f"{strategy.transport} is measured with payloads of up to {spoken_bytes(facts.most_bytes)}; "
            f"this one has {spoken_bytes(size)}"
        )
    # Each worker's payload (of a result one more, to compare with), and the transport's copies.
    pattern = PATTERNS[scenario.pattern]
    in_flight = scenario.workers if pattern.in_flight and not strategy.is_floor else 1
    # What comes back is compared with what the caller holds; what is written, with a copy that it writes into.
    # A user's function is tried on a copy, and one more is kept to make good what it writes into the caller's own.
    holders = in_flight + (pattern.payloads == "held" or pattern.writes) + (2 if scenario.function else 0)
    size = round(size * kind_facts(description.kind).bulk)
    moves = in_flight * (2 if pattern.verb == "echo" else 1)  # there, and back
    need = size * (holders + moves * facts.copies) + PROCESS_BYTES * (1 + scenario.workers)
    free = machine.available_memory()
    if need > free:
        return "skipped", (
            f"needs about {spoken_bytes(need)} of memory ({spoken_bytes(size)} x "
            f"({holders} held + {moves} x {facts.copies:g} copies) "
            f"+ processes), {spoken_bytes(free)} are available"
        )
    files = size * moves * facts.storage_copies
    room = machine.free_room(folder)
    if files > room:
        return (
            "skipped",
            f"needs about {spoken_bytes(files)} in files, {spoken_bytes(room)} are free in {folder.parent}",
        )
    return "", ""


def time_limit(
    scenarios: Sequence[Scenario], sizes: Mapping[str, int], seconds: float, calls_s: Mapping[str, float] | None = None
) -> float:
    """Seconds after which the measured process is ended: far above what any way should take.

    calls_s: how long a call of the user's function takes, by scenario, as far as that is known.
    """
    moved = sum(8 * s.calls * (1 if PATTERNS[s.pattern].calls else s.workers) * sizes[s.payload.id] for s in scenarios)
    # One after another, if it holds the GIL: transfers, and calls that say what is right.
    own = sum(OWN_CALLS * s.calls * s.workers * (calls_s or {}).get(s.id, OWN_CALL_S) for s in scenarios if s.function)
    return min(LONGEST_S, BASE_LIMIT_S + moved / SLOWEST_BYTES_PER_S + len(scenarios) * (10 * seconds + 5) + own)


def environment(hash_seed: int, mark: str, own_threads: Sequence[str] = ()) -> dict[str, str]:
    """The measured process's environment: thread pools of libraries pinned to one, whatever the caller set.

    mark: what all its descendants carry on, so that they are found wherever they hide. own_threads: those of the
    variables that get a thread for each core, since the strategy is to use them.
    """
    pinned = {**dict.fromkeys(PINNED, "1"), **dict.fromkeys(own_threads, str(available_cores())), MARK: mark}
    own = {"PYTHONHASHSEED": str(hash_seed % 2**32), "PYTHONPATH": str(LIBRARY.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **pinned, **own}


class Supervisor:
    """Measures the scenarios of one invocation, in as many processes as it takes."""

    def __init__(
        self, strategy: Strategy, data: Path, places: Places, seconds: float, probes: bool, hash_seed: int,
        steady: Mapping[str, int] | None = None, journal: Path | None = None, python: Interpreter | None = None,
        calls_s: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        """journal: a file that gets everything the measured process says, as it comes; kept if this process dies.

        python: the one that the measured process and its workers run in; this process's own if none is given.
        calls_s: as of time_limit.
        """
        self.strategy = strategy
        self.data = data
        self.places = places
        self.seconds = seconds
        self.probes = probes
        self.hash_seed = hash_seed
        self.steady = dict(steady or {})
        self.journal = journal
        self.python = python or interpreters.own()
        self.calls_s = dict(calls_s or {})
        self.outcome = Outcome()

    def run(self, scenarios: Sequence[Scenario]) -> Outcome:
        """Every scenario gets at least one row."""
        left: list[Scenario] = []
        folder = self.places.storage(self._storage())
        try:
            self.places.make(self._storage())
            for scenario in scenarios:
                status, reason = obstacle(self.strategy, scenario, folder, self.data, self.python)
                if status:
                    self._missing(scenario, status, reason)
                else:
                    left.append(scenario)
            while left:
                left = self._one_process(left, folder)
        except OSError as error:  # a file system that is full or read-only, too many open files
            told = "; ".join(filter(None, (str(error), limit_behind(error, dict.fromkeys((SHARED, folder.parent))))))
            measured = {row["scenario"] for row in self.outcome.rows}
            for scenario in scenarios:
                if scenario.id not in measured:
                    self._missing(scenario, "error", f"it cannot be started: {told}")
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
        killed_before = machine.oom_kills()
        with ExitStack() as stack:
            stack.callback(os.close, reading)
            journal = stack.enter_context(self.journal.open("ab", buffering=0)) if self.journal else None
            process = subprocess.Popen(
                [self.python.command, "-m", "handoff.measure.invocation"], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[writing], start_new_session=True,
                env=environment(self.hash_seed, self.places.prefix, self.strategy.own_threads),
            )  # fmt: skip
            os.close(writing)
            watch = Watch(process, reading, self.places, folder, journal)
            try:
                watch.tell(work.to_json())
                watch.follow(time.monotonic() + time_limit(scenarios, sizes, self.seconds, self.calls_s))
            finally:
                lingering = watch.end()
        return self._judge(scenarios, watch, process.returncode, lingering, killed_before)

    def _judge(
        self, scenarios: list[Scenario], watch: Watch, code: int, lingering: list[int], killed_before: tuple[int, int]
    ) -> list[Scenario]:
        """Turn what was seen into rows."""
        outcome = self.outcome
        outcome.start_s = watch.start_s if outcome.start_s is None else outcome.start_s
        outcome.clock = outcome.clock or watch.clock
        outcome.gil = watch.gil
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
        status, reason, name = _death(watch, code)
        if status == "crashed" and watch.resident:
            reason = f"{reason}; its processes held {spoken_bytes(watch.resident)} at the last look"
        if status == "crashed" and name == "SIGKILL" and (whose := _out_of_memory(killed_before)):
            status, reason = "out_of_memory", f"{reason}; the {whose}'s out-of-memory killer was at work"
        left = [s for s in scenarios if s.id not in watch.proofs]
        outcome.status, outcome.fail_reason, outcome.signal = status, reason, name
        outcome.fail_phase, outcome.stderr_tail = watch.phase, watch.last_words
        if not left:  # it died when everything was measured and proven
            return []
        if watch.phase == BETWEEN and watch.proofs:  # what was measured is proven, and the next one had not begun
            return left
        victim = next((s for s in left if s.id == watch.scenario), left[0])
        # Transfers that were timed before the death stay as rows; without a proof of delivery they have no time.
        for row in watch.rows.get(victim.id, []):
            outcome.rows.append(
                {**row, "status": status, "reason": f"{reason}; before delivery was proven", "total_s": None}
            )
        if not watch.rows.get(victim.id):
            self._missing(victim, status, reason)
        return [s for s in left if s is not victim]


def _out_of_memory(before: tuple[int, int]) -> str:
    """Whose out-of-memory killer has ended somebody since then: 'cgroup', 'kernel', or '' for nobody's."""
    now = machine.oom_kills()
    return "cgroup" if now[0] > before[0] else "kernel" if now[1] > before[1] else ""


def _proven_rows(watch: Watch, scenario: str) -> Iterator[Row]:
    proof = watch.proofs[scenario]
    for row in watch.rows.get(scenario, []):
        row |= {"bytes_received": proof["bytes"], "bytes_moved": proof["moved"], "digest_ok": int(proof["right"])}
        if not proof["right"]:
            row |= {"status": "invalid", "reason": "what arrived is not what was sent"}
        if row["status"] != "ok":
            row["total_s"] = None
        yield row


def _death(watch: Watch, code: int) -> tuple[str, str, str]:
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
    last = watch.last_words.strip().splitlines()[-1:] or ["it said nothing"]
    return "crashed", f"ended with code {code} {where}: {last[0]}", ""
