"""Blocks: in which order a plan is measured, and what of it lies on disk already, whole.

A block is one pass over all strategies of a payload kind, in an order shuffled with a recorded seed,
within one campaign. It is whole or it is measured again: if a job of it is missing, damaged, of another
plan or of another campaign than the others, the ratios inside it would compare unlike things.

This needs no help from Snakemake's own bookkeeping. A whole block keeps the campaign that stands in its
files; any other block gets this start's campaign. Every measuring job has its campaign's file as an input,
which is new for a new campaign, so Snakemake runs exactly the jobs whose block is not whole.

Standard library only: the Snakefile reads this at every start.
"""

from __future__ import annotations

import glob
import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handoff import provenance
from handoff.packs import has_result, read_result
from handoff.records import BadTable, Row, read_json
from handoff.scenarios import Extra, Plan, Scenario, extra_from_json
from handoff.strategies import LIBRARY, Strategy

SHARED_CODE = (
    "../measure_strategy.py",
    "measure",
    "payloads",
    "transports/__init__.py",
    "executors/__init__.py",
    "tasks.py",
)
"""Code that every measured process runs, whatever its strategy."""


@dataclass(frozen=True)
class Job:
    """One measuring job: one strategy, one payload kind, one block."""

    block: int
    kind: str
    strategy: Strategy
    slot: int
    """Its place in the block's order, from 0."""
    order_seed: int

    @property
    def file(self) -> str:
        """Its result inside results/<run>/."""
        return f"timings/{self.kind}/{self.strategy.id}/block~{self.block}.csv"


def _seed(*parts: object) -> int:
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def block_file(kind: str, block: int | str) -> str:
    """What a node says of a block once it has measured it, inside results/<run>/."""
    return f"blocks/{kind}/block~{block}.json"


def begun_file(kind: str, block: int | str) -> str:
    """The name of the node that measures a block; it is gone when the node has come to an end, well or not."""
    return f"blocks/{kind}/block~{block}.begun"


def block_order(plan: Plan, block: int, kind: str) -> tuple[Job, ...]:
    """The jobs of one block in the order they run: a shuffle that depends on seed, block and kind alone."""
    seed = _seed(plan.seed, block, kind)
    strategies = list(plan.strategies(kind, block))
    random.Random(seed).shuffle(strategies)
    return tuple(Job(block, kind, strategy, slot, seed) for slot, strategy in enumerate(strategies))


def scenarios_of(plan: Plan, job: Job) -> list[Scenario]:
    """What a job measures, in its order: the same shuffle for all strategies of a block, another one in each block.

    What a process did before is in its heap and its caches. In one order for all blocks, the same scenario would pay
    for it each time, and no number of blocks would show it.
    """
    order = [scenario.id for scenario in plan.of_kind(job.kind)]
    random.Random(f"{job.order_seed}, scenarios").shuffle(order)
    places = {name: place for place, name in enumerate(order)}
    return sorted(plan.jobs(job.kind, job.strategy, job.block), key=lambda scenario: places[scenario.id])


def run_order(plan: Plan) -> tuple[Job, ...]:
    """All jobs in the order they run. Kinds are shuffled within a round, so that drift does not line up with them."""
    jobs: list[Job] = []
    for block in range(1, plan.blocks + 1):
        kinds = list(plan.kinds)
        random.Random(_seed(plan.seed, block)).shuffle(kinds)
        for kind in kinds:
            jobs.extend(block_order(plan, block, kind))
    for extra in plan.extra:
        jobs.extend(block_order(plan, extra.block, extra.kind))
    return tuple(jobs)


def blocks_of(plan: Plan) -> list[tuple[str, int]]:
    """Kind and number of every block."""
    full = [(kind, block) for block in range(1, plan.blocks + 1) for kind in plan.kinds]
    return full + [(extra.kind, extra.block) for extra in plan.extra]


def _code_files(strategies: tuple[Strategy, ...]) -> Iterator[Path]:
    for name in SHARED_CODE:
        path = LIBRARY / name
        yield from (path.glob("*.py") if path.is_dir() else [path])
    for strategy in strategies:
        yield from strategy.files


def expected(plan: Plan, kind: str) -> dict[str, Any]:
    """What every job of a kind's block must have been measured with; it stands in each result's first line.

    Values are compared one by one, so that a difference can be named.
    """
    own = [payload for payload in plan.payloads.values() if payload.own and payload.kind == kind]
    functions = [each.function for each in own] + [scenario.function for scenario in plan.of_kind(kind)]
    return {
        "seed": plan.seed,
        "seconds": plan.seconds_per_invocation,
        **contents(plan, kind, 1),
        "files": {payload.path: file_state(payload.path) for payload in own if payload.path},
        "functions": {f"{function.name} of {function.home}": function.state for function in functions if function},
        "environment": provenance.environment_id(""),
        "packages": provenance.versions(name for strategy in plan.strategies(kind) for name in strategy.needs),
        "interpreters": _pythons(plan, plan.strategies(kind)),
        "machine": provenance.machine_id(),
        "code": provenance.code_digest(_code_files(plan.strategies(kind))),
    }


def _pythons(plan: Plan, strategies: Iterable[Strategy]) -> dict[str, str]:
    """The environments of the other Pythons that these are measured under."""
    used = {strategy.interpreter for strategy in strategies}
    return {each.name: each.environment_id("") for each in plan.interpreters if each.name in used}


def file_state(path: str) -> list[int]:
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns]


def contents(plan: Plan, kind: str, block: int) -> dict[str, Any]:
    """What is measured in a block: an extra one holds less than the others."""
    extra = plan.beyond(kind, block)
    scenarios = [
        scenario.to_json() | {"strategies": sorted(scenario.strategies)} for scenario in plan.of_kind(kind)
        if extra is None or scenario.id in extra.scenarios
    ]  # fmt: skip
    return {
        "strategies": sorted(strategy.id for strategy in plan.strategies(kind, block)),
        "scenarios": hashlib.sha256(json.dumps(scenarios, sort_keys=True).encode()).hexdigest()[:12],
    }


_CAUSES = {
    "seed": "the seed changed",
    "seconds": "seconds_per_invocation changed",
    "strategies": "its strategies changed",
    "scenarios": "its scenarios changed",
    "files": "the payload's file changed",
    "functions": "the file of a function of yours changed",
    "environment": "Python or a package changed",
    "packages": "a package of one of its strategies changed",
    "interpreters": "one of its interpreters or a package of it changed",
    "machine": "it was measured on another machine or kernel",
}


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Why a result does not belong to the plan; '' if it does."""
    for key, cause in _CAUSES.items():
        if key not in wanted:  # the machine, of a node that is not known yet
            continue
        # Results of before there were functions of a user's have no word of them.
        if found.get(key, {} if key == "functions" else None) != wanted[key]:
            return cause
    old, new = found.get("code", {}), wanted["code"]
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return f"the code changed: {', '.join(changed)}" if changed else ""


def misplaced(row: Row, job: Job) -> str:
    """What differs if the row of invocations.csv is another job's; '' if it is this one's."""
    found = (row["block"], row["kind"], row["strategy"], row["slot"], row["order_seed"])
    wanted = (job.block, job.kind, job.strategy.id, job.slot, job.order_seed)
    if found == wanted:
        return ""
    return f"holds {found} where the plan has {wanted} (block, kind, strategy, slot, order seed)"


@dataclass(frozen=True)
class Block:
    """The state of one block on disk."""

    number: int
    kind: str
    jobs: tuple[Job, ...]
    campaign: str
    """Of its files if it is whole, else this start's."""
    missing: int
    """Jobs without a result."""
    cause: str
    """Why it has to be measured (again); '' if it is whole."""
    begun: bool = False
    """A node of a cluster began it, and did not come to its end."""

    @property
    def whole(self) -> bool:
        return not self.cause


def inspect(
    plan: Plan, block: int, kind: str, folder: Path, wanted: Mapping[str, Any], again: str = ""
) -> Block:  # fmt: skip
    """Look at one block's files in results/<run>/ (folder); `again` is a campaign whose block is asked for anew."""
    jobs = block_order(plan, block, kind)
    present = [job for job in jobs if has_result(folder, job.file)]
    missing = len(jobs) - len(present)
    campaigns, places = set(), set()
    cause = "not measured yet" if not present else f"{missing} of {len(jobs)} results are missing" if missing else ""
    for job in present:
        try:
            record = read_result(folder, job.file)
        except BadTable as error:
            cause = str(error)
            break
        if difference := misplaced(record.invocation, job):
            cause = f"{folder / job.file} {difference}"
            break
        campaigns.add(str(record.invocation["campaign"]))
        places.add((record.invocation.get("host"), record.invocation.get("machine_id")))
        if difference := _difference(record.plan, wanted):
            cause = difference
            break
    if not cause and len(campaigns) > 1:
        cause = "its results are of different starts"
    if not cause and len(places) > 1:
        cause = "its results are of different hosts"
    if not cause and (host := plan.host_of(kind, block)) and (elsewhere := next(iter(places))[0]) != host:
        cause = f"{elsewhere} measured it and not {host}, as `hosts` has it"
    if not cause and campaigns == {again}:
        cause = "something in it failed, and it was asked to be measured again"
    return Block(block, kind, jobs, provenance.campaign() if cause else campaigns.pop(), missing, cause)


def continued(plan: Plan, results: Path = Path("results")) -> Plan:
    """The plan with the extra blocks that earlier starts measured and, if its effort is adaptive, those that are due.

    The first stand in the run's plan.json, the second in its effort.json. What no longer fits the plan is left out.
    A start with fixed effort leaves out what was asked for and never measured, too.

    Raises:
        BadTable: one of the two is damaged. Going on without it would end the run early, or forget blocks of it.
    """
    folder = results / plan.run
    listed, due = _listed_blocks(folder / "plan.json", "extra"), _listed_blocks(folder / "effort.json", "next")
    if plan.effort == "fixed":
        listed = [e for e in listed if any(folder.glob(f"timings/{glob.escape(e.kind)}/**/block~{e.block}.*"))]
    blocks = {(extra.kind, extra.block): extra for extra in listed}
    if plan.effort == "adaptive":
        blocks = {(e.kind, e.block): e for e in due} | blocks
    scenarios = {scenario.id for scenario in plan.scenarios}
    strategies = {strategy.id for kind in plan.kinds for strategy in plan.strategies(kind)}
    fitting = [
        extra for extra in blocks.values()
        if plan.blocks < extra.block and extra.kind in plan.kinds
        and scenarios.issuperset(extra.scenarios) and strategies.issuperset(extra.strategies)
    ]  # fmt: skip
    return replace(plan, extra=tuple(sorted(fitting, key=lambda extra: (extra.block, extra.kind))))


def _listed_blocks(file: Path, key: str) -> list[Extra]:
    if not file.exists():
        return []
    # A plan without extra blocks need not have the key.
    return read_json(file, lambda data: [extra_from_json(entry) for entry in data.get(key, ())])
