"""The workflow on a real SLURM of two virtual nodes: every block whole on one of them, whatever happens to a node.

Only what is measured is asked for: the steps after it are the local run's, and are tested there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from slurm import Slurm, living, until

from handoff.configuration import complete
from handoff.nodes import Measured, read_measured
from handoff.records import INVOCATIONS, TIMINGS, Row, read_table
from handoff.scenarios import make_plan

ROOT: Final = Path(__file__).parents[2]
REAL: Final = len(os.sched_getaffinity(0))
"""Cores of this machine; the nodes pretend to have more."""
PATIENCE: Final = 170
"""Seconds for one start. Its end is noticed up to a minute late: the plugin asks SLURM ever more rarely."""

TINY: Final[dict[str, Any]] = {
    "run": "tiny", "blocks": 2, "seconds_per_invocation": 0.01,
    "strategies": ["threads-reference", "pool_spawn-pickle"],
    "scenarios": [{"payload": {"kind": "array", "size": "64KiB"}, "task": "read", "pattern": "send", "workers": 1}],
}  # fmt: skip
STRATEGIES: Final = 6
"""Jobs of a block: the two, the floors, and the sentinels."""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


class OnNodes:
    """A folder with a config, and with results/ once it was measured on the cluster."""

    def __init__(self, slurm: Slurm, folder: Path, config: dict[str, Any]) -> None:
        self.slurm = slurm
        self.folder = folder
        self.run = folder / "results" / str(config["run"])
        (folder / "mine.yaml").write_text(yaml.safe_dump(config), "utf-8")

    def command(self, *more: str, cores: int | None = None) -> list[str]:
        return [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "cluster.smk"),
            "--workflow-profile", str(ROOT / "profiles" / "slurm"), "--configfile", "mine.yaml",
            "--cores", str(cores or REAL), "--jobs", "2",
            "--default-resources", "mem_mb=300", "runtime=5", "slurm_partition='main'",
            "--latency-wait", "10", "--slurm-init-seconds-before-status-checks", "2", *more,
            "--", "results/tiny/invocations.csv", "results/tiny/machines/nodes.json",
        ]  # fmt: skip

    @contextmanager
    def started(self, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """A start that goes on; it is over at the end, also if the test fails."""
        process = subprocess.Popen(
            self.command(**options), cwd=self.folder, env=self.slurm.environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)

    def start(self, **options: Any) -> tuple[int, str]:
        """Its status and what it printed."""
        with self.started(**options) as process:
            return ended(process)

    @property
    def invocations(self) -> list[Row]:
        return read_table(self.run / "invocations.csv", INVOCATIONS)

    @property
    def blocks(self) -> dict[int, Measured]:
        return {said["block"]: said for said in map(read_measured, self.run.glob("blocks/array/block~*.json"))}

    def begun(self, since: float = 0.0) -> dict[int, str]:
        """The blocks that a node began since then, with its name, once each has a result of it."""
        return {
            int(file.stem.partition("~")[2]): file.read_text("utf-8").strip()
            for file in self.run.glob("blocks/array/block~*.begun")
            if (at := file.stat().st_mtime) > since
            and any(result.stat().st_mtime > at for result in self.run.glob(f"timings/array/*/{file.stem}.csv"))
        }

    def assert_whole(self) -> None:
        """All is there; each block was measured by one node, in a start of its own."""
        rows = self.invocations
        assert len(rows) == TINY["blocks"] * STRATEGIES
        assert {row["status"] for row in rows} == {"ok"}
        for block in range(1, TINY["blocks"] + 1):
            said = self.blocks[block]
            where = {(row["host"], row["machine_id"], row["campaign"]) for row in rows if row["block"] == block}
            assert where == {(said["host"], said["machine_id"], said["campaign"])}
        assert not self.begun()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        pytest.fail(f"not over after {PATIENCE} s:\n{said}")
    return process.returncode, said


def test_blocks_are_measured_whole_each_on_one_of_two_nodes(slurm: Slurm, tmp_path: Path) -> None:
    here = OnNodes(slurm, tmp_path, TINY | {"hosts": ["n2", "n1"]})
    status, said = here.start()
    assert status == 0, said
    here.assert_whole()
    assert {block: said_of_it["host"] for block, said_of_it in here.blocks.items()} == {1: "n2", 2: "n1"}
    planned = {scenario.id for scenario in make_plan(complete(TINY), tmp_path).scenarios}
    assert {row["scenario"] for row in read_table(here.run / "timings.csv", TIMINGS)} == planned, "as without a cluster"

    # SLURM's own records say the same: one job a block, on that node, which it had for itself.
    records = {record["JobId"]: record for record in slurm.jobs()}
    finished = {record["JobId"]: record for record in slurm.completed()}
    for said_of_it in here.blocks.values():
        record = records[said_of_it["slurm_job"]]
        assert (record["NodeList"], record["JobState"], record["NumNodes"]) == (said_of_it["host"], "COMPLETED", "1")
        assert record["ReqNodeList"] == said_of_it["host"], "it was not asked for"
        assert record["OverSubscribe"] == "NO", "not exclusive"
        assert finished[said_of_it["slurm_job"]]["NodeList"] == said_of_it["host"]

    nodes = json.loads((here.run / "machines" / "nodes.json").read_text("utf-8"))
    assert set(nodes["nodes"]) == {"n1", "n2"}
    assert (here.run / "machines" / f"{nodes['machine_id']}.json").is_file()

    written = {file: file.stat().st_mtime_ns for file in here.run.rglob("block~*.csv")}
    submitted = len(slurm.jobs())
    status, said = here.start()
    assert status == 0, said
    assert {file: file.stat().st_mtime_ns for file in here.run.rglob("block~*.csv")} == written
    assert len(slurm.jobs()) == submitted, "what is whole went to the cluster again"

    before = here.invocations
    subprocess.run([sys.executable, str(ROOT / "scripts" / "pack_run.py"), str(here.run)], check=True, timeout=60)
    assert not list(here.run.glob("timings/*/*/*.csv"))
    (here.run / "invocations.csv").unlink()
    status, said = here.start()
    assert status == 0, said
    assert len(slurm.jobs()) == submitted, "what is packed went to the cluster again"
    assert here.invocations == before


def test_a_node_with_too_few_cores_refuses_and_says_so(slurm: Slurm, tmp_path: Path) -> None:
    here = OnNodes(slurm, tmp_path, TINY | {"blocks": 1})
    status, said = here.start(cores=slurm.cores)
    assert status == 1
    assert f"gives {REAL} cores where the plan was made for {slurm.cores}" in said
    assert not here.blocks
    assert not list(here.run.glob("timings/**/*.csv"))
    assert slurm.completed()[-1]["JobState"] == "FAILED"


def test_a_cancelled_run_and_a_lost_node_are_made_good_by_the_same_command(slurm: Slurm, tmp_path: Path) -> None:
    here = OnNodes(slurm, tmp_path, TINY | {"seconds_per_invocation": 0.5})
    with here.started() as process:
        until(lambda: len(here.begun()) > 0, "a block that is being measured")
        process.send_signal(signal.SIGINT)
        status, said = ended(process)
    assert status == 1, said
    until(lambda: not slurm.queue(), "the queue to be empty")
    assert {job["JobState"] for job in slurm.jobs()[-2:]} <= {"CANCELLED", "COMPLETED"}
    assert list(here.run.glob("timings/array/*/block~*.csv")), "nothing was measured before it was cancelled"
    until(lambda: not living(tmp_path), "the last process of the cancelled jobs")

    again = time.time()
    try:
        with here.started() as process:
            until(lambda: "n1" in here.begun(again).values(), "a block on n1")
            lost = next(block for block, node in here.begun(again).items() if node == "n1")
            slurm.kill_node("n1")
            slurm.call("scontrol", "update", "nodename=n1", "state=down", "reason=test")
            status, said = ended(process)
        assert status == 1, said
        assert lost not in here.blocks
        assert "NODE_FAIL" in {job["JobState"] for job in slurm.jobs()}

        status, said = here.start()
        assert status == 0, said
        assert "measured again, whole, because n1 did not finish it: array" in said
        here.assert_whole()
        assert here.blocks[lost]["host"] == "n2"
    finally:
        slurm.mend_node("n1")


def test_one_allocation_goes_on_where_its_time_was_over(slurm: Slurm, tmp_path: Path) -> None:
    here = OnNodes(slurm, tmp_path, TINY | {"seconds_per_invocation": 0.5})
    # The script wants an environment where it is submitted.
    (tmp_path / ".venv").symlink_to(sys.prefix)
    script = ROOT / "profiles" / "slurm" / "one_allocation.sbatch"

    def submit() -> str:
        return slurm.call(
            "sbatch", "--parsable", f"--chdir={tmp_path}", "--time=5", str(script), "mine.yaml", "--snakefile",
            str(ROOT / "Snakefile"), "--", "results/tiny/invocations.csv",
        ).strip()  # fmt: skip

    def state(job: str) -> str:
        return next(record["JobState"] for record in slurm.jobs() if record["JobId"] == job)

    def log(job: str) -> str:
        return (tmp_path / f"handoff-{job}.log").read_text("utf-8")

    first = submit()
    until(lambda: any(here.run.glob("timings/array/*/block~1.csv")), "the first result")
    slurm.call("scancel", "--batch", "--signal=INT", first)  # what --signal does a minute before the time is over
    until(lambda: state(first) == "FAILED", "the job to end by itself")
    assert not (here.run / "invocations.csv").exists(), log(first)

    second = submit()
    until(lambda: state(second) not in ("PENDING", "RUNNING", "COMPLETING"), "the second job", PATIENCE)
    assert state(second) == "COMPLETED", log(second)
    rows = here.invocations
    assert len(rows) == TINY["blocks"] * STRATEGIES
    node = next(record["NodeList"] for record in slurm.jobs() if record["JobId"] == second)
    assert {row["host"] for row in rows if row["block"] == TINY["blocks"]} == {node}
    for block in range(1, TINY["blocks"] + 1):
        assert len({row["campaign"] for row in rows if row["block"] == block}) == 1
