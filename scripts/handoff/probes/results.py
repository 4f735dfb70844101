"""A plan's findings: for each payload and task of it, made, written, read, and as lines for a terminal."""

from __future__ import annotations

import json
import signal
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from handoff import payloads
from handoff.measure.places import machine_lock
from handoff.own_functions import is_own
from handoff.probes.finding import Finding, finding_from_json
from handoff.probes.order import LIMIT_S, OF_THE_FUNCTION, PROBES, Order
from handoff.probes.supervise import probe_in_children, sweep
from handoff.records import SCHEMA_VERSION, read_json, write_atomically
from handoff.scenarios import Payload, Plan
from handoff.shapes import shaped

SIGNS: Final = {"note": " ", "warning": "!", "obstacle": "X"}
WIDTH: Final = 110
"""Columns of a terminal that text fills."""


@dataclass(frozen=True)
class Entry:
    """What was found of a payload and a task."""

    payload: str
    """The payload's id."""
    task: str
    task_home: str
    findings: tuple[Finding, ...]


def probe_plan(plan: Plan, folder: Path, limit_s: float = LIMIT_S) -> list[Entry]:
    """The findings of each payload and task of the plan, alone on the machine; folder: the run's payloads/.

    What Handoff brings is known, so nothing is asked about it. A payload's own probes are made once.

    Raises:
        PayloadError: a payload is missing or is not the one that was described.
    """
    entries = []
    known: dict[str, list[Finding]] = {}
    with _stoppable(), machine_lock():
        sweep()
        for payload, task, home in _asked(plan):
            workers = max(s.workers for s in plan.scenarios if s.payload.id == payload.id)
            found = known.get(payload.id)
            if found is None:
                payloads.verify(payload, folder)
                found = known[payload.id] = probe_in_children(_order(payload, folder, workers, limit_s))
            of_both = []
            if is_own(task):
                order = _order(payload, folder, workers, limit_s, task, home)
                of_both = [each for each in probe_in_children(order) if each not in found]
            entries.append(Entry(payload.id, task, home, (*found, *of_both)))
    return entries


def _asked(plan: Plan) -> list[tuple[Payload, str, str]]:
    own = [scenario for scenario in plan.scenarios if scenario.payload.own or scenario.function]
    return list(dict.fromkeys((scenario.payload, scenario.task, scenario.task_home) for scenario in own))


def _order(payload: Payload, folder: Path, workers: int, limit_s: float, task: str = "", home: str = "") -> Order:
    of_task = {"load_payload", *OF_THE_FUNCTION}
    return Order(
        payloads.source(payload, folder), payloads.read_description(payload, folder).nbytes, workers, task, home,
        bool(payload.path), limit_s, tuple(name for name in PROBES if not task or name in of_task),
    )  # fmt: skip


@contextmanager
def _stoppable() -> Iterator[None]:
    """Meanwhile SIGTERM ends this process by an exception, so that what it has started is ended."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def write(path: Path, entries: Sequence[Entry]) -> None:
    """Write probes.json, at once or not at all."""
    content = {"schema_version": SCHEMA_VERSION, "entries": [asdict(entry) for entry in entries]}
    write_atomically(path, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def read(path: Path) -> list[Entry]:
    """What `write` wrote.

    Raises:
        BadTable: the file is missing or damaged.
    """
    return read_json(path, _entries)


def _entries(data: Any) -> list[Entry]:
    return [
        shaped(Entry(**{**each, "findings": tuple(finding_from_json(f) for f in each["findings"])}), Entry)
        for each in data["entries"]
    ]


def text(entries: Sequence[Entry]) -> list[str]:
    """The findings as lines for a terminal, a payload and task each; '!' warns, 'X' is an obstacle."""
    lines: list[str] = []
    for entry in entries:
        lines += ["", f"{entry.payload}, {entry.task}:"] if lines else [f"{entry.payload}, {entry.task}:"]
        for about in ("payload", "function", "machine"):
            for finding in (each for each in entry.findings if each.about == about):
                said = f"{finding.sentence} {finding.consequence}"
                lines += textwrap.wrap(
                    said, WIDTH, initial_indent=f"{SIGNS[finding.level]} {about + ':':<10}", subsequent_indent=" " * 12
                )
                lines += [f"{' ' * 14}{line}" for line in finding.snippet.splitlines()]
    return lines
