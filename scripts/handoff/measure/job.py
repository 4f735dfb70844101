"""One measuring job: alone on the machine, supervised, its surroundings noted, its file written."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from handoff import provenance
from handoff.measure import progress, surroundings
from handoff.measure.pilot import pilot_files, wanted_transfers
from handoff.measure.places import Places, machine_lock
from handoff.measure.supervisor import Outcome, Supervisor
from handoff.records import InvocationFile, Row, write_invocation
from handoff.scenarios import Scenario
from handoff.strategies import find

PROBED_BLOCKS: Final = 2
"""Blocks with an instrumented transfer and one for memory: both hardly vary, and neither is compared."""


@dataclass(frozen=True)
class Order:
    """What a measuring job is asked to do."""

    run: str
    kind: str
    strategy: str
    block: int
    slot: int
    order_seed: int
    campaign: str
    seconds: float
    plan: dict[str, Any]
    scenarios: tuple[Scenario, ...]
    payloads: Path
    out: Path


def _stop(number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that what was started is ended and swept."""
    raise SystemExit(128 + number)


def measure(order: Order) -> None:
    """Measure and write; waits for its turn on the machine."""
    signal.signal(signal.SIGTERM, _stop)
    strategy = find(order.strategy)
    token = f"{os.getpid()}-{time.time_ns() // 1_000_000}"
    places = Places(token, order.payloads.parent / "scratch")
    steady = wanted_transfers(pilot_files(order.out, order.strategy, order.block))
    with machine_lock():
        swept = places.sweep_dead()
        before = surroundings.now()
        supervisor = Supervisor(
            strategy, order.payloads, places, order.seconds, order.block <= PROBED_BLOCKS,
            order.order_seed + order.slot, steady,
        )  # fmt: skip
        outcome = supervisor.run(order.scenarios)
        after = surroundings.now()
    if swept:
        print(f"Swept what a killed run had left: {', '.join(swept)}.", file=sys.stderr)
    write_invocation(order.out, _record(order, outcome, before, after))
    progress.finished(order, outcome, (after.monotonic_ns - before.monotonic_ns) / 1e9)


def _record(
    order: Order, outcome: Outcome, before: surroundings.Surroundings, after: surroundings.Surroundings
) -> InvocationFile:
    strategy = find(order.strategy)
    name = f"{order.campaign}/{order.kind}/{order.strategy}/{order.block}"
    common: Row = {"invocation": name, "block": order.block, "strategy": order.strategy, "kind": order.kind}
    peaks = [peak for row in outcome.rows if isinstance(peak := row.get("peak_extra_bytes"), int)]
    invocation: Row = {
        **common, "run": order.run, "campaign": order.campaign, "machine_id": provenance.machine_id(),
        "environment_id": provenance.environment_id(str(sorted(order.plan.get("code", {}).items()))),
        "host": provenance.host(), "interpreter": provenance.interpreter(), "slot": order.slot,
        "order_seed": order.order_seed,
        "executor": strategy.executor, "transport": strategy.transport, "storage": strategy.storage,
        "workers": " ".join(str(n) for n in sorted({s.workers for s in order.scenarios})),
        "status": outcome.status, "fail_phase": outcome.fail_phase, "fail_reason": outcome.fail_reason,
        "signal": outcome.signal,
        "stderr_tail": outcome.stderr_tail, "swept": " ".join(outcome.swept), "start_s": outcome.start_s,
        **{f"clock_{name}": value for name, value in outcome.clock.items()},
        "peak_extra_bytes": max(peaks) if peaks else None, **surroundings.between(before, after),
    }  # fmt: skip
    if outcome.died:  # its own workers' time was never told to this process, and is nobody else's
        invocation["others_cpu_s"] = None
    rows: list[Row] = [{**row, **common} for row in outcome.rows]
    return InvocationFile(invocation, order.plan, rows)
