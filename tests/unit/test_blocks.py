"""Blocks: the order is a function of the seed, and what is not whole is named."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.blocks import _CAUSES, Job, block_order, expected, inspect, run_order, scenarios_of
from handoff.configuration import complete
from handoff.records import BadTable, InvocationFile, Row, write_invocation
from handoff.scenarios import Plan, make_plan
from handoff.schedule import Schedule

SEEDS = st.integers(0, 2**31)
ENTRIES = [
    {"payload": {"kind": kind, "size": "64KiB"}, "task": "read", "pattern": "send", "workers": [1, "max"]}
    for kind in ("array", "frame")
]


def plan(seed: int = 1, blocks: int = 3, **keys: Any) -> Plan:
    config = {"run": "tiny", "seed": seed, "blocks": blocks, "scenarios": ENTRIES,
              "strategies": ["threads-reference", "pool_spawn-pickle", "process_spawn-shared_memory",
                             "process_spawn-pickle5", "process_spawn-npy-tmpfs"]}  # fmt: skip
    return make_plan(complete(config | keys), Path.cwd(), cores=2)


# --- order ---


@given(SEEDS)
def test_the_same_seed_gives_the_same_order(seed: int) -> None:
    assert run_order(plan(seed)) == run_order(plan(seed))


def test_other_seeds_give_other_orders() -> None:
    orders = {tuple(job.file for job in run_order(plan(seed))) for seed in range(20)}
    assert len(orders) == 20


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_orders_differ_between_blocks(kind: str) -> None:
    orders = {tuple(job.strategy.id for job in block_order(plan(), block, kind)) for block in range(1, 11)}
    assert len(orders) == 10


@given(SEEDS, st.integers(1, 8), st.integers(1, 4))
def test_more_blocks_only_append(seed: int, blocks: int, more: int) -> None:
    before = run_order(plan(seed, blocks))
    assert run_order(plan(seed, blocks + more))[: len(before)] == before


def test_scenarios_come_in_the_order_of_their_block_for_all_strategies_alike() -> None:
    sizes = {"kind": "array", "size": [f"{2**place}KiB" for place in range(8)]}
    made = plan(blocks=6, scenarios=[{"payload": sizes, "task": "read", "pattern": "send", "workers": 1}])
    orders: dict[int, set[tuple[str, ...]]] = {}
    for job in run_order(made):
        orders.setdefault(job.block, set()).add(tuple(scenario.id for scenario in scenarios_of(made, job)))
    assert all(len(found) == 1 for found in orders.values())
    assert len(set.union(*orders.values())) == 6
    assert all(sorted(order) == sorted(scenario.id for scenario in made.scenarios) for (order,) in orders.values())


@given(SEEDS)
def test_a_block_holds_every_strategy_once_sentinels_too(seed: int) -> None:
    made = plan(seed)
    for kind in made.kinds:
        for block in range(1, made.blocks + 1):
            names = [job.strategy.id for job in block_order(made, block, kind)]
            assert sorted(names) == sorted(strategy.id for strategy in made.strategies(kind))
            assert len(names) == len(set(names))
            assert {"inline", "memcpy", "inline@again", "pool_spawn-pickle@again"} <= set(names)


def test_priorities_are_the_order(tmp_path: Path) -> None:
    made = plan()
    schedule = Schedule(made, tmp_path)
    found = [schedule.priority(job.kind, job.strategy.id, job.block) for job in run_order(made)]
    assert found == sorted(set(found), reverse=True)
    assert min(found) > 0, "0 is what every other rule has"


# --- what lies on disk ---

KIND = "array"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with block 1 whole."""
    made = plan()
    for job in block_order(made, 1, KIND):
        write(tmp_path, job, expected(made, KIND))
    return tmp_path


def of_job(job: Job, campaign: str) -> Row:
    """What of its row says which job it is."""
    return {"block": job.block, "kind": job.kind, "strategy": job.strategy.id, "slot": job.slot,
            "order_seed": job.order_seed, "campaign": campaign}  # fmt: skip


def write(folder: Path, job: Job, wanted: dict[str, Any], campaign: str = "one") -> None:
    write_invocation(folder / job.file, InvocationFile(of_job(job, campaign), wanted, []))


def state(folder: Path, wanted: dict[str, Any] | None = None, block: int = 1) -> Any:
    return inspect(plan(), block, KIND, folder, wanted or expected(plan(), KIND))


def test_a_whole_block_keeps_its_campaign(folder: Path) -> None:
    assert (state(folder).whole, state(folder).campaign, state(folder).missing) == (True, "one", 0)


def test_a_block_without_files_is_not_measured_yet(folder: Path) -> None:
    found = state(folder, block=2)
    assert (found.cause, found.missing, found.whole) == ("not measured yet", 9, False)
    assert found.campaign != "one"


def test_a_missing_file_makes_its_block_unwhole(folder: Path) -> None:
    (folder / block_order(plan(), 1, KIND)[3].file).unlink()
    assert (state(folder).cause, state(folder).whole) == ("1 of 9 results are missing", False)


@pytest.mark.parametrize("damage", ["", "# {", "cut"])
def test_a_damaged_file_is_named(folder: Path, damage: str) -> None:
    path = folder / block_order(plan(), 1, KIND)[2].file
    path.write_text(path.read_text("utf-8")[:-5] if damage == "cut" else damage, "utf-8")
    assert str(path) in state(folder).cause


def test_the_file_of_another_job_makes_its_block_unwhole(folder: Path) -> None:
    first, second = (folder / job.file for job in block_order(plan(), 1, KIND)[:2])
    second.write_bytes(first.read_bytes())
    assert state(folder).cause.startswith(f"{second} holds (1, 'array', ")


@pytest.mark.parametrize("key", _CAUSES)
def test_what_differs_from_the_plan_is_named(folder: Path, key: str) -> None:
    assert state(folder, expected(plan(), KIND) | {key: "other"}).cause == _CAUSES[key]


def test_changed_code_is_named_by_its_file(folder: Path) -> None:
    wanted = expected(plan(), KIND)
    name = "handoff/transports/pickle5.py"
    assert name in wanted["code"]
    found = state(folder, wanted | {"code": wanted["code"] | {name: "00000000"}})
    assert found.cause == f"the code changed: {name}"


def test_only_the_code_that_stands_in_a_kind_concerns_it() -> None:
    assert "handoff/transports/shared_memory.py" in expected(plan(), "array")["code"]
    assert "handoff/transports/shared_memory.py" not in expected(plan(), "frame")["code"]


def test_results_of_two_starts_are_no_block(folder: Path) -> None:
    write(folder, block_order(plan(), 1, KIND)[0], expected(plan(), KIND), "two")
    assert state(folder).cause == "its results are of different starts"


def test_the_announcement_says_what_is_measured_again(folder: Path) -> None:
    (folder / block_order(plan(), 1, KIND)[3].file).unlink()
    made = dataclasses.replace(plan(), blocks=2)
    lines = Schedule(made, folder).announcement()
    assert lines[0] == "These blocks are measured again, whole, because 1 of 9 results are missing: array 1."
    assert f"{len(run_order(made))} of {len(run_order(made))} measuring jobs to do" in lines[1]


# --- measured again on request ---


def failing(root: Path) -> Path:
    """A run in which a job of block 1 crashed and all of block 2 is well; returns the config."""
    made = plan(blocks=2)
    for block, campaign in ((1, "one"), (2, "two")):
        for job in block_order(made, block, KIND):
            bad = block == 1 and job.slot == 3
            ended: Row = {"status": "crashed", "fail_reason": "ended by SIGSEGV"} if bad else {"status": "ok"}
            record = InvocationFile(of_job(job, campaign) | ended, expected(made, KIND), [])
            write_invocation(root / "results" / "tiny" / job.file, record)
    (root / "mine.yaml").write_text("run: tiny\n", "utf-8")
    return root / "mine.yaml"


def ask_again(root: Path) -> str:
    script = Path(__file__).parents[2] / "scripts" / "measure_again.py"
    command = [sys.executable, str(script), "--configfile", "mine.yaml"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_failed_block_is_measured_again_when_asked_once(tmp_path: Path) -> None:
    failing(tmp_path)
    folder, made = tmp_path / "results" / "tiny", dataclasses.replace(plan(blocks=2, scenarios=ENTRIES[:1]))
    files = sorted(folder.rglob("*.csv"))
    assert Schedule(made, folder).to_measure == []
    assert "array/1: " in ask_again(tmp_path)
    asked = Schedule(made, folder)
    assert {job.block for job in asked.to_measure} == {1}
    assert "something in it failed, and it was asked to be measured again: array 1" in asked.announcement()[0]
    assert sorted(folder.rglob("*.csv")) == files  # nothing is deleted
    for job in block_order(made, 1, KIND):  # measured again, by another start
        write(folder, job, expected(made, KIND), "three")
    assert Schedule(made, folder).to_measure == []


def test_where_nothing_failed_nothing_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "results" / "tiny").mkdir(parents=True)
    (tmp_path / "mine.yaml").write_text("run: tiny\n", "utf-8")
    assert ask_again(tmp_path) == f"Nothing in {Path('results', 'tiny')} failed.\n"
    assert not (tmp_path / "results" / "tiny" / "again.json").exists()


@pytest.mark.parametrize("text", ["", "[", "3", "[1]"])
def test_a_damaged_request_is_named_with_the_remedy(folder: Path, text: str) -> None:
    (folder / "again.json").write_text(text, "utf-8")
    with pytest.raises(BadTable, match=r"again\.json: cannot be read .*Delete it, and ask again .*: make again"):
        Schedule(plan(), folder)
