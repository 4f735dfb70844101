"""One measuring job: alone on the machine, supervised, its surroundings noted, its file written."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from handoff import interpreters, payloads, provenance
from handoff.measure import progress, surroundings
from handoff.measure.pilot import pilot_files, wanted_transfers
from handoff.measure.places import Places, machine_lock
from handoff.measure.supervisor import Outcome, Supervisor
from handoff.mistakes import HandoffError
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
    python: str = ""
    """The program to measure with, if the strategy's id names an interpreter."""


def _interpreter(order: Order) -> interpreters.Interpreter:
    """The Python that the strategy is measured under."""
    name = find(order.strategy).interpreter
    if name and not order.python:
        raise HandoffError(f"{order.strategy} is measured under another Python; say which program that is: --python")
    if order.python and not name:
        raise HandoffError(f"--python goes with an id that names an interpreter, as {order.strategy}@py313")
    return interpreters.ask(name, order.python) if name else interpreters.own()


def _stop(number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that what was started is ended and swept."""
    raise SystemExit(128 + number)


def measure(order: Order) -> None:
    """Measure and write; waits for its turn on the machine."""
    signal.signal(signal.SIGTERM, _stop)
    strategy, python = find(order.strategy), _interpreter(order)
    token = f"{os.getpid()}-{time.time_ns() // 1_000_000}"
    places = Places(token, order.payloads.parent / "scratch")
    steady = wanted_transfers(pilot_files(order.out, order.strategy, order.block))
    journal = _journal(order.out)
    with machine_lock():
        swept = places.sweep_dead()
        # A damaged payload is no strategy's failure, so it must not become a row.
        for payload in {scenario.payload.id: scenario.payload for scenario in order.scenarios}.values():
            payloads.verify(payload, order.payloads)
        before = surroundings.now()
        supervisor = Supervisor(
            strategy, order.payloads, places, order.seconds, order.block <= PROBED_BLOCKS,
            order.order_seed + order.slot, steady, journal, python,
            calls_of_own(order.scenarios, order.payloads.parent / "probes.json"),
        )  # fmt: skip
        outcome = supervisor.run(order.scenarios)
        after = surroundings.now()
    if swept:
        print(f"Swept what a killed run had left: {', '.join(swept)}.", file=sys.stderr)
    write_invocation(order.out, _record(order, python, outcome, before, after))
    journal.unlink(missing_ok=True)  # all of it stands in the result now
    progress.finished(order, outcome, (after.monotonic_ns - before.monotonic_ns) / 1e9)


NEVER_S: Final = 1.0
"""What a call is taken for that is known never to return, or not to work: nobody has to wait long for that."""


def calls_of_own(scenarios: Iterable[Scenario], probes: Path) -> dict[str, float]:
    """How long a call of the user's function takes, by scenario, as far as the probes have found out.

    Read without the probes' own room, which stands above this one; a file that is damaged tells nothing.
    """
    own = [scenario for scenario in scenarios if scenario.function]
    try:
        entries = json.loads(probes.read_text(encoding="utf-8"))["entries"] if own else []
        found: dict[tuple[str, str, str], float] = {}
        for entry in entries:
            findings = entry["findings"]
            taken = [float(each["facts"]["call_s"]) for each in findings if each["code"] == "takes"]
            hopeless = any(each["about"] == "function" and each["level"] == "obstacle" for each in findings)
            if taken or hopeless:
                found[entry["payload"], entry["task"], entry["task_home"]] = max(taken, default=NEVER_S)
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    keys = {scenario.id: (scenario.payload.id, scenario.task, scenario.task_home) for scenario in own}
    return {name: found[key] for name, key in keys.items() if key in found}


def _journal(out: Path) -> Path:
    """The file beside the result that gets what is measured as it comes; one that a killed job left is kept and told.

    Its rows do not count: the others of their block were measured in another campaign than this one's will be.
    """
    journal = out.with_suffix(".events.jsonl")
    out.parent.mkdir(parents=True, exist_ok=True)
    if journal.exists():
        kept = out.with_suffix(".interrupted.jsonl")
        journal.replace(kept)
        print(
            f"An earlier start of this job was ended after {_transfers(kept)} transfers, which stay in {kept} and do "
            "not count; it is measured again.", file=sys.stderr,
        )  # fmt: skip
    return journal


def _transfers(journal: Path) -> int:
    """Whole lines of a journal that hold a row; the last line may be cut short, and any may be damaged."""
    return journal.read_bytes().count(b'{"event": "row"')


def _record(
    order: Order, python: interpreters.Interpreter, outcome: Outcome,
    before: surroundings.Surroundings, after: surroundings.Surroundings,
) -> InvocationFile:  # fmt: skip
    strategy = find(order.strategy)
    name = f"{order.campaign}/{order.kind}/{order.strategy}/{order.block}"
    common: Row = {"invocation": name, "block": order.block, "strategy": order.strategy, "kind": order.kind}
    peaks = [peak for row in outcome.rows if isinstance(peak := row.get("peak_extra_bytes"), int)]
    invocation: Row = {
        **common, "run": order.run, "campaign": order.campaign, "machine_id": provenance.machine_id(),
        "environment_id": python.environment_id(str(sorted(order.plan.get("code", {}).items()))),
        "host": provenance.host(), "interpreter": provenance.as_measured(python.about, outcome.gil), "slot": order.slot,
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
