"""Nodes of a cluster: each block whole on one of them, unlike ones never pooled, a lost one named."""

from __future__ import annotations

import contextlib
import fcntl
import json
from pathlib import Path

import pytest

from handoff import provenance
from handoff.blocks import begun_file, block_file, block_order, expected
from handoff.collection import collect
from handoff.configuration import complete
from handoff.nodes import Measured, NodeError, Order, describe_nodes, measure_block
from handoff.records import BadTable, InvocationFile, write_invocation
from handoff.scenarios import Plan, available_cores, make_plan, planned_cores
from handoff.schedule import CannotBegin, Schedule

KIND = "array"
CONFIG = {
    "run": "tiny", "blocks": 2, "strategies": ["threads-reference"],
    "scenarios": [{"payload": {"kind": KIND, "size": "64KiB"}, "task": "read", "pattern": "send", "workers": "max"}],
}  # fmt: skip


@pytest.fixture
def plan() -> Plan:
    return make_plan(complete(CONFIG), Path.cwd(), cores=2)


def measure(plan: Plan, folder: Path, block: int, host: str, machine: str = "icelake", last: str = "") -> None:
    """The results of a block as a node leaves them; its last job is of another host if one is given."""
    jobs = block_order(plan, block, KIND)
    for job in jobs:
        row = {"block": block, "kind": KIND, "strategy": job.strategy.id, "slot": job.slot,
               "order_seed": job.order_seed, "campaign": f"c{block}", "machine_id": machine, "environment_id": "e",
               "host": last if last and job == jobs[-1] else host}  # fmt: skip
        wanted = expected(plan, KIND) | {"machine": machine}
        write_invocation(folder / job.file, InvocationFile(row, wanted, []))
    said = said_of(block, host, machine)
    file = folder / block_file(KIND, block)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said), "utf-8")


def said_of(block: int, host: str, machine: str) -> Measured:
    return {
        "schema_version": "1.0", "kind": KIND, "block": block, "campaign": f"c{block}", "asked_in": "asked",
        "host": host, "machine_id": machine, "boot": "b", "slurm_job": str(10 + block),
        "machine": {"machine_id": machine},
    }  # fmt: skip


def test_blocks_of_two_nodes_that_are_alike_are_whole_and_pooled(plan: Plan, tmp_path: Path) -> None:
    measure(plan, tmp_path, 1, "n1")
    measure(plan, tmp_path, 2, "n2")
    schedule = Schedule(plan, tmp_path, on_nodes=True)
    assert [block.whole for block in schedule.blocks.values()] == [True, True]
    assert schedule.measured == [block_file(KIND, 1), block_file(KIND, 2)]
    invocations, _ = collect(plan, tmp_path)
    assert {row["host"] for row in invocations} == {"n1", "n2"}


def test_here_a_block_of_another_machine_is_measured_again(plan: Plan, tmp_path: Path) -> None:
    measure(plan, tmp_path, 1, "n1")
    found = Schedule(plan, tmp_path, on_nodes=False).blocks[KIND, 1]
    assert found.cause == "it was measured on another machine or kernel"


def test_a_block_of_two_hosts_is_not_whole(plan: Plan, tmp_path: Path) -> None:
    measure(plan, tmp_path, 1, "n1", last="n2")
    assert Schedule(plan, tmp_path, on_nodes=True).blocks[KIND, 1].cause == "its results are of different hosts"
    with pytest.raises(BadTable, match="different hosts"):
        collect(plan, tmp_path)


def test_a_whole_block_hangs_on_the_campaign_that_asked_for_it(plan: Plan, tmp_path: Path) -> None:
    """On the same one at every later start: Snakemake would run its job again if its inputs were others."""
    measure(plan, tmp_path, 1, "n1")
    schedule = Schedule(plan, tmp_path, on_nodes=True)
    assert schedule.block_files("run", KIND, 1, str)[0] == "run/campaigns/asked"
    assert schedule.block_files("run", KIND, 2, str)[0] == f"run/campaigns/{provenance.campaign()}"


def test_a_node_that_was_lost_is_named(plan: Plan, tmp_path: Path) -> None:
    measure(plan, tmp_path, 1, "n1")
    begun = tmp_path / begun_file(KIND, 2)
    begun.write_text("n17\n", "utf-8")
    lines = Schedule(plan, tmp_path, on_nodes=True).announcement()
    assert lines[0] == "These blocks are measured again, whole, because n17 did not finish it: array 2."


def test_a_whole_block_whose_node_was_lost_afterwards_stays(plan: Plan, tmp_path: Path) -> None:
    measure(plan, tmp_path, 1, "n1")
    (tmp_path / begun_file(KIND, 1)).write_text("n1\n", "utf-8")
    assert Schedule(plan, tmp_path, on_nodes=True).blocks[KIND, 1].whole


def test_the_nodes_are_described_with_their_blocks(plan: Plan, tmp_path: Path) -> None:
    measure(plan, tmp_path, 1, "n1")
    measure(plan, tmp_path, 2, "n2")
    describe_nodes([tmp_path / block_file(KIND, block) for block in (1, 2)], tmp_path / "machines" / "nodes.json")
    said = json.loads((tmp_path / "machines" / "nodes.json").read_text("utf-8"))
    assert said == {
        "machine_id": "icelake", "nodes": {"n1": "array 1 (SLURM job 11)", "n2": "array 2 (SLURM job 12)"}
    }  # fmt: skip
    assert json.loads((tmp_path / "machines" / "icelake.json").read_text("utf-8")) == {"machine_id": "icelake"}


def test_unlike_nodes_are_not_pooled_and_named(plan: Plan, tmp_path: Path) -> None:
    measure(plan, tmp_path, 1, "n1")
    measure(plan, tmp_path, 2, "n2", "zen4")
    with pytest.raises(NodeError, match=r"2 different machines .* \(icelake: n1 \(1 block\); zen4: n2 \(1 block\)\)"):
        describe_nodes([tmp_path / block_file(KIND, block) for block in (1, 2)], tmp_path / "machines" / "nodes.json")
    assert {file.stem for file in (tmp_path / "machines").iterdir()} == {"icelake", "zen4"}
    with pytest.raises(BadTable, match="2 different machine_ids"):
        collect(plan, tmp_path)


def test_a_block_has_time_enough_and_an_end(plan: Plan, tmp_path: Path) -> None:
    schedule = Schedule(plan, tmp_path, on_nodes=True)
    seconds = sum(schedule.estimate(job) for job in block_order(plan, 1, KIND))
    assert 4 * seconds / 60 + 10 <= schedule.minutes(KIND, "1") < 4 * seconds / 60 + 11


def test_max_workers_are_the_cores_of_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(provenance.CORES_VARIABLE, "48")
    assert [scenario.workers for scenario in make_plan(complete(CONFIG), Path.cwd()).scenarios] == [48]
    monkeypatch.delenv(provenance.CORES_VARIABLE)
    assert planned_cores() == available_cores()


def test_a_node_with_too_few_cores_measures_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(provenance.CORES_VARIABLE, "4096")
    monkeypatch.setenv(provenance.BLOCK_VARIABLE, "")  # which it sets
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    with pytest.raises(NodeError, match=r"^n7 gives \d+ cores where the plan was made for 4096: set `cores`"):
        measure_block(Order(tmp_path / "plan.json", tmp_path / "config.json", KIND, 1, "python", tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_node_unlike_the_others_measures_nothing(plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(provenance.CORES_VARIABLE, "1")
    monkeypatch.setenv(provenance.BLOCK_VARIABLE, "")
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    measure(plan, tmp_path, 1, "n1")
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()), "utf-8")
    with pytest.raises(NodeError, match=r"^n7 is another machine, or has another kernel, than n1, which measured"):
        measure_block(Order(tmp_path / "plan.json", tmp_path / "config.json", KIND, 2, "python", tmp_path))
    assert not (tmp_path / begun_file(KIND, 2)).exists()


def test_blocks_are_dealt_out_to_the_named_hosts_and_those_of_others_are_measured_again(tmp_path: Path) -> None:
    named = make_plan(complete(CONFIG | {"blocks": 3, "hosts": ["n1", "n2"]}), Path.cwd(), cores=2)
    for block in (1, 2, 3):
        measure(named, tmp_path, block, "n1")
    schedule = Schedule(named, tmp_path, on_nodes=True)
    assert [schedule.nodelist(KIND, block) for block in ("1", "2", "3")] == [f"--nodelist=n{n}" for n in (1, 2, 1)]
    causes = [block.cause for block in schedule.blocks.values()]
    assert causes == ["", "n1 measured it and not n2, as `hosts` has it", ""]
    free = make_plan(complete(CONFIG), Path.cwd(), cores=2)
    assert Schedule(free, tmp_path, on_nodes=True).nodelist(KIND, 1) == ""


def test_each_named_host_measures_blocks_of_every_kind(tmp_path: Path) -> None:
    entries = [{"payload": {"kind": kind, "size": "64KiB"}} for kind in ("array", "frame", "raw_bytes")]
    config = CONFIG | {"blocks": 4, "hosts": ["n1", "n2"], "scenarios": entries}
    named = make_plan(complete(config), Path.cwd(), cores=2)
    dealt = {kind: [named.host_of(kind, block) for block in range(1, 5)] for kind in named.kinds}
    assert all(sorted(hosts) == ["n1", "n1", "n2", "n2"] for hosts in dealt.values())
    assert {hosts[0] for hosts in dealt.values()} == {"n1", "n2"}, "one node would wait while the other measures"


def test_a_node_that_is_not_the_named_one_measures_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = make_plan(complete(CONFIG | {"hosts": ["n1"]}), Path.cwd(), cores=2)
    monkeypatch.setenv(provenance.CORES_VARIABLE, "1")
    monkeypatch.setenv(provenance.BLOCK_VARIABLE, "")
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    (tmp_path / "plan.json").write_text(json.dumps(named.to_json()), "utf-8")
    with pytest.raises(NodeError, match=r"^This is n7, and `hosts` has n1 for block 1 of array"):
        measure_block(Order(tmp_path / "plan.json", tmp_path / "config.json", KIND, 1, "python", tmp_path))


@pytest.mark.parametrize("hosts, refused", [(["n1"], True), (["n7", "n1"], True), (["n7"], False)])
def test_where_hosts_are_named_no_other_machine_measures(
    hosts: list[str], refused: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    schedule = Schedule(make_plan(complete(CONFIG | {"hosts": hosts}), Path.cwd(), cores=2), tmp_path, on_nodes=False)
    with pytest.raises(CannotBegin, match="here n7 would measure") if refused else contextlib.nullcontext():
        schedule.begin()


def test_a_block_that_another_job_measures_is_refused(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(provenance.CORES_VARIABLE, "1")
    monkeypatch.setenv(provenance.BLOCK_VARIABLE, "")
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()), "utf-8")
    held = (tmp_path / begun_file(KIND, 1)).with_suffix(".lock")
    held.parent.mkdir(parents=True)
    with held.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NodeError, match=r"^Another job is measuring block 1 of array"):
            measure_block(Order(tmp_path / "plan.json", tmp_path / "config.json", KIND, 1, "python", tmp_path))


def test_a_block_whose_workflow_fails_is_no_block_and_names_no_lost_node(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(provenance.CORES_VARIABLE, "1")
    monkeypatch.setenv(provenance.BLOCK_VARIABLE, "")
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()), "utf-8")
    with pytest.raises(NodeError, match=r"^Block 1 of array is not whole on .*: not measured yet"):
        measure_block(Order(tmp_path / "plan.json", tmp_path / "config.json", KIND, 1, "false", tmp_path))
    assert [file.name for file in (tmp_path / "blocks" / KIND).iterdir()] == ["block~1.lock"]
