"""The schedule: a plan, where its results lie, and what Snakemake has to be told of what is left to do.

Also what is said before the first job and after the last one. Which blocks are whole, blocks.py knows.

Standard library only: the Snakefile reads this at every start.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

from handoff import provenance
from handoff.blocks import (
    Block,
    Job,
    begun_file,
    block_file,
    blocks_of,
    contents,
    expected,
    file_state,
    inspect,
    run_order,
    scenarios_of,
)  # fmt: skip
from handoff.mistakes import HandoffError
from handoff.packs import pack_of
from handoff.records import BadTable, read_json, write_atomically
from handoff.scenarios import PATTERNS, Payload, Plan, Scenario
from handoff.shapes import of_shape, shaped
from handoff.strategies import LIBRARY, Strategy, transport_facts
from handoff.terminal import BOLD, ORANGE, columns, folded, has_colours, styled
from handoff.words import counted, spoken_time

AGAIN: Final = "again.json"
"""In results/<run>/: the blocks that were asked to be measured again."""

_SOURCES = (".py", ".jinja", ".css", ".js")


LEAST_ROOM: Final = 2**20
"""Bytes of free room below which a step's file may not fit."""

NODES: Final = "nodes"
"""What describes the nodes of a cluster in machines/, beside each machine_id."""

MOST_LINES: Final = 15
"""Of what is printed at the end of a run."""


class CannotBegin(HandoffError):
    """Nothing may be written into the run's folder: why, and what to do."""


def _asked_again(file: Path) -> dict[str, str]:
    """Blocks that were asked to be measured again (scripts/measure_again.py), with the campaign of their results.

    Once they have been, their campaign is another one, and what stands here means nothing more.
    """
    if not file.exists():
        return {}
    return cast(
        dict[str, str], read_json(file, of_shape(dict[str, str]), "Delete it, and ask again if you want to: make again")
    )


def _settle_times(paths: Iterable[Path]) -> int:
    """Bring those of the files that lie in the future back to now, in their order; how many they were.

    Snakemake gives a job's output up if an input is newer, and would run finished steps again and again.
    """
    now = time.time()
    later = {path: found for path in paths if path.is_file() and (found := path.stat().st_mtime) > now}
    for path, found in later.items():
        with suppress(PermissionError):  # a file of the program, installed by somebody else
            os.utime(path, times=(now, found - max(later.values()) + now))
    return len(later)


def _locked(folder: Path) -> int:
    """The descriptor of the run's lock, which is held by this process alone as long as it is open.

    However the process ends: such a lock cannot be left behind.

    Raises:
        CannotBegin: another one holds it.
    """
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise CannotBegin(
            f"Another workflow is writing into {folder}; wait for it, or give this run another name."
        ) from None
    return lock


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """No workflow writes into the run's folder meanwhile; raises CannotBegin if one does."""
    lock = _locked(folder)
    try:
        yield
    finally:
        os.close(lock)


class Schedule:
    """A plan, where its results lie, and what is left to do."""

    def __init__(self, plan: Plan, folder: Path, on_nodes: bool | None = None) -> None:
        """on_nodes: the nodes of a cluster measure, not this machine; None: provenance.on_nodes() knows.

        Raises BadTable if what was asked to be measured again cannot be read.
        """
        self.plan = plan
        self.folder = folder
        self.on_nodes = provenance.on_nodes() if on_nodes is None else on_nodes
        self.again = _asked_again(folder / AGAIN)

    @cached_property
    def wanted(self) -> dict[str, dict[str, Any]]:
        """For each kind, what the results of its full blocks must have been measured with."""
        found = {kind: expected(self.plan, kind) for kind in self.plan.kinds}
        if self.on_nodes:  # which machine that is shows when it measures
            for wanted in found.values():
                del wanted["machine"]
        return found

    def wanted_in(self, kind: str, block: int) -> dict[str, Any]:
        """What the results of that block must have been measured with."""
        wanted = self.wanted[kind]
        return wanted | contents(self.plan, kind, block) if self.plan.beyond(kind, block) else wanted

    @cached_property
    def blocks(self) -> dict[tuple[str, int], Block]:
        found = {
            (kind, block): inspect(
                self.plan, block, kind, self.folder, self.wanted_in(kind, block), self.again.get(f"{kind}/{block}", "")
            )
            for kind, block in blocks_of(self.plan)
        }
        return {place: self._named(block) for place, block in found.items()}

    def _named(self, block: Block) -> Block:
        """With the node that began a block which is not whole, and did not come to its end."""
        file = self.folder / begun_file(block.kind, block.number)
        if block.whole or not (self.on_nodes and file.is_file()):
            return block
        node = file.read_text(encoding="utf-8", errors="replace").strip() or "a node"
        return replace(block, cause=f"{node} did not finish it", begun=True)

    @cached_property
    def jobs(self) -> dict[str, Job]:
        """Every job by its file, in the order they run."""
        return {job.file: job for job in run_order(self.plan)}

    @cached_property
    def places(self) -> dict[str, int]:
        return {file: place for place, file in enumerate(self.jobs)}

    def job(self, kind: str, strategy: str, block: int | str) -> Job:
        return self.jobs[f"timings/{kind}/{strategy}/block~{block}.csv"]

    def priority(self, kind: str, strategy: str, block: int | str) -> int:
        """For Snakemake, which runs higher numbers first."""
        return len(self.jobs) - self.places[self.job(kind, strategy, block).file]

    @property
    def to_measure(self) -> list[Job]:
        """Jobs of blocks that are not whole, in the order they run."""
        return [job for job in self.jobs.values() if not self.blocks[job.kind, job.block].whole]

    @property
    def machine(self) -> str:
        """The name of the description of what measures, in machines/."""
        return NODES if self.on_nodes else provenance.machine_id()

    @property
    def measured(self) -> list[str]:
        """Files inside results/<run>/ that there are once all is measured: the jobs' or their packs, or the blocks' of
        nodes.
        """
        if self.on_nodes:
            return [block_file(kind, block) for kind, block in self.blocks]
        return list(dict.fromkeys(map(self._result, self.jobs.values())))

    def _result(self, job: Job) -> str:
        """The file that holds what a job wrote or will write."""
        packed = self.blocks[job.kind, job.block].whole and not (self.folder / job.file).is_file()
        return pack_of(job.file) if packed else job.file

    def minutes(self, kind: str, block: int | str) -> int:
        """How long a node may take for a block: four times what is expected, and ten minutes."""
        jobs = self.blocks[kind, int(block)].jobs
        return 10 + math.ceil(4 * sum(map(self.estimate, jobs)) / 60)

    def nodelist(self, kind: str, block: int | str) -> str:
        """SLURM's option for the node that the config names for that block; '' if it names none."""
        host = self.plan.host_of(kind, int(block))
        return f"--nodelist={host}" if host else ""

    def files(self, *rooms: str) -> list[str]:
        """Files of the library's rooms (a folder or a file each), relative to it; for the inputs of a rule."""
        found = []
        for room in rooms:
            path = LIBRARY / room
            inside = path.rglob("*") if path.is_dir() else [path]
            found += [file.relative_to(LIBRARY).as_posix() for file in inside if file.suffix in _SOURCES]
        return sorted(found)

    def _payload(self, name: str) -> Payload:
        """The payload whose data file, or whose id if it has none, is called that."""
        return next(payload for payload in self.plan.payloads.values() if name in (payload.file, payload.id))

    def payload_json(self, name: str) -> str:
        payload = self._payload(name)
        return json.dumps({**asdict(payload), "options": dict(payload.options)}, ensure_ascii=False)

    def own_data(self, name: str) -> list[Any]:
        """The user's file as it is now, by its path, size and time; or his function, by its module's content."""
        payload = self._payload(name)
        if function := payload.function:
            return [function.name, function.home, function.state]
        return [payload.path, *file_state(payload.path)] if payload.path else []

    @property
    def own_questions(self) -> list[list[Any]]:
        """What is the user's own in the plan, and whatever may change what is found out of it."""
        own = [scenario for scenario in self.plan.scenarios if scenario.payload.own or scenario.function]
        return [
            [scenario.id, scenario.task_home, scenario.workers, *(f.state for f in (scenario.function,) if f)]
            for scenario in own
        ]

    def payload_files(self, folder: str, kind: str = "") -> list[str]:
        """The payloads' data files and descriptions: those of a kind, or all. A user's own file is no output."""
        payloads = [payload for payload in self.plan.payloads.values() if kind in ("", payload.kind)]
        return [
            *(f"{folder}/payloads/{payload.file}" for payload in payloads if payload.file),
            *(f"{folder}/payloads/{payload.description}" for payload in payloads),
        ]

    def block_files(self, folder: str, kind: str, block: int | str, ancient: Callable[[str], str]) -> list[str]:
        """What the jobs of a block need: the file of its campaign, the payloads' data files and descriptions.

        Of a whole block their age does not matter; `ancient` is Snakemake's mark for that.
        """
        state = self.blocks[kind, int(block)]
        files = [f"{folder}/campaigns/{self._asked_in(state)}", *self.payload_files(folder, kind)]
        return [ancient(file) for file in files] if state.whole else files

    def _asked_in(self, block: Block) -> str:
        """The campaign that a block's jobs hang on: its own, or the one that asked a node for it.

        A node measures in a campaign of its own; with that one, its job's inputs would change once it is whole.
        """
        file = self.folder / block_file(block.kind, block.number)
        if self.on_nodes and block.whole:
            return read_json(file, lambda said: str(said["asked_in"])) if file.is_file() else provenance.campaign()
        return block.campaign

    def all_block_files(self, folder: str) -> list[str]:
        """The same of all blocks."""
        found = (file for kind, block in self.blocks for file in self.block_files(folder, kind, block, str))
        return list(dict.fromkeys(found))

    def arguments(self, kind: str, strategy: str, block: int | str) -> list[str]:
        """The command line of a measuring job, without its paths."""
        job = self.job(kind, strategy, block)
        given = {
            "--run": self.plan.run, "--kind": kind, "--strategy": strategy, "--block": job.block, "--slot": job.slot,
            "--order-seed": job.order_seed, "--campaign": self.blocks[kind, job.block].campaign,
            "--seconds": self.plan.seconds_per_invocation,
            "--plan": json.dumps(self.wanted_in(kind, job.block), ensure_ascii=False),
        }  # fmt: skip
        if job.strategy.interpreter:
            commands = {each.name: each.command for each in self.plan.interpreters}
            given["--python"] = commands[job.strategy.interpreter]
        scenarios = [
            f"--scenario={json.dumps(scenario.to_json(), ensure_ascii=False)}"
            for scenario in scenarios_of(self.plan, job)
        ]
        # Thousands of jobs have most of these in common, and Snakemake keeps them all.
        return [*map(sys.intern, [*(f"{option}={value}" for option, value in given.items()), *scenarios])]

    def begin(self) -> None:
        """Before the first job: be alone in the run's folder, say what is going to happen, start the progress.

        The workflow that measures one block on a node is part of another one, which has done so.

        Raises:
            CannotBegin: another workflow is writing into the same run, or this one may not or cannot.
        """
        if provenance.BLOCK_VARIABLE in os.environ:
            return
        if self.plan.hosts and not self.on_nodes and self.plan.hosts != (provenance.host(),):
            raise CannotBegin(
                f"`hosts` names {', '.join(self.plan.hosts)}, and here {provenance.host()} would measure. Start it on "
                "a cluster (--workflow-profile profiles/slurm), or leave `hosts` out of the config."
            )
        try:
            self._begin()
        except OSError as error:
            raise CannotBegin(
                f"Nothing can be written into {self.folder} ({error.strerror}). Change that, or have Snakemake work in "
                "another folder: --directory."
            ) from error

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder)  # until this process ends
        if later := _settle_times([*self.folder.rglob("*"), *LIBRARY.parent.rglob("*")]):
            print(
                f"A clock has been set back: the times of {later} files lay in the future, and have been brought back."
            )
        # The jobs' Python is this one, also where nobody put its folder on the PATH. An environment that
        # Snakemake activates for a job still comes first.
        os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        for line in self.announcement():
            print(line, flush=True)
        expected = {job.file: self.estimate(job) for job in self.to_measure}
        progress = {"campaign": provenance.campaign(), "expected_s": expected}
        write_atomically(self.folder / "progress.json", json.dumps(progress))
        (self.folder / "progress.log").unlink(missing_ok=True)

    def hindrance(self) -> str:
        """After a failure: what may have stopped any of the steps, and what to do; '' if nothing of that kind is seen.

        A step whose file does not fit cannot write its log either.
        """
        found = os.statvfs(self.folder if self.folder.is_dir() else ".")
        free = found.f_bavail * found.f_frsize
        if free >= LEAST_ROOM:
            return ""
        return (
            f"\nThere is no room left for {self.folder}: {free:,} bytes are free on its file system. Make room and run "
            "the same command again; what is measured stays."
        )

    def closing(self) -> str:
        """After the last job: the answer in brief, what to be wary of, where the report lies. '' if there is none yet.

        It is 15 lines long at most, and fits into the terminal. answer.txt goes on after its first blank line.
        """
        try:
            brief, _, _ = (self.folder / "answer.txt").read_text(encoding="utf-8").partition("\n\n")
            wary = read_json(self.folder / "health.json", lambda health: shaped(health["in_short"], str))
        except (OSError, ValueError, BadTable):
            return ""
        heading, *answers = brief.splitlines() or [""]
        width, colours = columns(), has_colours(sys.stdout)
        above, said, below = folded([heading], width), folded(answers, width), folded([wary], width)
        room = MOST_LINES - len(above) - len(below) - 2  # a blank line and the report's place
        if len(said) > room:
            said[room - 1 :] = [f"  … {self.folder / 'answer.txt'} goes on."]
        above, below = ([styled(line, how, colours) for line in part] for part, how in ((above, BOLD), (below, ORANGE)))
        # Paths are never folded: they are there to be copied, or clicked on.
        return "\n".join(["", *above, *said, *below, f"Report: {self.folder / 'report.html'}"])

    def estimate(self, job: Job) -> float:
        """Seconds that a job is expected to take: start-up, then for each scenario its time slice or a few transfers.

        Rough on purpose: it is printed before anything is known. The time left is then corrected by what
        finished jobs took.
        """
        heavy = 0.6 if any(s.payload.may_be not in ("array", "objects") for s in self.plan.of_kind(job.kind)) else 0.0
        scenarios = self.plan.jobs(job.kind, job.strategy, job.block)
        return 0.6 + heavy + sum(_scenario_seconds(s, job.strategy, self.plan) for s in scenarios)

    def announcement(self) -> list[str]:
        """What is about to happen, in words; printed before anything starts."""
        plan, todo = self.plan, self.to_measure
        lines = []
        again = [b for b in self.blocks.values() if b.cause and (b.begun or b.missing < len(b.jobs))]
        for cause in dict.fromkeys(block.cause for block in again):
            which = ", ".join(f"{b.kind} {b.number}" for b in again if b.cause == cause)
            lines.append(f"These blocks are measured again, whole, because {cause}: {which}.")
        if not todo:
            return [f"Run {plan.run!r}: all {len(self.jobs)} measuring jobs are there and whole; nothing is measured."]
        seconds = sum(map(self.estimate, todo))
        candidates = {s.id for kind in plan.kinds for s in plan.strategies(kind) if s.role == "candidate"}
        more = f" and {len(plan.extra)} more of what is open" if plan.extra else ""
        lines.append(
            f"Run {plan.run!r}: {counted(len(plan.scenarios), 'scenario')}, "
            f"{counted(len(candidates), 'strategy', 'strategies')}, {counted(plan.blocks, 'block')}{more}; "
            f"{len(todo)} of {len(self.jobs)} measuring jobs to do, "
            f"about {spoken_time(seconds)}."
        )
        if seconds > plan.budget_s:
            lines.append(
                f"That is more than the budget of {spoken_time(plan.budget_s)}. It is measured all the same; "
                "fewer blocks, sizes or strategies in the config make it shorter."
            )
        return lines


def _scenario_seconds(scenario: Scenario, strategy: Strategy, plan: Plan) -> float:
    """At about 2 GB/s a copy and 8 GB/s a reading; then a proof and the making of the payload, each like a copy."""
    pattern = PATTERNS[scenario.pattern]
    size = scenario.payload.size * (scenario.workers if pattern.in_flight and not strategy.is_floor else 1)
    calls = 1 if strategy.is_floor else scenario.calls
    one = 0.002 + size * (transport_facts(strategy.transport).copies / 2e9 + calls / 8e9)
    steady = 0.0 if scenario.cold else max(plan.seconds_per_invocation, one)
    return one + steady + one + 3 * size / 1e9
