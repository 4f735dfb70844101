"""A small made-up run: a plan and the rows that measuring it might give. Seeded, for tests alone.

Its times follow a simple model, latency plus bytes over bandwidth, with a drift that a whole block
shares and noise of each invocation; the failures of a real run are in it, one of each sort.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handoff.figures.run import Run
from handoff.health import examine
from handoff.recommend import recommend
from handoff.records import INVOCATIONS, SUMMARY, TIMINGS, Row, parse_csv, to_csv, write_atomically, write_table
from handoff.scenarios import Payload, Plan, Scenario
from handoff.strategies import FLOORS, SENTINEL, TABLE, find
from handoff.summaries import block_values, summarize

MIB = 2**20
REFERENCE = "pool_spawn-pickle"
PHASES = ("publish_s", "dispatch_s", "attach_s", "task_s", "reply_s")

# Seconds before the first byte, bytes a second, and how both split over the five phases.
MODEL: dict[str, tuple[float, float, Sequence[float]]] = {
    "inline": (2e-6, 9.0e9, (0, 0, 0, 1, 0)),
    "memcpy": (4e-6, 4.2e9, (0.5, 0, 0, 0.5, 0)),
    "threads-reference": (6e-5, 8.6e9, (0, 0.03, 0, 0.94, 0.03)),
    "pool_spawn-pickle": (1.6e-4, 0.31e9, (0, 0.93, 0, 0.03, 0.04)),
    "process_spawn-pickle4": (2.4e-4, 0.30e9, (0, 0.92, 0, 0.03, 0.05)),
    "process_spawn-pickle5": (2.4e-4, 0.33e9, (0, 0.92, 0, 0.03, 0.05)),
    "process_spawn-fastparquet-tmpfs": (5.0e-3, 0.36e9, (0.52, 0.01, 0.44, 0.03, 0)),
    "process_spawn-fastparquet-disk": (5.5e-3, 0.31e9, (0.56, 0.01, 0.40, 0.03, 0)),
    "process_spawn-parquet-tmpfs": (2.0e-3, 0.40e9, (0.50, 0.01, 0.46, 0.03, 0)),
    "process_spawn-parquet-disk": (2.2e-3, 0.37e9, (0.54, 0.01, 0.42, 0.03, 0)),
    "process_spawn-arrow-tmpfs": (9.0e-4, 1.3e9, (0.70, 0.02, 0.16, 0.12, 0)),
    "process_spawn-arrow-disk": (1.0e-3, 1.2e9, (0.72, 0.02, 0.15, 0.11, 0)),
    "process_spawn-npy-tmpfs": (4.5e-4, 1.8e9, (0.66, 0.02, 0.14, 0.18, 0)),
    "process_spawn-npy-disk": (4.6e-4, 2.5e9, (0.64, 0.02, 0.08, 0.26, 0)),
    "process_spawn-shared_memory": (5.0e-4, 1.1e9, (0.72, 0.02, 0.14, 0.12, 0)),
    "process_spawn-arena": (2.7e-4, 4.0e9, (0.50, 0.05, 0.01, 0.43, 0.01)),
    "process_fork-inherit": (2.0e-2, 8.9e9, (0, 0.05, 0, 0.94, 0.01)),
    "process_spawn-load_in_worker": (6.0e-4, 2.2e9, (0, 0.02, 0.70, 0.28, 0)),
}


def array(size: int, name: str) -> Payload:
    return Payload(f"array-{name}", "array", size, (("dtype", "float64"),))


def example_plan(blocks: int = 6, strategies: Sequence[str] = (), experiments: Sequence[str] = ()) -> Plan:
    """Arrays of three sizes to one and two workers, one result on its way back, two frames."""
    asked = tuple(strategies) or tuple(strategy for strategy in MODEL if "-" in strategy)
    scenarios = [
        Scenario(array(size, name), "read", "send", workers, strategies=asked)
        for size, name in ((64 * 2**10, "64KiB"), (4 * MIB, "4MiB"), (256 * MIB, "256MiB"))
        for workers in (1, 2)
    ]
    scenarios.append(Scenario(array(4 * MIB, "4MiB"), "read", "return", 1, strategies=asked))
    frames = [Payload(f"{kind}-64MiB", kind, 64 * MIB) for kind in ("frame", "text_frame")]
    scenarios += [Scenario(frame, "read", "send", 1, strategies=asked) for frame in frames]
    return Plan(
        run="example run", seed=1, blocks=blocks, reference=REFERENCE, tie_zone=0.05, seconds_per_invocation=0.5,
        budget_s=300.0, needs={"writable": False, "safe": True, "dependencies": "any"},
        experiments=tuple(experiments), scenarios=tuple(scenarios),
    )  # fmt: skip


def planted_failure(scenario: Scenario, strategy: str, block: int) -> tuple[str, str]:
    """Status and reason of the transfers that go wrong in this run; ('', '') for the others."""
    kind = scenario.payload.kind
    if unable := find(strategy).unsupported(kind, scenario.pattern):
        return "unsupported", unable
    if strategy == "process_spawn-fastparquet-disk" and kind == "text_frame":
        return "timeout", "it ran longer than its limit of 60 s"
    if strategy == "process_spawn-fastparquet-tmpfs" and kind == "text_frame":
        return "error", "TypeError in the worker: <NA> & <b>None</b> are not category codes"
    if strategy == "process_spawn-shared_memory" and scenario.payload.size == 256 * MIB and scenario.workers == 2:
        return "skipped", "needs 1.0 GiB in /dev/shm (2 x 256 MiB x 2 copies), and 64 MiB are free"
    if strategy == "process_spawn-pickle4" and scenario.payload.size == 256 * MIB and block == 2:
        return "crashed", "a worker died of SIGKILL"
    return "", ""


def _transfers(scenario: Scenario, strategy: str, block: int, random_: random.Random, drift: float) -> list[Row]:
    base = find(strategy).base
    key: Row = {
        "invocation": f"{scenario.payload.kind}/{strategy}/{block}", "block": block, "strategy": strategy,
        "scenario": scenario.id, "payload": scenario.payload.id, "kind": scenario.payload.kind,
        "payload_bytes": scenario.payload.size, "task": scenario.task, "pattern": scenario.pattern,
        "workers": scenario.workers, "batch": 1, "calls": scenario.calls, "transfer": 0,
    }  # fmt: skip
    status, reason = planted_failure(scenario, base, block)
    if status:
        return [key | {"status": status, "reason": reason}]
    latency, bandwidth, shares = MODEL.get(base, MODEL[REFERENCE])
    load = 1 if base in ("inline", "memcpy") else scenario.workers**0.9
    level = drift * random_.lognormvariate(0, 0.03)
    rows: list[Row] = []
    for transfer in range(4):
        total = (latency + scenario.payload.size * load / bandwidth) * level * random_.lognormvariate(0, 0.02)
        total *= 1.6 if transfer == 0 else 1.0
        phases: Row = {phase: total * share for phase, share in zip(PHASES, shares, strict=True)}
        rows.append(key | phases | {
            "transfer": transfer, "warm": int(transfer > 0), "instrumented": int(transfer == 3),
            "total_s": total, "release_s": 0.04 * total if "spawn" in base else 0.0,
            "bytes_received": scenario.payload.size * scenario.workers, "digest_ok": 1, "status": "ok",
        })  # fmt: skip
    return rows


def example_rows(plan: Plan, seed: int = 1) -> tuple[list[Row], ...]:
    """invocations.csv and timings.csv of a plan: one campaign, every strategy in every block."""
    random_ = random.Random(seed)
    invocations: list[Row] = []
    timings: list[Row] = []
    for block in range(1, plan.blocks + 1):
        drift = random_.lognormvariate(0, 0.02)
        for kind in plan.kinds:
            asked = {name for scenario in plan.of_kind(kind) for name in scenario.strategies}
            order = [*(floor.id for floor in FLOORS), *(line.id for line in TABLE if line.id in asked)]
            order += [f"inline{SENTINEL}", f"{plan.reference}{SENTINEL}"]
            random_.shuffle(order)
            for slot, strategy in enumerate(order):
                own: list[Row] = []
                for scenario in plan.of_kind(kind):
                    own += _transfers(scenario, strategy, block, random_, drift)
                timings += own
                parts = find(strategy)
                invocations.append({
                    "invocation": f"{kind}/{strategy}/{block}", "run": plan.run, "campaign": "20260101T120000Z-abc123",
                    "machine_id": "0123456789ab", "environment_id": "ba9876543210", "host": "example",
                    "interpreter": "CPython 3.13.0", "block": block, "slot": slot, "order_seed": 7, "kind": kind,
                    "strategy": strategy, "executor": parts.executor, "transport": parts.transport,
                    "storage": parts.storage, "workers": "1 2",
                    "status": next((row["status"] for row in own if row["status"] not in ("ok", "unsupported")), "ok"),
                    "start_s": 0.4, "load_before": round(random_.uniform(0.1, 0.9), 2), "steal_s": 0.0,
                    "cpu_pressure": 0.01, "memory_pressure": 0.0, "throttled": 0, "swapped": 0,
                    "started_at": "2026-01-01T12:00:00Z", "ended_at": "2026-01-01T12:05:00Z",
                })  # fmt: skip
    # Through the tables' own text and back: every column is there, and typed as a reader finds it.
    return tuple(
        parse_csv(table, to_csv(table, rows), table.name)
        for table, rows in ((INVOCATIONS, invocations), (TIMINGS, timings))
    )


def example(seed: int = 1, **plan: Any) -> Run:
    """The whole made-up run: its plan, its rows and their summary. Keywords are example_plan's."""
    made = example_plan(**plan)
    invocations, timings = example_rows(made, seed)
    summary = parse_csv(SUMMARY, to_csv(SUMMARY, summarize(invocations, timings, made)), "summary.csv")
    return Run(made, summary, timings, invocations)


def answers(run: Run) -> list[dict[str, Any]]:
    """recommendations.json of such a run."""
    return recommend(run.summary, block_values(run.invocations, run.timings), run.plan, run.invocations)


def health_of(run: Run) -> dict[str, Any]:
    """health.json of such a run."""
    return examine(run.plan, run.invocations, run.timings)


def write_run(run: Run, folder: Path) -> dict[str, Path]:
    """Write the run's files as the workflow would; returns their paths by the name of the option that takes them."""
    paths = {name: folder / f"{name}.csv" for name in ("summary", "timings", "invocations")}
    for name, table, rows in (
        ("summary", SUMMARY, run.summary),
        ("timings", TIMINGS, run.timings),
        ("invocations", INVOCATIONS, run.invocations),
    ):
        write_table(paths[name], table, rows)
    for name, data in (
        ("plan", run.plan.to_json()),
        ("recommendations", answers(run)),
        ("health", health_of(run)),
        ("machine", example_machine()),
    ):
        paths[name] = folder / f"{name}.json"
        write_atomically(paths[name], json.dumps(data))
    return paths


def example_machine() -> dict[str, Any]:
    """machines/<machine_id>.json, with a name that must not become markup."""
    return {
        "machine_id": "0123456789ab",
        "hardware": {
            "processor": "Example CPU <3 GHz>", "cores": 2, "memory_bytes": 8 * 2**30,
            "caches": [
                {"level": level, "type": type_, "size_bytes": size, "shared_by_cpus": "0"}
                for level, type_, size in ((1, "Data", 2**15), (1, "Instruction", 2**15), (2, "Unified", MIB))
            ],
        },
        "kernel": {"release": "6.1.0", "transparent_huge_pages": "madvise"},
        "limits": {"shared_memory_bytes": 64 * MIB},
        "python": {"version": "3.13.0", "gil": True},
        "packages": {"numpy": "2.4.0", "pandas": "3.1.0"},
        "warnings": [{"what": "/dev/shm has 64 MiB", "remedy": "start the container with --shm-size=2g"}],
    }  # fmt: skip
