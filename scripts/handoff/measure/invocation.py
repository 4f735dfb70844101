"""The measured process: starts workers, makes the transfers of its scenarios, proves each delivery.

It gets its work as one line of JSON on standard input and says what happens as lines of JSON to a pipe,
as it happens: whoever supervises it keeps what was finished, however this process ends.

Run as `python -m handoff.measure.invocation`; the supervisor does.
"""

from __future__ import annotations

import gc
import json
import math
import multiprocessing
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from handoff import executors, payloads, provenance, tasks, transports
from handoff.measure import clock, worker
from handoff.measure.gate import Gate
from handoff.measure.limits import is_out_of_memory, limit_behind
from handoff.measure.own_task import WRITES, OwnTask, fingerprint
from handoff.measure.places import SHARED
from handoff.measure.planted import Planted
from handoff.measure.transfers import Bench, Timing, gather, transfer
from handoff.measure.usage import huge_pages
from handoff.measure.worker import LINGER, PLAIN, PROBE, PROVE, Call, Setup
from handoff.scenarios import PATTERNS, Pattern, Scenario, scenario_from_json
from handoff.strategies import executor_facts, find, transport_facts

MOST_TRANSFERS: Final = 50
"""Of a scenario in one invocation. Repeating invocations tells more than repeating transfers."""

PREPARATION: Final = 3.0
"""The time slice may be spent this many times over on making transfers ready, which takes longer than a quick one."""

BETWEEN: Final = "install"
"""The phase between two scenarios of one process: what the one used is closed, what the next one needs is made."""

WRONG: Final = "the task's result is not the one that the sender gets from the same payload"

LONGEST_REASON: Final = 500
"""Characters of an exception's message that become part of a row."""


@dataclass(frozen=True)
class Work:
    """What one measured process has to do."""

    strategy: str
    scenarios: tuple[Scenario, ...]
    payloads: str
    """The run's payloads/ folder."""
    folder: str
    """This invocation's own folder on the strategy's storage."""
    control: str
    """This invocation's own folder for named pipes."""
    prefix: str
    """What names of its segments begin with."""
    seconds: float
    """Of transfers, per scenario."""
    steady: dict[str, int]
    """Steady transfers that pay, by scenario, as far as the pilot knows; the time slice comes first."""
    probes: bool
    """Make two more transfers per scenario: one instrumented, one under the eyes of the memory sampler."""
    events: int
    """The file descriptor that events are written to."""
    address_space: int
    """Bytes that no process of this invocation may exceed: it then fails by itself, and not the machine."""

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "scenarios": [scenario.to_json() for scenario in self.scenarios]})

    @classmethod
    def from_json(cls, text: str) -> Work:
        fields = json.loads(text)
        fields["scenarios"] = tuple(scenario_from_json(entry) for entry in fields["scenarios"])
        return cls(**fields)


class Invocation:
    """One strategy, measured in the scenarios that it was given."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.strategy = find(work.strategy)
        self.executor_facts = executor_facts(self.strategy.executor)
        self.start = executors.load(self.strategy.executor)
        self._events = os.fdopen(work.events, "w", encoding="utf-8", buffering=1)
        self._setups = 0
        self.clock = clock.look()
        self.say("clock", resolution_s=self.clock.resolution / 1e9, overhead_s=self.clock.overhead / 1e9)

    def say(self, event: str, **fields: Any) -> None:
        """One line to the supervisor; a line once written is not lost when this process dies."""
        self._events.write(json.dumps({"event": event, **fields}) + "\n")

    def give_up(self, error: BaseException, executor: Executor | None = None) -> NoReturn:
        """Say why and end at once: an executor that is closed would wait for workers that wait for a payload."""
        traceback.print_exception(error)
        sys.stderr.flush()
        ended = executors.death(executor) if isinstance(error, BrokenExecutor) else ""
        folders = dict.fromkeys((SHARED, Path(self.work.folder).parent))
        self.say("failed", **failure(error, ended, folders))
        os._exit(3)

    def workers(self, scenario: Scenario) -> int:
        # A floor is one task alone: no number of tasks at once can end sooner.
        return 1 if self.executor_facts.floor else scenario.workers

    def run(self) -> None:
        """All scenarios, in the order given but for this: those that share a warm pool come one after another."""
        transport_class = transport_facts(self.strategy.transport)
        assert not transport_class.executors or self.strategy.executor in transport_class.executors
        groups: dict[tuple[int, bool], list[Scenario]] = {}
        for scenario in self.work.scenarios:
            groups.setdefault((self.workers(scenario), scenario.cold), []).append(scenario)
        for (workers, cold), group in groups.items():
            for scenarios in [[s] for s in group] if cold else [group]:
                self._with_pool(workers, scenarios)

    def _setup(self, scenario: Scenario, workers: int, gate: str) -> Setup:
        self._setups += 1
        source = payloads.source(scenario.payload, Path(self.work.payloads))
        spec = transports.Spec(
            self.strategy.transport, self.work.folder, f"{self.work.prefix}-{self._setups}", workers, source,
            shared=PATTERNS[scenario.pattern].verb == "shared",
        )  # fmt: skip
        # Of a floor nobody expects a copy: what it wrote into is made good between two transfers.
        access: transports.Access = "private" if scenario.writes and not self.executor_facts.floor else "read"
        return Setup(self._setups, spec, scenario.task, workers, gate, scenario.task_home, access)

    def _build(self, setup: Setup) -> transports.Transport:
        """The sender's instance of the transport."""
        transport = transports.build(setup.spec)
        return cast(transports.Transport, Planted(transport)) if self.strategy.planted else transport

    def _with_pool(self, workers: int, scenarios: Sequence[Scenario]) -> None:
        gate = str(Path(self.work.control) / f"gate-{self._setups}")
        Path(gate).mkdir(mode=0o700)
        Gate.make(gate)
        setup = self._setup(scenarios[0], workers, gate)
        transport = self._build(setup)
        # Whoever holds a payload has imported what it needs: a server that workers are forked from looks at that.
        payloads.load_needs(setup.spec.source)
        own_process = self.executor_facts.processes

        @contextmanager
        def pool() -> Iterator[Executor]:
            if not own_process:
                worker.use(worker.State(bench.setup, bench.transport))
            arguments = (bench.setup, bench.transport.luggage(), own_process)
            with self.start(workers, self.work.control, worker.start, arguments) as executor:
                yield executor

        with ExitStack() as stack:
            task = tasks.load(scenarios[0].task, scenarios[0].task_home)
            bench = Bench(
                setup, transport, task, workers, workers, 1, own_process,
                open=lambda: stack.enter_context(pool()), close=stack.close,
                references=self.executor_facts.channel_carries_references, floor=self.executor_facts.floor,
            )  # fmt: skip
            try:
                self._measure_all(scenarios, bench, setup, gate)
            except BaseException as error:  # also a task that calls exit
                self.give_up(error, bench.executor)
        bench.transport.close()
        if not own_process:
            worker.use(None)

    def _measure_all(self, scenarios: Sequence[Scenario], bench: Bench, setup: Setup, gate: str) -> None:
        if not bench.transport.before_start and not scenarios[0].cold:
            self._start(bench, scenarios[0])
        for scenario in scenarios:
            if scenario is not scenarios[0]:
                self.say("phase", scenario=scenario.id, phase=BETWEEN)
                bench.transport.close()
                setup = self._setup(scenario, bench.workers, gate)
                bench.transport = self._build(setup)
                bench.setup = setup
                if not bench.own_process:
                    worker.use(worker.State(setup, bench.transport))
                if not bench.references and not bench.transport.before_start:
                    gather(bench, Call("install"), [setup] * bench.workers)
            self._measure(scenario, bench, setup, self._load(scenario, bench, setup))

    def _start(self, bench: Bench, scenario: Scenario) -> None:
        """Start the pool; a warm one has answered once from each of its workers."""
        self.say("phase", scenario=scenario.id, phase="start")
        begun = time.perf_counter()
        bench.executor = bench.open()
        if not scenario.cold:
            gather(bench, Call("meet"), [None] * bench.workers)
        self.say("started", start_s=time.perf_counter() - begun)

    def _load(self, scenario: Scenario, bench: Bench, setup: Setup) -> list[Any]:
        """The payloads of a scenario, resident, each with memory of its own."""
        self.say("phase", scenario=scenario.id, phase="load")
        payloads.load_needs(setup.spec.source)
        # Modules stay out of the collections before each transfer, which would take longer than most transfers.
        gc.collect()
        gc.freeze()
        payload = payloads.read_source(setup.spec.source)
        if scenario.payload.maker:
            self._check_made(scenario, payload)
        count = bench.workers if PATTERNS[scenario.pattern].payloads == "each" else 1
        objects = [payload, *(payloads.copy(payload) for _ in range(count - 1))]
        del payload
        # For `return` these are only compared with; the workers make the ones that come back.
        if transport_facts(self.strategy.transport).born_there and scenario.pattern != "return":
            # One after another, so that no more than one of them lies in memory twice.
            objects = [bench.transport.adopt(objects.pop(), bench.transport.reserve()) for _ in range(count)]
        return objects

    def _check_made(self, scenario: Scenario, payload: Any) -> None:
        """A function that returns a payload is called in each process: it must be the one that was described."""
        wanted = payloads.read_description(scenario.payload, Path(self.work.payloads)).digest
        if payloads.digest(payload) != wanted:
            raise payloads.PayloadError(
                f"{scenario.payload.maker} returns another payload than when it was described; what it reads has "
                f"changed, or chance is at work. {payloads.again(scenario.payload, Path(self.work.payloads))}"
            )

    def _measure(self, scenario: Scenario, bench: Bench, setup: Setup, objects: list[Any]) -> None:
        """One scenario: first transfer, steady ones, an instrumented one, memory, proof."""
        from_file = transport_facts(self.strategy.transport).from_file
        size = payloads.nbytes(objects[0])
        bench.task = tasks.load(scenario.task, scenario.task_home)
        bench.calls, bench.count, bench.parts = scenario.calls, bench.workers, scenario.workers
        if self.executor_facts.floor:
            # What no number of workers can avoid: the parent's own tasks one after another, or one worker's share.
            bench.calls = -(-scenario.calls // scenario.workers)
            bench.count = scenario.workers if scenario.pattern == "return" else 1
        stamps = iter(range(1, 1_000_000))
        own = OwnTask(bench.task, objects[0], bench.references) if scenario.task_home else None

        def once(mode: int = PLAIN, batch: int = 1) -> tuple[Timing, str]:
            if self.strategy.planted:
                # A share of what a transfer takes just now, which one that is not counted says.
                planted = cast(Planted, bench.transport)
                self._prepare(scenario, bench, objects, setup, from_file, stamps, own)
                planted.delay_ns = round(self.strategy.planted * transfer(bench, scenario.pattern, objects).total)
            begun = time.perf_counter_ns()
            expected = self._prepare(scenario, bench, objects, setup, from_file, stamps, own)
            gc.collect()
            prepared = time.perf_counter_ns() - begun
            if scenario.cold and not bench.transport.before_start:
                # Made when all else lies ready and used at once, as in the article's programs.
                self._start(bench, scenario)
            bench.mode, task = mode, bench.task
            bench.task = worker.act(task, mode)
            timing = transfer(bench, scenario.pattern, objects, batch)
            bench.mode, bench.task = PLAIN, task
            timing.prepare = prepared // batch
            if not own:
                return timing, "" if _right(timing, expected) else WRONG
            right = _own_right(own, timing, expected, objects[0])
            return timing, WRITES if own.writes and not bench.floor else "" if right else WRONG

        self.say("phase", scenario=scenario.id, phase="transfer")
        spent = 0.0
        number = 0
        shortest = math.inf
        most = min(MOST_TRANSFERS, 1 + self.work.steady.get(scenario.id, MOST_TRANSFERS))
        patience = math.inf
        # Places are freed after a batch and a planted delay falls on its first transfer: only plain references qualify.
        batchable = not transport_facts(self.strategy.transport).copies and not self.strategy.planted
        # The first, at least one steady one, and as many more as pay and the time slice holds.
        while number < (1 if scenario.cold else 2) or (
            not scenario.cold and number < most and spent < self.work.seconds and time.monotonic() < patience
        ):
            batch = self.clock.batch(shortest) if number and batchable else 1
            timing, why = once(batch=batch)
            # The first may have to import a package: it must not use up the time of the others.
            spent += batch * timing.total / 1e9 if number else 0.0
            patience = min(patience, time.monotonic() + PREPARATION * self.work.seconds)
            shortest = min(shortest, timing.total)
            self._row(scenario, bench, size, timing, number, why, batch=batch)
            number += 1
        if self.work.probes and not scenario.cold:
            self.say("phase", scenario=scenario.id, phase="instrumented")
            timing, why = once(PROBE)
            self._row(scenario, bench, size, timing, number, why, instrumented=True)
            self.say("phase", scenario=scenario.id, phase="memory")
            self._watched(scenario, once, bench, size, number + 1)
        self.say("phase", scenario=scenario.id, phase="proof")
        self._prove(scenario, bench, objects, setup, from_file, stamps)

    def _prepare(
        self, scenario: Scenario, bench: Bench, objects: list[Any], setup: Setup, from_file: bool,
        stamps: Iterator[int], own: OwnTask | None = None,
    ) -> list[Any] | dict[int, Any]:  # fmt: skip
        """Give this transfer's payloads a content of their own.

        Returns the task's right results: in the order of the payloads or, for `return`, by who holds them. Of a user's
        task these are fingerprints, and its payloads keep the content that they have.
        """
        pattern = PATTERNS[scenario.pattern]
        if own:
            return self._prepare_own(own, pattern, bench, objects, setup)
        if pattern.payloads == "held":
            return {who: bench.task(objects[0]) for who in self._hold(bench, objects, setup, stamps)}
        if not from_file:
            # In place: whoever holds the list sees them, also where a payload had to be made anew.
            objects[:] = [payloads.stamped(payload, next(stamps)) for payload in objects]
        if pattern.payloads == "parts":
            return [bench.task(part) for part in payloads.split(objects[0], bench.parts)[: bench.count]]
        if pattern.writes:
            return [bench.task(_written(payload)) for payload in objects]
        return [bench.task(payload) for payload in objects]

    def _prepare_own(
        self, own: OwnTask, pattern: Pattern, bench: Bench, objects: list[Any], setup: Setup
    ) -> list[Any] | dict[int, Any]:
        if own.writes:
            objects[:] = [own.restored() for _ in objects]
        if pattern.payloads == "held":
            return {who: own.right(objects)[0] for who in self._hold(bench, objects, setup, repeat(None))}
        if pattern.payloads == "parts":
            return own.right(payloads.split(objects[0], bench.parts)[: bench.count])
        return own.right(objects)

    def _hold(self, bench: Bench, objects: list[Any], setup: Setup, stamps: Iterator[int | None]) -> Iterator[int]:
        """Have each worker hold a result of its own; yields each worker while the parent's object equals its result."""
        numbers = [next(stamps) for _ in range(bench.workers)]
        born_there = transport_facts(self.strategy.transport).born_there
        places = [bench.transport.reserve() if born_there else None for _ in numbers]
        replies = gather(
            bench, Call("hold"), [(setup.spec.source, *both) for both in zip(numbers, places, strict=True)]
        )
        for number, reply in zip(numbers, replies, strict=True):
            if number is not None:
                objects[0] = payloads.stamped(objects[0], number)
            yield reply.who

    def _row(
        self, scenario: Scenario, bench: Bench, size: int, timing: Timing, number: int, why: str,
        instrumented: bool = False, peak: int | None = None, batch: int = 1,
    ) -> None:  # fmt: skip
        """Say what a transfer took; why: why it is not right, '' if it is."""
        seconds = {
            f"{name}_s": getattr(timing, name) / 1e9
            for name in ("prepare", "publish", "dispatch", "attach", "task", "reply", "release", "total")
        }
        # Threads' processor time is counted by themselves, inside the sender's process.
        workers_cpu = timing.others.cpu_ns if bench.own_process else timing.cpu_workers
        sender_cpu = timing.sender.cpu_ns if bench.own_process else max(0, timing.sender.cpu_ns - timing.cpu_workers)
        row = {
            "scenario": scenario.id, "payload": scenario.payload.id, "payload_bytes": size, "task": scenario.task,
            "pattern": scenario.pattern, "workers": scenario.workers, "transfer": number, "warm": int(number > 0),
            "batch": batch, "calls": scenario.calls, **seconds, "instrumented": int(instrumented),
            "first_call_s": timing.first_call / 1e9 if timing.first_call else None,
            "serialize_s": timing.serialize / 1e9 if instrumented and peak is None else None,
            "deserialize_s": timing.deserialize / 1e9 if instrumented and peak is None else None,
            "cpu_sender_s": sender_cpu / 1e9, "cpu_workers_s": workers_cpu / 1e9,
            "minor_faults": timing.sender.minor_faults + timing.others.minor_faults,
            "major_faults": timing.sender.major_faults + timing.others.major_faults,
            "huge_pages": huge_pages({os.getpid(), *bench.pids}) if instrumented or number == 1 else None,
            "peak_extra_bytes": peak,
            "status": "invalid" if why else "ok",
            "reason": why,
        }  # fmt: skip
        self.say("row", row=row)

    def _watched(self, scenario: Scenario, once: Any, bench: Bench, size: int, number: int) -> None:
        """One transfer while the supervisor samples memory; its times are not compared."""
        gc.collect()
        self.say("sample", on=True)
        sys.stdin.readline()  # it has read what is in use before
        timing, why = once(LINGER)
        self.say("sample", on=False)
        peak = int(sys.stdin.readline())
        self._row(scenario, bench, size, timing, number, why, instrumented=True, peak=peak)

    def _prove(
        self, scenario: Scenario, bench: Bench, objects: list[Any], setup: Setup, from_file: bool, stamps: Iterator[int]
    ) -> None:
        """One hand-over off the clock, whose receivers say what they hold, byte for byte."""
        name = scenario.id
        if PATTERNS[scenario.pattern].calls:  # a call each, so that no worker is left out
            scenario = replace(scenario, pattern="broadcast")
        task = bench.task
        bench.task = payloads.digest
        expected = self._prepare(scenario, bench, objects, setup, from_file, stamps)
        before = [payloads.digest(payload) for payload in objects]
        bench.mode, bench.task = PROVE, worker.act(task, PROVE)
        timing = transfer(bench, scenario.pattern, objects)
        bench.mode, bench.task = PLAIN, task
        received = sum(size for _, size in timing.results)
        # Sizes are told and not compared: those of objects depend on which of them are shared.
        timing.results = [digest for digest, _ in timing.results]
        timing.workers_results = [digest for digest, _ in timing.workers_results]
        right = _right(timing, expected)
        if PATTERNS[scenario.pattern].verb == "private" and not bench.floor:
            right = right and before == [payloads.digest(payload) for payload in objects]
        self.say("proof", scenario=name, right=right, bytes=received, moved=timing.moved)


def _written(payload: Any) -> Any:
    """A copy into which is written what a worker writes."""
    copy = payloads.copy(payload)
    worker.write(copy)
    return copy


def _own_right(own: OwnTask, timing: Timing, expected: list[Any] | dict[int, Any], payload: Any) -> bool:
    """The same of a user's task; and a look at what it did to the caller's payload."""
    own.look(payload)
    timing.results = [fingerprint(result) for result in timing.results]
    timing.workers_results = [fingerprint(result) for result in timing.workers_results]
    wanted = _wanted(timing, expected)
    return all(own.holds(results, wanted) for results in filter(None, (timing.results, timing.workers_results)))


def _wanted(timing: Timing, expected: list[Any] | dict[int, Any]) -> list[Any]:
    """The right results of a transfer, in the order of those that it has."""
    if isinstance(expected, dict):
        return [expected[who] for who in timing.who]
    return [expected[index % len(expected)] for index in range(len(timing.results))]


def _right(timing: Timing, expected: list[Any] | dict[int, Any]) -> bool:
    """Whether every worker's task had the result that the sender gets from the same payload."""
    wanted = _wanted(timing, expected)
    # NaN, the sum of infinities of both signs, is the only value that differs from itself.
    return all(
        a == b or (a != a and b != b)
        for results in filter(None, (timing.results, timing.workers_results))
        for a, b in zip(results, wanted, strict=True)
    )


def main() -> None:
    # Whoever takes too much memory is to be this process and its workers, not a bystander.
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    worker.die_with_parent()
    work = Work.from_json(sys.stdin.readline())
    os.set_inheritable(work.events, False)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = work.address_space if hard == resource.RLIM_INFINITY else min(work.address_space, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    # Queues' semaphores are named files that stay when a process is killed; by this name the sweep finds them.
    multiprocessing.current_process()._config["semprefix"] = f"/{work.prefix}"  # type: ignore[attr-defined]
    invocation = Invocation(work)
    try:
        invocation.run()
    except BaseException as error:
        invocation.give_up(error)
    invocation.say("finished", gil=provenance.has_gil())


def failure(error: BaseException, ended: str = "", folders: Iterable[Path] = ()) -> dict[str, str]:
    """The status, the reason and the signal that an exception stands for.

    `ended` is how a worker did; `folders` are those whose room may have been too little.
    """
    kinds: dict[type[BaseException], str] = {
        transports.CannotCarry: "unsupported",
        ModuleNotFoundError: "unsupported",
        BrokenExecutor: "crashed",
    }
    status = next((status for kind, status in kinds.items() if isinstance(error, kind)), "error")
    # A user's exception may carry his data, or fail to say what it is.
    said = " ".join("".join(traceback.format_exception_only(error)).split())
    if is_out_of_memory(error):
        status = "out_of_memory"
    limit = limit_behind(error, folders)
    reason = f"a worker ended by {ended}" if ended else "; ".join(filter(None, (said[:LONGEST_REASON], limit)))
    return {"status": status, "reason": reason, "signal": ended if ended.startswith("SIG") else ""}


if __name__ == "__main__":
    # A spawned worker imports this file again under another name; what it is sent refers to the real one.
    from handoff.measure.invocation import main as run

    run()
