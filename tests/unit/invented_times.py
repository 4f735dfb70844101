"""Tables of a run in which every block took the seconds that a test wants. For tests alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from handoff.figures.run import Run
from handoff.records import INVOCATIONS, TIMINGS, Row
from handoff.scenarios import Payload, Plan, Scenario
from handoff.strategies import find
from handoff.summaries import summarize, taking_part

REFERENCE = "pool_spawn-pickle"
THREADS = "threads-reference"
ARENA = "process_spawn-arena"
ARROW = "process_spawn-arrow-tmpfs"
FASTPARQUET = "process_spawn-fastparquet-tmpfs"
NPY = "process_spawn-npy-tmpfs"
FORK = "process_fork-inherit"
WOBBLE = (1.0, 1.004, 0.997, 1.002, 0.995, 1.006, 0.999, 1.003, 0.996, 1.001, 1.005, 0.998)
"""A real machine's noise, small: no two blocks are alike."""

Times = Mapping[str, Sequence[float | str]]
"""Strategy -> one entry a block: seconds, or the status of a block without a time."""


def steady(seconds: float, blocks: int = 6, turn: int = 0) -> list[float]:
    """That many blocks of about that time; `turn` makes another sequence of the same noise."""
    return [seconds * WOBBLE[(block + turn) % len(WOBBLE)] for block in range(blocks)]


def plan_of(*scenarios: Scenario, blocks: int = 6, reference: str = REFERENCE, **needs: object) -> Plan:
    return Plan(
        run="invented", seed=1, blocks=blocks, reference=reference, tie_zone=0.05, seconds_per_invocation=0.5,
        budget_s=300.0, needs={"writable": False, "safe": True, "dependencies": "any", **needs}, experiments=(),
        scenarios=scenarios,
    )  # fmt: skip


def scenario_of(*strategies: str, kind: str = "array", size: int = 2**20, name: str = "1MiB", workers: int = 1,
                cold: bool = False) -> Scenario:  # fmt: skip
    """A scenario of these strategies, and of nothing else but floors and sentinels."""
    return Scenario(Payload(f"{kind}-{name}", kind, size), "read", "send", workers, cold=cold, strategies=strategies)


def _transfer(scenario: Scenario, strategy: str, block: int, value: float | str, invocation: str) -> list[Row]:
    key: Row = {
        **dict.fromkeys(TIMINGS.names), "invocation": invocation, "block": block, "strategy": strategy,
        "scenario": scenario.id, "payload": scenario.payload.id, "kind": scenario.payload.kind, "reason": "",
        "payload_bytes": scenario.payload.size, "task": scenario.task, "pattern": scenario.pattern,
        "workers": scenario.workers, "batch": 1, "calls": scenario.calls,
    }  # fmt: skip
    if isinstance(value, str):
        return [key | {"status": value, "reason": f"the reason of {value}"}]
    if math.isinf(value):
        return [key | {"status": "timeout", "reason": "it ran longer than its limit of 60 s"}]
    times = [3.0 * value, value * 0.9, value, value * 1.1, 7.0 * value]
    return [
        key | {"transfer": n, "warm": int(n > 0), "instrumented": int(n == 4), "total_s": time, "status": "ok",
               "digest_ok": 1, "peak_extra_bytes": 1000 + n if n == 4 else None}
        for n, time in enumerate(times)
    ]  # fmt: skip


def tables(plan: Plan, times: Mapping[str, Times], campaigns: Sequence[str] = ()) -> tuple[list[Row], list[Row]]:
    """invocations.csv and timings.csv; `times` by scenario id.

    Floors and sentinels that a test does not name take 1 ms and the time of their twin, next block's noise.
    """
    invocations: list[Row] = []
    timings: list[Row] = []
    for scenario in plan.scenarios:
        given = times[scenario.id]
        for strategy in taking_part(plan, scenario):
            twin = given.get(strategy.base, steady(1e-6, plan.blocks))
            values = given.get(strategy.id, [*twin[1:], *twin[:1]] if strategy.is_sentinel else twin)
            for block, value in enumerate(values, start=1):
                invocation = f"{scenario.id}/{strategy.id}/{block}"
                invocations.append({
                    **dict.fromkeys(INVOCATIONS.names), "invocation": invocation, "block": block,
                    "strategy": strategy.id, "campaign": campaigns[block - 1] if campaigns else "c1",
                    "kind": scenario.payload.kind,
                    "machine_id": "0123456789ab", "environment_id": "ba9876543210", "host": "example",
                    "started_ns": 2 * 10**9 * len(invocations), "ended_ns": 2 * 10**9 * len(invocations) + 10**9,
                    "interpreter": "CPython 3.13.0", "executor": find(strategy.id).executor, "status": "ok",
                })  # fmt: skip
                timings += _transfer(scenario, strategy.id, block, value, invocation)
    return invocations, timings


def run_of(plan: Plan, times: Mapping[str, Times]) -> Run:
    """The plan, these tables and their summary."""
    invocations, timings = tables(plan, times)
    return Run(plan, summarize(invocations, timings, plan), timings, invocations)
