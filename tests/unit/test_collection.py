"""Collection: rows of all jobs, or none; and a reason for every strategy that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff import payloads
from handoff.blocks import expected, run_order
from handoff.collection import collect
from handoff.configuration import complete
from handoff.payloads.generation import generate
from handoff.records import BadTable, InvocationFile, Row, write_invocation
from handoff.scenarios import Plan, make_plan


@pytest.fixture
def plan() -> Plan:
    entry = {"payload": {"kind": "objects", "size": "4KiB"}, "task": "read", "pattern": "send", "workers": 1}
    config = {"run": "tiny", "blocks": 2, "scenarios": [entry],
              "strategies": ["pool_spawn-pickle", "process_spawn-shared_memory"]}  # fmt: skip
    return make_plan(complete(config), Path.cwd(), cores=2)


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> Path:
    [payload] = plan.payloads.values()
    data = tmp_path / "payloads"
    generate(payload, plan.seed, data / payload.file, data / payload.description)
    for number in range(len(run_order(plan))):
        put(plan, tmp_path, number)
    return tmp_path


def put(plan: Plan, folder: Path, number: int, **changes: object) -> Path:
    job = run_order(plan)[number]
    row: Row = {"block": job.block, "slot": job.slot, "order_seed": job.order_seed, "kind": job.kind,
                "strategy": job.strategy.id, "machine_id": "m", "environment_id": "e", "campaign": "c"}  # fmt: skip
    transfers: list[Row] = [{"scenario": s.id, "strategy": job.strategy.id, "status": "ok"} for s in plan.scenarios]
    record = InvocationFile({**row, **changes}, expected(plan, job.kind), transfers)  # type: ignore[dict-item]
    write_invocation(folder / job.file, record)
    return folder / job.file


def test_every_job_has_its_row_in_the_order_they_ran(plan: Plan, folder: Path) -> None:
    invocations, _ = collect(plan, folder)
    assert [(row["block"], row["strategy"]) for row in invocations] == [
        (job.block, job.strategy.id) for job in run_order(plan)
    ]


def test_what_the_facts_rule_out_is_unsupported_with_its_reason(plan: Plan, folder: Path) -> None:
    _, timings = collect(plan, folder)
    [row] = [row for row in timings if row["strategy"] == "process_spawn-shared_memory"]
    assert row["status"] == "unsupported"
    assert row["reason"]
    assert row["payload_bytes"] == payloads.read_description(plan.scenarios[0].payload, folder / "payloads").nbytes


def test_nothing_is_collected_from_half_a_run(plan: Plan, folder: Path) -> None:
    path = folder / run_order(plan)[1].file
    path.unlink()
    with pytest.raises(BadTable) as caught:
        collect(plan, folder)
    assert str(path) in str(caught.value)


def test_a_file_that_was_moved_to_anothers_place_is_named(plan: Plan, folder: Path) -> None:
    path = put(plan, folder, 1, strategy="threads-reference")
    with pytest.raises(BadTable, match="where the plan has") as caught:
        collect(plan, folder)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("column", ["machine_id", "environment_id"])
def test_unlike_rows_are_not_pooled(plan: Plan, folder: Path, column: str) -> None:
    put(plan, folder, 1, **{column: "other"})
    with pytest.raises(BadTable, match=f"2 different {column}s"):
        collect(plan, folder)
