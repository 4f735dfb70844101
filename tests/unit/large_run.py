"""An invented run that is as large as any: sixty strategies in twenty-four scenarios. For tests alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import product

from invented_times import plan_of, steady

from handoff import costs
from handoff.figures.run import Run
from handoff.records import COSTS, INVOCATIONS, TIMINGS, Row
from handoff.scenarios import Payload, Plan, Scenario
from handoff.strategies import TABLE, find
from handoff.summaries import block_values, summarize, taking_part

PARTS = {"publish_s": 0.4, "dispatch_s": 0.1, "attach_s": 0.1, "task_s": 0.3, "reply_s": 0.1}
EVERY = tuple(dict.fromkeys(line.id for line in TABLE))[:60]


def _plan() -> Plan:
    """Four kinds of three sizes for one and two workers."""
    kinds, sizes = ("array", "frame", "text_frame", "objects"), ((2**16, "64KiB"), (2**22, "4MiB"), (2**26, "64MiB"))
    return plan_of(*(
        Scenario(Payload(f"{kind}-{name}", kind, size), "read", "send", workers, strategies=EVERY)
        for kind, (size, name), workers in product(kinds, sizes, (1, 2))
    ))  # fmt: skip


def _seconds(scenario: Scenario, strategy: str) -> float:
    """Latency and bandwidth by the strategy's place in the table, so that curves cross each other."""
    base = find(strategy).base
    place = EVERY.index(base) if base in EVERY else -1
    if place < 0:
        return 1e-6 + scenario.payload.size / 9e9
    latency, bandwidth = 2e-5 * (1 + 37 * place % 60), 2e8 * (1 + 23 * place % 60)
    return latency + scenario.payload.size * scenario.workers / bandwidth


def _transfers(scenario: Scenario, strategy: str, block: int, seconds: float, invocation: str) -> Iterator[Row]:
    key: Row = {
        **dict.fromkeys(TIMINGS.names), "invocation": invocation, "block": block, "strategy": strategy,
        "scenario": scenario.id, "payload": scenario.payload.id, "kind": scenario.payload.kind, "reason": "",
        "payload_bytes": scenario.payload.size, "task": scenario.task, "pattern": scenario.pattern,
        "workers": scenario.workers, "batch": 1, "calls": scenario.calls, "status": "ok", "digest_ok": 1,
    }  # fmt: skip
    if block == 2 and (len(strategy) + scenario.payload.size) % 7 == 0:
        yield key | {"status": "crashed", "reason": "a worker died of SIGKILL", "digest_ok": None}
        return
    parts: Row = {name: share * seconds for name, share in PARTS.items()}
    timed = key | parts | {"total_s": seconds, "release_s": 0.1 * seconds, "instrumented": 0}
    yield timed | {"transfer": 0, "warm": 0}
    yield timed | {"transfer": 1, "warm": 1}
    peak = scenario.payload.size * (1 + len(strategy) % 5)
    yield key | {"transfer": 2, "warm": 1, "instrumented": 1, "peak_extra_bytes": peak}


def large(plan: Plan | None = None) -> Run:
    """The run with all its tables, costs among them."""
    plan = plan or _plan()
    invocations: list[Row] = []
    timings: list[Row] = []
    for turn, (block, kind) in enumerate(product(range(1, plan.blocks + 1), plan.kinds)):
        scenarios = plan.of_kind(kind)
        names = dict.fromkeys(strategy.id for each in scenarios for strategy in taking_part(plan, each))
        for slot, strategy in enumerate(names):
            invocation = f"{kind}/{strategy}/{block}"
            own = [each for each in scenarios if not plan.unsupported(each, find(strategy))]
            own = [each for each in own if find(strategy) in taking_part(plan, each)]
            if not own:
                continue
            at = 60 * turn + slot // 2
            invocations.append({
                **dict.fromkeys(INVOCATIONS.names), "invocation": invocation, "block": block, "slot": slot,
                "strategy": strategy, "campaign": "c1", "kind": kind, "interpreter": "CPython 3.13.0", "status": "ok",
                "executor": find(strategy).executor, "start_s": 0.1 + slot / 100, "others_cpu_s": 0.3 * (slot % 9 == 0),
                "started_at": f"2026-01-01T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z",
                "started_ns": 10**9 * at, "ended_ns": 10**9 * (at + 1),
            })  # fmt: skip
            for each in own:
                seconds = steady(_seconds(each, strategy), plan.blocks, turn=slot)[block - 1]
                timings += _transfers(each, strategy, block, seconds, invocation)
    return with_costs(Run(plan, summarize(invocations, timings, plan), timings, invocations))


def with_costs(run: Run) -> Run:
    """The run with the rows of its costs.csv."""
    values = block_values(run.invocations, run.timings)
    rows = costs.rows(run.plan, values, (), costs.overheads(run.invocations, run.timings))
    return dataclasses.replace(run, costs=[{name: row[name] for name in COSTS.names} for row in rows])
