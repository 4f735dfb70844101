"""The nodes of a cluster: each measures whole blocks, in a workflow of its own.

A block is one job of the cluster. On the node it is a start of the local workflow for this block alone, with a campaign
of its own: what is paired was measured on one boot of one machine. Its files lie where they always do, in a folder that
all nodes share; blocks/<kind>/block~<b>.json says beside them where that was.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypedDict, cast

from handoff import provenance
from handoff.blocks import Block, begun_file, block_file
from handoff.machine import describe
from handoff.mistakes import HandoffError
from handoff.packs import read_result
from handoff.records import SCHEMA_VERSION, read_json, write_atomically
from handoff.scenarios import available_cores, planned_cores, read_plan
from handoff.schedule import Schedule
from handoff.shapes import of_shape
from handoff.words import counted

PATIENCE: Final = 20.0
"""Seconds that the workflow of a block has to end its jobs in when the node is wanted back."""


_REMEDY: Final = (
    "Take nodes of one kind (`constraint` in the cluster's profile) and delete the timings of the others, or make one "
    "run for each kind."
)


class NodeError(HandoffError):
    """A node cannot measure a block: why, and what to do."""


class Measured(TypedDict):
    """What blocks/<kind>/block~<b>.json holds."""

    schema_version: str
    kind: str
    block: int
    campaign: str
    """Of its rows."""
    asked_in: str
    """The campaign of the workflow that the block is a job of."""
    host: str
    machine_id: str
    boot: str
    """Of the node at the end of the block."""
    slurm_job: str
    """'' if no SLURM started it."""
    machine: dict[str, Any]
    """The node's description."""


@dataclass(frozen=True)
class Order:
    """Which block, and with what."""

    plan: Path
    """results/<run>/plan.json."""
    config: Path
    """The whole config as JSON, which the node's workflow makes the same plan of."""
    kind: str
    block: int
    python: str
    """One that has Snakemake."""
    house: Path
    """The folder of the Snakefile."""


def measure_block(order: Order) -> None:
    """Measure a block on this node, whole, and write its block~<b>.json; what is whole already is left alone.

    Raises:
        NodeError: this node is not what the plan was made for or unlike the others, another one is at it, or something
            in it failed.
    """
    os.environ[provenance.BLOCK_VARIABLE] = f"{order.kind}/{order.block}"
    folder = order.plan.parent
    if available_cores() < planned_cores():
        raise NodeError(
            f"{provenance.host()} gives {available_cores()} cores where the plan was made for {planned_cores()}: set "
            "`cores` in the cluster's profile to what each node has, and have whole nodes only (--exclusive)."
        )
    wanted = read_plan(order.plan).host_of(order.kind, order.block)
    if wanted and wanted != provenance.host():
        raise NodeError(
            f"This is {provenance.host()}, and `hosts` has {wanted} for block {order.block} of {order.kind}: whoever "
            "sets another `slurm_extra` must repeat --nodelist in it."
        )
    _check_alike(order, folder)
    with _alone(folder, order) as begun:
        block = _start(order, folder)
        write_atomically(folder / block_file(order.kind, order.block), json.dumps(_said(block, folder)) + "\n")
        begun.unlink(missing_ok=True)


def _check_alike(order: Order, folder: Path) -> None:
    """Nothing is measured that could not be pooled with the blocks that are whole."""
    blocks = Schedule(read_plan(order.plan), folder, on_nodes=True).blocks.values()
    files = [folder / block_file(block.kind, block.number) for block in blocks if block.whole]
    others = [read_measured(file) for file in files if file.is_file()]
    unlike_it = sorted({said["host"] for said in others if said["machine_id"] != provenance.machine_id()})
    if unlike_it:
        raise NodeError(
            f"{provenance.host()} is another machine, or has another kernel, than {', '.join(unlike_it)}, which "
            f"measured blocks of this run; such are never pooled. {_REMEDY}"
        )


@contextlib.contextmanager
def _alone(folder: Path, order: Order) -> Iterator[Path]:
    """Nobody else may measure the block meanwhile; the file that names this node, as long as it does."""
    begun = folder / begun_file(order.kind, order.block)
    begun.parent.mkdir(parents=True, exist_ok=True)
    with begun.with_suffix(".lock").open("w") as lock:  # freed when this process ends, however it ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NodeError(
                f"Another job is measuring block {order.block} of {order.kind}, one of an earlier start perhaps. "
                "Wait for it or cancel it (squeue, scancel), then run the same command again."
            ) from None
        write_atomically(begun, provenance.host() + "\n")
        try:
            yield begun
        except BaseException:
            begun.unlink(missing_ok=True)
            raise


def _start(order: Order, folder: Path) -> Block:
    """Run the local workflow for the block; the block, whole."""
    files = [f"{folder}/{job.file}" for job in _block(order, folder).jobs]
    command = [
        order.python, "-m", "snakemake", "--snakefile", str(order.house / "Snakefile"), "--cores", "all",
        "--executor", "local", "--workflow-profile", str(order.house / "profiles" / "default"),
        "--configfile", str(order.config), "--allowed-rules", "begin_campaign", "measure_strategy", "--", *files,
    ]  # fmt: skip
    # Its campaign is its own. A profile that names a cluster, and is given by its variable, is not meant for it.
    dropped = (provenance.CAMPAIGN_VARIABLE, "SNAKEMAKE_PROFILE", "SNAKEMAKE_WORKFLOW_PROFILE")
    status = _run(command, {name: value for name, value in os.environ.items() if name not in dropped})
    block = _block(order, folder)
    if status or not block.whole:
        why = block.cause or f"its workflow ended with status {status}"
        raise NodeError(
            f"Block {order.block} of {order.kind} is not whole on {provenance.host()}: {why}. "
            "Run the same command again: it is measured anew."
        )
    return block


def _block(order: Order, folder: Path) -> Block:
    """Its state on disk, as this node has to have measured it."""
    return Schedule(read_plan(order.plan), folder).blocks[order.kind, order.block]


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Its status. SIGTERM, which a cluster ends jobs with, becomes SIGINT: Snakemake then ends its jobs, too.

    How long it may take is the cluster's time limit; each measuring job has its own besides.
    """
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
        raise NodeError(f"{provenance.host()} was told to stop. Run the same command again.") from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _said(block: Block, folder: Path) -> Measured:
    """Where a block was measured; all its jobs say the same."""
    row = read_result(folder, block.jobs[0].file).invocation
    return {
        "schema_version": SCHEMA_VERSION, "kind": block.kind, "block": block.number, "campaign": block.campaign,
        "asked_in": os.environ.get(provenance.CAMPAIGN_VARIABLE, block.campaign), "host": str(row["host"]),
        "machine_id": str(row["machine_id"]), "boot": provenance.boot_id(),
        "slurm_job": os.environ.get("SLURM_JOB_ID", ""), "machine": describe(results=folder),
    }  # fmt: skip


def read_measured(path: Path) -> Measured:
    """What a block~<b>.json holds.

    Raises:
        BadTable: it is missing or damaged.
    """
    return cast(Measured, read_json(path, of_shape(Measured)))


def describe_nodes(files: Iterable[Path], out: Path) -> None:
    """Write what the nodes are to `out`, and each machine's description beside it.

    Nodes of one machine_id are alike: the first one's description holds for all. Each is named with its blocks.

    Raises:
        BadTable: one of the files is missing or damaged.
        NodeError: the nodes are not alike, so their blocks may not be pooled.
    """
    blocks = [read_measured(file) for file in files]
    machines = {block["machine_id"]: block["machine"] for block in reversed(blocks)}
    for name, machine in machines.items():
        write_atomically(out.parent / f"{name}.json", json.dumps(machine, indent=2, ensure_ascii=False) + "\n")
    if len(machines) > 1:
        raise NodeError(unlike(blocks))
    nodes = {host: ", ".join(said) for host, said in sorted(_by_host(blocks).items())}
    described = next(iter(machines.values())) | {"nodes": nodes}
    write_atomically(out, json.dumps(described, indent=2, ensure_ascii=False) + "\n")


def _by_host(blocks: Iterable[Measured]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for block in blocks:
        job = f" (SLURM job {block['slurm_job']})" if block["slurm_job"] else ""
        found.setdefault(block["host"], []).append(f"{block['kind']} {block['block']}{job}")
    return found


def unlike(blocks: Sequence[Measured]) -> str:
    """Which nodes are of which machine, and what to do about it."""
    hosts: dict[str, set[str]] = {}
    for block in blocks:
        hosts.setdefault(block["machine_id"], set()).add(block["host"])
    counts = Counter(block["machine_id"] for block in blocks)
    said = "; ".join(
        f"{name}: {', '.join(sorted(hosts[name]))} ({counted(count, 'block')})" for name, count in counts.most_common()
    )
    return f"The nodes are {len(hosts)} different machines or kernels, which are never pooled ({said}). {_REMEDY}"
