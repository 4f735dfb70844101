"""A run of any number of measuring jobs, as if it had been measured: their files in the real format, times invented."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path
from typing import Any, Final

from handoff.blocks import Job, run_order
from handoff.configuration import complete
from handoff.provenance import campaign, environment_id, machine_id
from handoff.records import InvocationFile, Row, write_atomically, write_invocation
from handoff.scenarios import Plan, Scenario, make_plan, unsupported
from handoff.schedule import Schedule
from handoff.strategies import TABLE

ROWS: Final = 12
"""Transfers of a scenario in one job, about what a default run's jobs have."""

KINDS: Final = ("array", "frame", "text_frame", "objects")
SIZES: Final = ("64KiB", "4MiB")
WAYS: Final = 21
"""Strategies of each kind: with sentinels and floors a block of the four kinds has a hundred jobs, or nearly so."""

PHASES: Final = {"publish_s": 0.4, "dispatch_s": 0.1, "attach_s": 0.1, "task_s": 0.3, "reply_s": 0.1}


def config(jobs: int) -> dict[str, Any]:
    """A config whose run has about that many measuring jobs, in whole blocks of all kinds.

    Its scenarios and strategies are the same for every number, and the blocks are more: as a run grows that is
    measured until it is sure. Nothing in it is ruled out by the facts.
    """
    made: dict[str, Any] = {"run": "scaling", "blocks": 1, "seconds_per_invocation": 0.1, "budget": "1000h"}
    made["scenarios"] = [
        {"payload": {"kind": kind, "size": list(SIZES)}, "task": "read", "pattern": "send", "workers": 1,
         "strategies": [line.id for line in TABLE if not unsupported(line, kind, "send", "read")][:WAYS]}
        for kind in KINDS
    ]  # fmt: skip
    made["blocks"] = max(1, round(jobs / len(run_order(plan_of(made)))))
    return made


def plan_of(given: dict[str, Any]) -> Plan:
    return make_plan(complete(given), Path.cwd(), cores=2)


def measure(plan: Plan, folder: Path) -> int:
    """Write what Snakemake would find after all jobs of the plan had run in `folder`; how many jobs these are."""
    schedule = Schedule(plan, folder)
    for file in schedule.payload_files(str(folder)):
        write_atomically(Path(file), "{}")
    write_atomically(folder / "campaigns" / campaign(), "")
    jobs = schedule.jobs
    random_ = random.Random(plan.seed)
    for job in jobs.values():
        record = InvocationFile(_invocation(plan, job), schedule.wanted_in(job.kind, job.block), [])
        for scenario in plan.jobs(job.kind, job.strategy, job.block):
            record.transfers.extend(_transfers(scenario, job, record.invocation, random_))
        write_invocation(folder / job.file, record)
    return len(jobs)


def _invocation(plan: Plan, job: Job) -> Row:
    strategy = job.strategy
    return {
        "invocation": f"{campaign()}/{job.kind}/{strategy.id}/{job.block}", "run": plan.run, "campaign": campaign(),
        "machine_id": machine_id(), "environment_id": environment_id(job.kind), "host": os.uname().nodename,
        "interpreter": "CPython 3.13.0", "block": job.block, "slot": job.slot, "order_seed": job.order_seed,
        "kind": job.kind, "strategy": strategy.id, "executor": strategy.executor, "transport": strategy.transport,
        "storage": strategy.storage, "workers": "1", "status": "ok", "start_s": 0.4, "clock_resolution_s": 6e-8,
        "clock_overhead_s": 7e-8, "load_before": 0.21, "others_cpu_s": 0.01, "steal_s": 0.0, "cpu_pressure": 0.01,
        "memory_pressure": 0.0, "swapped": 0, "major_faults": 0, "peak_extra_bytes": 4096,
        "started_at": "2026-01-01T12:00:00Z", "ended_at": "2026-01-01T12:00:01Z",
        "started_ns": 10**12 + 2 * 10**9 * job.slot, "ended_ns": 10**12 + 2 * 10**9 * job.slot + 10**9,
    }  # fmt: skip


def _transfers(scenario: Scenario, job: Job, invocation: Row, random_: random.Random) -> list[Row]:
    """Transfers around a level that is the job's strategy's own; the last one is instrumented."""
    slow = 1 + sum(map(ord, job.strategy.base)) % 40
    level = (1e-4 + scenario.payload.size / 4e9) * slow * math.exp(random_.gauss(0, 0.03))
    common: Row = {
        "invocation": invocation["invocation"], "block": job.block, "strategy": job.strategy.id,
        "scenario": scenario.id, "payload": scenario.payload.id, "kind": job.kind, "task": scenario.task,
        "payload_bytes": scenario.payload.size, "pattern": scenario.pattern, "workers": scenario.workers, "batch": 1,
        "calls": scenario.calls, "bytes_received": scenario.payload.size, "bytes_moved": scenario.payload.size,
        "digest_ok": 1, "status": "ok", "minor_faults": 12, "major_faults": 0, "huge_pages": 0,
    }  # fmt: skip
    rows: list[Row] = []
    for transfer in range(ROWS):
        total = level * math.exp(random_.gauss(0, 0.02)) * (1.6 if transfer == 0 else 1)
        rows.append({
            **common, **{phase: total * share for phase, share in PHASES.items()}, "total_s": total,
            "release_s": 0.04 * total, "cpu_sender_s": 0.5 * total, "cpu_workers_s": 0.4 * total, "transfer": transfer,
            "warm": int(transfer > 0), "instrumented": int(transfer == ROWS - 1),
            "peak_extra_bytes": 4096 if transfer == ROWS - 1 else None,
        })  # fmt: skip
    return rows
