"""Packs: what a block's jobs wrote as one file, read as if each were there by itself."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from handoff.blocks import block_order, expected, run_order
from handoff.collection import collect
from handoff.configuration import complete
from handoff.packs import has_result, log_of, members, pack_of, pack_run, read_result, results, unpack_run
from handoff.records import BadTable, InvocationFile, write_invocation
from handoff.scenarios import Plan, make_plan
from handoff.schedule import Schedule, alone_in

SCRIPT = Path(__file__).parents[2] / "scripts" / "pack_run.py"
KIND = "array"


def planned(blocks: int) -> Plan:
    config = {
        "run": "tiny", "blocks": blocks, "strategies": ["threads-reference"],
        "scenarios": [{"payload": {"kind": KIND, "size": "64KiB"}}],
    }  # fmt: skip
    return make_plan(complete(config), Path.cwd(), cores=2)


@pytest.fixture
def plan() -> Plan:
    return planned(2)


@pytest.fixture
def run(plan: Plan, tmp_path: Path) -> Path:
    """results/<run>/ with both blocks, and their logs."""
    for block in (1, 2):
        measure(plan, tmp_path, block, f"c{block}")
    return tmp_path


def measure(plan: Plan, folder: Path, block: int, campaign: str) -> None:
    for job in block_order(plan, block, KIND):
        row = {
            "block": block, "kind": KIND, "strategy": job.strategy.id, "slot": job.slot, "order_seed": job.order_seed,
            "campaign": campaign, "machine_id": "m", "environment_id": "e",
        }  # fmt: skip
        write_invocation(folder / job.file, InvocationFile(row, expected(plan, KIND), []))
        log = folder / log_of(job.file)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{job.strategy.id} said\n", "utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_packed_run_is_whole_and_holds_the_same(plan: Plan, run: Path) -> None:
    before, collected = tree(run), collect(plan, run)
    done = pack_run(run)
    jobs = run_order(plan)
    assert (done.packs, done.files, done.damaged) == (2, 2 * len(jobs), ())
    assert set(tree(run)) == {f"timings/{KIND}/block~1.zip", f"timings/{KIND}/block~2.zip"}
    assert all(block.whole for block in Schedule(plan, run, on_nodes=False).blocks.values())
    assert collect(plan, run) == collected
    assert unpack_run(run) == 2
    assert tree(run) == before


def test_the_workflow_asks_for_packs_and_for_what_is_to_be_measured(plan: Plan, run: Path) -> None:
    pack_run(run)
    packs = [f"timings/{KIND}/block~{block}.zip" for block in (1, 2)]
    assert Schedule(plan, run, on_nodes=False).measured == packs
    other = planned(3)
    measured = Schedule(other, run, on_nodes=False).measured
    assert measured == [*packs, *(job.file for job in block_order(other, 3, KIND))]


def test_what_is_measured_anew_counts_and_is_packed_in_its_place(plan: Plan, run: Path) -> None:
    pack_run(run)
    measure(plan, run, 1, "later")
    block = Schedule(plan, run, on_nodes=False).blocks[KIND, 1]
    assert (block.whole, block.campaign) == (True, "later")
    assert pack_run(run).packs == 1
    assert Schedule(plan, run, on_nodes=False).blocks[KIND, 1].campaign == "later"


def test_the_same_results_make_the_same_pack(plan: Plan, run: Path) -> None:
    pack_run(run)
    before = tree(run)
    unpack_run(run)
    pack_run(run)
    assert tree(run) == before


def test_a_damaged_pack_is_a_block_to_measure_again_and_a_damaged_result_is_not_packed(plan: Plan, run: Path) -> None:
    first, second = block_order(plan, 1, KIND)[0], block_order(plan, 2, KIND)[0]
    (run / first.file).write_text("cut", "utf-8")
    done = pack_run(run)
    assert done.packs == 1
    assert str(run / first.file) in done.damaged[0]
    assert (run / first.file).is_file()
    pack = run / pack_of(second.file)
    pack.write_bytes(pack.read_bytes()[:-30])
    assert has_result(run, second.file)
    cause = Schedule(plan, run, on_nodes=False).blocks[KIND, 2].cause
    assert cause.startswith(f"{pack}: cannot be read")
    with pytest.raises(BadTable, match="cannot be read"):
        read_result(run, second.file)
    assert second.file not in list(results(run))


def test_a_block_measured_again_replaces_its_damaged_pack(plan: Plan, run: Path) -> None:
    pack_run(run)
    pack = run / pack_of(block_order(plan, 1, KIND)[0].file)
    pack.write_bytes(pack.read_bytes()[:-30])
    measure(plan, run, 1, "later")
    assert pack_run(run).damaged == ()
    assert Schedule(plan, run, on_nodes=False).blocks[KIND, 1].campaign == "later"


def test_a_pack_that_would_write_elsewhere_is_refused(run: Path) -> None:
    pack = run / "timings" / KIND / "block~7.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        archive.writestr("../elsewhere", "x")
    assert members(pack) == {"../elsewhere": b"x"}
    with pytest.raises(BadTable, match="no result's place"):
        unpack_run(run)
    assert not (run.parent / "elsewhere").exists()


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], text=True, capture_output=True, check=False, timeout=60
    )


def test_the_program_packs_and_brings_back_and_waits_for_nobody(plan: Plan, run: Path) -> None:
    before = tree(run)
    with alone_in(run):
        ended = program(str(run))
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "Another workflow is writing into" in ended.stderr
    files = 2 * len(run_order(plan))
    assert program(str(run)).stdout == f"{run}: {files} files put into 2 packs.\n"
    assert program("--unpack", str(run)).stdout == f"{run}: 2 blocks brought back.\n"
    assert {name: data for name, data in tree(run).items() if name != ".lock"} == before
    ended = program(str(run / "timings"))
    assert ended.returncode == 1
    assert "is no run's folder" in ended.stderr
