"""Collect what the measuring jobs wrote into invocations.csv and timings.csv: whole, or not at all.

Rows that no job can write are added from the plan: what the facts rule out is `unsupported`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from handoff.blocks import misplaced, run_order
from handoff.packs import read_result
from handoff.payloads import read_description
from handoff.records import BadTable, Row
from handoff.scenarios import Plan, Scenario
from handoff.strategies import Strategy, find, under

_MEASURED_ANEW: Final = "Run the same command again: the block will be measured anew."


def collect(plan: Plan, folder: Path) -> tuple[list[Row], list[Row]]:
    """Rows of invocations.csv and of timings.csv of the run in `folder`.

    Raises:
        BadTable: a job's file is missing, damaged or of another plan; or rows that may not be pooled.
    """
    invocations: list[Row] = []
    timings: list[Row] = []
    campaigns: dict[tuple[str, int], str] = {}
    hosts: dict[tuple[str, int], object] = {}
    for job in run_order(plan):
        try:
            record = read_result(folder, job.file)
        except BadTable as error:
            raise BadTable(f"{error}. {_MEASURED_ANEW}") from error
        if difference := misplaced(record.invocation, job):
            raise BadTable(f"{folder / job.file}: {difference}. {_MEASURED_ANEW}")
        campaign = campaigns.setdefault((job.kind, job.block), str(record.invocation["campaign"]))
        if record.invocation["campaign"] != campaign:
            raise BadTable(
                f"{folder / job.file}: is of another start of the workflow than the rest of its block, so their times "
                f"cannot be paired. {_MEASURED_ANEW}"
            )
        host = hosts.setdefault((job.kind, job.block), record.invocation.get("host"))
        if record.invocation.get("host") != host:
            raise BadTable(f"{folder / job.file}: its block has results of different hosts. {_MEASURED_ANEW}")
        invocations.append(record.invocation)
        timings.extend(record.transfers)
    _check_alike(invocations, folder)
    missing = {(str(row["scenario"]), str(row["strategy"])) for row in timings}
    for kind in plan.kinds:
        for scenario in plan.of_kind(kind):
            for name in scenario.strategies:
                strategy = find(name)
                if (scenario.id, name) not in missing and (reason := plan.unsupported(scenario, strategy)):
                    timings.append(_unsupported(scenario, strategy, reason, folder))
    return invocations, timings


def _check_alike(rows: list[Row], folder: Path) -> None:
    """Only rows of one machine and one environment are pooled; within a kind, also of one code.

    What is measured under another Python is of an environment of its own.
    """
    for column in ("machine_id", "environment_id"):
        by_kind: dict[str, set[str]] = {}
        for row in rows:
            kind = under(str(row["kind"]), find(str(row["strategy"])).interpreter)
            by_kind.setdefault("all" if column == "machine_id" else kind, set()).add(str(row[column]))
        for kind, found in by_kind.items():
            if len(found) > 1:
                raise BadTable(
                    f"{folder / 'timings'}: its files come from {len(found)} different {column}s "
                    f"({', '.join(sorted(found))}; kind: {kind}), which cannot be pooled. "
                    "Remove the files of the one that you do not want."
                )


def _unsupported(scenario: Scenario, strategy: Strategy, reason: str, folder: Path) -> Row:
    description = read_description(scenario.payload, folder / "payloads")
    return {
        "invocation": "", "strategy": strategy.id, "scenario": scenario.id, "payload": scenario.payload.id,
        "kind": scenario.payload.kind, "payload_bytes": description.nbytes, "task": scenario.task,
        "pattern": scenario.pattern, "workers": scenario.workers, "calls": scenario.calls,
        "status": "unsupported", "reason": reason,
    }  # fmt: skip
