"""The same sweep on this machine and through a real SLURM on it: the same scenarios, and do the verdicts agree?

    python tests/cluster/measure_local_and_slurm.py --folder /tmp/both --page docs/clusters.md

takes about ten minutes. SLURM's two nodes are this one machine, so one block is measured at a time (--jobs 1): what
could differ is what lies between SLURM and a measurement. It ends with 1 if a verdict is reversed, or a row is missing
or says a wrong place.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

HOUSE: Final = Path(__file__).parents[2]
sys.path[:0] = [str(HOUSE / "scripts"), str(Path(__file__).parent)]

import yaml  # noqa: E402
from slurm import Slurm, obstacle, running  # noqa: E402

from handoff.comparison import Comparison, compare, comparison_text  # noqa: E402
from handoff.report.readme import renew  # noqa: E402
from handoff.results import Results, read_results  # noqa: E402

CORES: Final = len(os.sched_getaffinity(0))
CONFIG: Final[dict[str, Any]] = {
    "blocks": 6, "seed": 7, "budget": "10min",
    "strategies": ["threads-reference", "pool_spawn-pickle", "process_spawn-pickle5", "process_spawn-shared_memory",
                   "process_spawn-npy-tmpfs", "process_spawn-arrow-tmpfs", "process_spawn-arena"],
    "scenarios": [
        {"payload": {"kind": kind, "size": ["64KiB", "2MiB", "32MiB"]}, "task": "read", "pattern": "send"}
        for kind in ("array", "text_frame")
    ],
}  # fmt: skip
HERE, NODES = "here", "nodes"


def measure_here() -> None:
    """The local workflow, as a user starts it."""
    _snakemake(dict(os.environ), "--snakefile", str(HOUSE / "Snakefile"), "--cores", "all", config=HERE)


def measure_on(slurm: Slurm) -> None:
    """The same through SLURM, a block a job."""
    _snakemake(
        slurm.environment, "--snakefile", str(HOUSE / "workflow" / "cluster.smk"),
        "--workflow-profile", str(HOUSE / "profiles" / "slurm"), "--cores", str(CORES), "--jobs", "1",
        "--default-resources", "mem_mb=3000", "runtime=10", "slurm_partition='main'",
        "--slurm-init-seconds-before-status-checks", "2", config=NODES,
    )  # fmt: skip


def _snakemake(environment: dict[str, str], *options: str, config: str) -> None:
    command = [sys.executable, "-m", "snakemake", *options, "--configfile", f"{config}.yaml"]
    subprocess.run(command, check=True, env=environment, timeout=3600)


def places(run: Results) -> Counter[str]:
    """How many jobs were measured on each host."""
    return Counter(str(row["host"]) for row in run.invocations)


def complaints(here: Results, nodes: Results, found: Comparison, records: dict[str, str]) -> list[str]:
    """What is not as it has to be; `records` are SLURM's own: job -> node."""
    said = []
    if [s.id for s in here.plan.scenarios] != [
        s.id for s in nodes.plan.scenarios
    ] or here.rows.keys() != nodes.rows.keys():
        said.append("the scenarios or their strategies differ")
    if found.agreement.reversed:
        said.append(f"{len(found.agreement.reversed)} verdicts are reversed")
    if set(places(here)) != {socket.gethostname()}:
        said.append(f"the local rows say {sorted(places(here))}")
    for file in sorted(nodes.folder.glob("blocks/*/block~*.json")):
        block = json.loads(file.read_text("utf-8"))
        rows = [r for r in nodes.invocations if (r["kind"], r["block"]) == (block["kind"], block["block"])]
        if {str(row["host"]) for row in rows} != {records.get(block["slurm_job"], "")}:
            said.append(f"{file}: SLURM says {records.get(block['slurm_job'])}, the rows say otherwise")
    if len(here.invocations) != len(nodes.invocations):
        said.append(f"{len(here.invocations)} jobs here, {len(nodes.invocations)} on the nodes")
    return said


def words(here: Results, nodes: Results, found: Comparison) -> str:
    """For the page."""
    agreement = found.agreement
    same = sum(a["recommended"] == b["recommended"] for _, a, b in found.recommended)
    outcomes = Counter(str(row["status"]) for row in nodes.invocations)
    where = ", ".join(f"{host} {count}" for host, count in sorted(places(nodes).items()))
    statuses = ", ".join(f"{count} {status}" for status, count in outcomes.items())
    return (
        f"{len(here.plan.scenarios)} scenarios, {CONFIG['blocks']} blocks, {len(nodes.invocations)} measuring jobs "
        f"each way (through SLURM: {statuses}; by node: {where}). "
        f"Of {len(agreement.both)} verdicts against the reference {len(agreement.decided)} were decided both ways, "
        f"{len(agreement.agreeing)} of these agree, {len(agreement.reversed)} are reversed. Recommended is the same in "
        f"{same} of {len(found.recommended)} scenarios."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where to work; what is there is gone on with")
    parser.add_argument("--page", type=Path, help="the page whose part local-and-slurm is renewed")
    given = parser.parse_args()
    if why := obstacle():
        sys.exit(f"measure_local_and_slurm: no SLURM here: {why}")
    page = given.page and given.page.resolve()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(given.folder)
    for run in (HERE, NODES):
        Path(f"{run}.yaml").write_text(yaml.safe_dump(CONFIG | {"run": run}), encoding="utf-8")
    measure_here()
    with tempfile.TemporaryDirectory(prefix="slurm-") as base, running(Path(base) / "c") as slurm:
        measure_on(slurm)
        jobs = slurm.jobs()
    for job in jobs:
        print(" ".join(f"{key}={job.get(key)}" for key in ("JobId", "JobName", "JobState", "NodeList", "RunTime")))
    here, nodes = read_results(Path("results", HERE)), read_results(Path("results", NODES))
    found = compare(here, nodes)
    print(comparison_text(found))
    print(words(here, nodes, found))
    if page:
        renew(page, {"local-and-slurm": words(here, nodes, found)})
    if said := complaints(here, nodes, found, {job["JobId"]: job["NodeList"] for job in jobs}):
        sys.exit("measure_local_and_slurm: " + "; ".join(said))


if __name__ == "__main__":
    main()
