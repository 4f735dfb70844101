"""The whole workflow with real processes: what it measures, what it measures again, and how it goes on."""

from __future__ import annotations

import csv
import itertools
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from running import PATIENCE, ROOT, TINY, Workflow, environment, living

from handoff.measure.places import SHARED, machine_lock
from handoff.records import INVOCATIONS, RECOMMENDATIONS, SUMMARY, TIMINGS, Table
from handoff.scenarios import read_plan

pytestmark = pytest.mark.timeout(3 * PATIENCE)

TABLES = ("results/tiny/invocations.csv", "results/tiny/timings.csv")
"""What a start is asked for where only the measuring counts: it draws and writes no report."""

JOBS = 7 + 5
"""In a block: three strategies of arrays and two of objects, two sentinels each, two floors and one (memcpy copies
no objects)."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workflow, str]:
    """A run that went the whole way once, and what it printed. Whoever changes it takes a copy."""
    flow = Workflow(tmp_path_factory.mktemp("run"), TINY)
    return flow, flow.start()


@pytest.fixture(scope="module")
def flow(told: tuple[Workflow, str]) -> Workflow:
    return told[0]


@pytest.fixture
def copy(flow: Workflow, tmp_path: Path) -> Workflow:
    """The same run in a folder of its own, with its bookkeeping and its files' times."""
    shutil.copytree(flow.folder, tmp_path / "run", copy_function=shutil.copy2)
    return Workflow(tmp_path / "run", TINY)


# --- what stands in the tables ---


@pytest.mark.parametrize("table", [INVOCATIONS, TIMINGS, SUMMARY, RECOMMENDATIONS], ids=lambda table: table.name)
def test_a_table_has_exactly_its_columns(flow: Workflow, table: Table) -> None:
    with (flow.run / table.name).open(encoding="utf-8", newline="") as file:
        assert tuple(next(csv.reader(file))) == table.names


def test_every_delivery_is_proven_and_timed(flow: Workflow) -> None:
    rows = flow.timings
    assert {row["status"] for row in rows} == {"ok", "unsupported"}
    for row in rows:
        if row["status"] == "ok":
            assert row["digest_ok"] == 1
            assert isinstance(row["total_s"], float)
            assert row["total_s"] > 0
        else:
            assert row["total_s"] is None
            assert row["reason"]


def test_phases_add_up_to_the_total(flow: Workflow) -> None:
    for row in flow.timings:
        if row["status"] == "ok":
            phases = [row[f"{phase}_s"] for phase in ("publish", "dispatch", "attach", "task", "reply")]
            assert math.isclose(sum(float(phase or 0) for phase in phases), float(row["total_s"] or 0), abs_tol=1e-8)


def test_no_two_invocations_overlap(flow: Workflow) -> None:
    spans = sorted((int(row["started_ns"] or 0), int(row["ended_ns"] or 0)) for row in flow.invocations)
    assert len(spans) == 2 * JOBS
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_they_ran_in_their_slots_and_blocks_differ(flow: Workflow) -> None:
    ran: dict[tuple[object, object], list[tuple[object, object]]] = defaultdict(list)
    for row in sorted(flow.invocations, key=lambda row: int(row["started_ns"] or 0)):
        ran[row["kind"], row["block"]].append((row["slot"], row["strategy"]))
    for jobs in ran.values():
        assert [slot for slot, _ in jobs] == list(range(len(jobs)))
    for kind in ("array", "objects"):
        assert ran[kind, 1] != ran[kind, 2]
        assert {name for _, name in ran[kind, 1]} == {name for _, name in ran[kind, 2]}


def test_floors_and_sentinels_are_there(flow: Workflow) -> None:
    for kind in ("array", "objects"):
        names = {row["strategy"] for row in flow.invocations if row["kind"] == kind}
        assert {"inline", "inline@again", "pool_spawn-pickle", "pool_spawn-pickle@again"} <= names


def test_the_report_is_there_and_the_answer_is_printed(told: tuple[Workflow, str]) -> None:
    flow, printed = told
    assert (flow.run / "report.html").stat().st_size > 10_000
    heading, *sentences = (flow.run / "answer.txt").read_text("utf-8").partition("\n\n")[0].splitlines()
    assert heading.startswith("What to use, compared with pool_spawn-pickle (")
    end = printed[printed.index(heading) :]
    assert all(" ".join(sentence.split()) in " ".join(end.split()) for sentence in sentences)
    assert f"Report: {Path('results/tiny/report.html')}" in printed
    assert f"{2 * JOBS} of {2 * JOBS} measuring jobs to do" in printed


# --- the same command again ---


def test_a_second_start_has_nothing_to_do(flow: Workflow) -> None:
    before = flow.written()
    assert "Nothing to be done" in flow.start()
    assert flow.written() == before


@pytest.mark.slow
def test_more_blocks_measure_only_the_new_ones(copy: Workflow) -> None:
    before = copy.written()
    copy.config["blocks"] = 3
    printed = copy.start()
    after = copy.written()
    assert f"{JOBS} of {3 * JOBS} measuring jobs to do" in printed
    assert "measured again" not in printed
    assert {file for file in after if after[file] != before.get(file)} == {f for f in after if "block~3" in f}
    assert {row["block"] for row in copy.timings if row["status"] == "ok"} == {1, 2, 3}


def measured_again(copy: Workflow, before: dict[str, int]) -> set[tuple[str, str]]:
    """Kind and block of files that are new; asserts that whole blocks are."""
    after = copy.written()
    assert after.keys() == before.keys() | after.keys()

    def block(file: str) -> tuple[str, str]:
        return file.split("/")[1], Path(file).stem

    changed = {file for file in after if after[file] != before.get(file)}
    blocks = {block(file) for file in changed}
    assert changed == {file for file in after if block(file) in blocks}
    return blocks


@pytest.mark.slow
def test_a_deleted_file_has_its_whole_block_measured_again(copy: Workflow) -> None:
    before = copy.written()
    (copy.run / "timings/array/threads-reference/block~2.csv").unlink()
    printed = copy.start(*TABLES)
    assert "measured again, whole, because 1 of 7 results are missing: array 2." in printed
    assert measured_again(copy, before) == {("array", "block~2")}


@pytest.mark.slow
def test_a_file_cut_short_is_named_and_repaired(copy: Workflow) -> None:
    before = copy.written()
    file = "timings/objects/pool_spawn-pickle/block~1.csv"
    (copy.run / file).write_bytes((copy.run / file).read_bytes()[:-9])
    printed = copy.start(*TABLES)
    assert f"results/tiny/{file}: the lines do not fit the digest" in printed
    assert measured_again(copy, before) == {("objects", "block~1")}
    assert "Nothing to be done" in copy.start(*TABLES)


@pytest.mark.slow
def test_an_edited_transport_concerns_only_the_kinds_it_stands_in(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    shutil.copy2(ROOT / "Snakefile", root)
    for name in ("workflow", "config", "profiles", "envs", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (tmp_path / "run").mkdir()
    flow = Workflow(tmp_path / "run", TINY, root)
    flow.start(*TABLES)
    before = flow.written()
    with (root / "scripts/handoff/transports/shared_memory.py").open("a", encoding="utf-8") as file:
        file.write("# A remark.\n")
    printed = flow.start(*TABLES)
    assert (
        "measured again, whole, because the code changed: handoff/transports/shared_memory.py: array 1, array 2."
        in printed
    )
    assert measured_again(flow, before) == {("array", "block~1"), ("array", "block~2")}


# --- stopped in the middle ---


def stopped(flow: Workflow, number: signal.Signals) -> None:
    """Start it, and end its whole session by that signal when three jobs are done."""
    log = flow.run / "progress.log"
    with (flow.folder / "printed.txt").open("w", encoding="utf-8") as printed:
        process = subprocess.Popen(
            flow.command(), cwd=flow.folder, env=environment(), stdout=printed, stderr=printed, start_new_session=True
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not (log.exists() and len(log.read_text("utf-8").splitlines()) >= 3):
                assert process.poll() is None, (flow.folder / "printed.txt").read_text("utf-8")
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            os.killpg(process.pid, number)
            if number == signal.SIGINT:
                # A measurement that waits for another run's end is given that time.
                process.wait(PATIENCE)
            process.wait(60)
    deadline = time.monotonic() + 30
    while living(flow.folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert living(flow.folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_same_command_goes_on_after_a_stop(tmp_path: Path, number: signal.Signals) -> None:
    flow = Workflow(tmp_path, TINY)
    stopped(flow, number)
    assert 3 <= len(flow.written()) < 2 * JOBS
    flow.start(*TABLES)
    assert {row["status"] for row in flow.timings} == {"ok", "unsupported"}
    assert len(flow.invocations) == 2 * JOBS
    by_block: dict[tuple[object, object], set[object]] = defaultdict(set)
    for row in flow.invocations:
        by_block[row["kind"], row["block"]].add(row["campaign"])
    assert {len(campaigns) for campaigns in by_block.values()} == {1}, "a block is of one start"
    assert living(tmp_path) == []
    with machine_lock():  # nobody measures now, so what lies there was left behind
        assert [path.name for path in SHARED.iterdir() if path.name.startswith(f"handoff-{os.getuid()}-")] == []


# --- the plan ---


@pytest.mark.slow
def test_the_cores_given_to_snakemake_change_no_scenario(tmp_path: Path) -> None:
    plans = set()
    for cores in (1, 2, 8):
        (tmp_path / str(cores)).mkdir()
        flow = Workflow(tmp_path / str(cores), TINY)
        flow.config["scenarios"] = [{**entry, "workers": [1, "max"]} for entry in TINY["scenarios"]]
        flow.start("results/tiny/plan.json", cores=cores)
        plans.add((flow.run / "plan.json").read_text("utf-8"))
    assert len(plans) == 1


def test_a_plan_longer_than_an_argument_may_be_is_written(tmp_path: Path) -> None:
    """The kernel allows 128 KiB for one argument of a program."""
    sizes = [f"{size}KiB" for size in range(1, 201)]
    flow = Workflow(
        tmp_path, TINY | {"scenarios": [{"payload": {"kind": "array", "size": sizes}, "workers": [1, 2, 3, 4, 5]}]}
    )
    flow.start("results/tiny/plan.json")
    assert len((flow.run / "plan.json").read_bytes()) > 2 * 128 * 1024
    assert len(read_plan(flow.run / "plan.json").scenarios) == 1000


# --- packed ---


@pytest.mark.slow
def test_a_packed_run_is_gone_on_with(copy: Workflow) -> None:
    before = copy.invocations
    program = [sys.executable, str(ROOT / "scripts" / "pack_run.py")]
    subprocess.run([*program, str(copy.run)], check=True, timeout=60, env=environment())
    assert copy.written() == {}
    copy.config["blocks"] = 3
    printed = copy.start(*TABLES)
    assert f"{JOBS} of {3 * JOBS} measuring jobs to do" in printed
    assert "measured again" not in printed
    assert {file.rpartition("/")[2] for file in copy.written()} == {"block~3.csv"}
    assert [row for row in copy.invocations if row["block"] in (1, 2)] == before
