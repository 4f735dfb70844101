"""A whole small run on disk: every file that any step reads, each written by the library itself. For tests alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from example_run import REFERENCE, array, example_machine, example_plan, example_rows

from handoff import costs, probes
from handoff.advice import in_full
from handoff.blocks import expected, run_order
from handoff.calibration import judge
from handoff.collection import collect
from handoff.effort import decide, with_stop_reasons
from handoff.figures import figure_names
from handoff.figures.drawing import plot
from handoff.figures.run import Run
from handoff.health import examine
from handoff.packs import pack_run, unpack_run
from handoff.payloads.generation import generate
from handoff.recommend import recommend, table_rows
from handoff.records import (
    COSTS,
    INVOCATIONS,
    RECOMMENDATIONS,
    SUMMARY,
    TIMINGS,
    InvocationFile,
    parse_csv,
    to_csv,
    write_atomically,
    write_invocation,
    write_table,
)  # fmt: skip
from handoff.scenarios import Plan, Scenario
from handoff.schedule import AGAIN
from handoff.summaries import block_values, summarize

THREADS, ARENA, MACHINE = "threads-reference", "process_spawn-arena", "0123456789ab"
FORK = "process_fork-inherit"
"""It cannot return anything: its row comes from the plan, and its size from the payload's description."""

OVERHEAD = {
    name: {"threads": {"estimate": 31.5, "interval": [30.0, 33.0], "rounds": 30}}
    for name in ("null_payload_us", "null_payload_reuse_us")
} | {"busy_task_error_us": 12.5}

FINDINGS = (
    probes.Finding("payload", "kind", "It is an array.", "Every way carries it.", facts={"bytes": 65536}),
    probes.Finding("function", "raises", "It raises <ValueError>.", "Mend it.", "obstacle", snippet="x = 1"),
)

COUNTS = {"runs": 3, "hung": 2}
DEADLOCK = {
    "schema_version": "1.1", "python": "3.13.0", **COUNTS, "unbuffered": COUNTS, "deterministic": COUNTS,
    "stacks": {"printing": {"parent": "in join", "child": "in flush"}, "locked": {}}, "note": "it was ended",
}  # fmt: skip


def small_plan(blocks: int = 2) -> Plan:
    """One payload to one worker and to two, and back; with the article's experiments, so that these are read, too."""
    asked = (THREADS, REFERENCE, ARENA, FORK)
    scenarios = [Scenario(array(2**16, "64KiB"), "read", "send", workers, strategies=asked) for workers in (1, 2)]
    scenarios.append(Scenario(array(2**16, "64KiB"), "read", "return", 1, strategies=asked))
    plan = example_plan(blocks, asked, ("A1", "A2", "A6"))
    return dataclasses.replace(plan, scenarios=tuple(scenarios))


def write_json(path: Path, data: object) -> None:
    write_atomically(path, json.dumps(data, ensure_ascii=False))


def whole_run(folder: Path) -> None:
    """Write all of it."""
    plan = small_plan()
    rows, transfers = example_rows(plan)
    for job in run_order(plan):
        row = next(r for r in rows if (r["block"], r["strategy"]) == (job.block, job.strategy.id))
        own = [
            each for each in transfers if each["invocation"] == row["invocation"] and each["status"] != "unsupported"
        ]
        started = {
            "slot": job.slot,
            "order_seed": job.order_seed,
            "started_ns": 10**9 * job.slot,
            "ended_ns": 10**9 * (job.slot + 1),
        }
        write_invocation(folder / job.file, InvocationFile(row | started, expected(plan, job.kind), own))
    # Beside its pack a job's own file counts, so that both can be damaged here.
    pack_run(folder)
    packs = {file: file.read_bytes() for file in folder.glob("timings/array/*.zip")}
    unpack_run(folder)
    for file, content in packs.items():
        file.write_bytes(content)
    [payload] = plan.payloads.values()
    generate(payload, plan.seed, folder / "payloads" / payload.file, folder / "payloads" / payload.description)
    collected = collect(plan, folder)
    # Through the tables' own text and back: every column is there, and typed as a reader finds it.
    invocations, timings = (
        parse_csv(table, to_csv(table, found), table.name)
        for table, found in zip((INVOCATIONS, TIMINGS), collected, strict=True)
    )
    summary, values = summarize(invocations, timings, plan), block_values(invocations, timings)
    effort = decide(plan, summary, values, invocations)
    answers = recommend(summary, values, plan, invocations)
    for name, table, rows in (
        ("invocations", INVOCATIONS, invocations),
        ("timings", TIMINGS, timings),
        ("summary", SUMMARY, with_stop_reasons(summary, effort)),
        ("recommendations", RECOMMENDATIONS, table_rows(answers)),
        ("costs", COSTS, costs.rows(plan, values, (), costs.overheads(invocations, timings))),
    ):
        write_table(folder / f"{name}.csv", table, rows)
    more = small_plan(blocks=6)
    for name, data in (
        ("plan", plan.to_json()),
        ("effort", effort.to_json(plan)),
        ("recommendations", answers),
        ("health", examine(plan, invocations, timings)),
        (f"machines/{MACHINE}", example_machine()),
        ("overhead", OVERHEAD),
        ("deadlock", DEADLOCK),
        ("calibration", judge(more, block_values(*example_rows(more)), OVERHEAD)),  # type: ignore[arg-type]
    ):
        write_json(folder / f"{name}.json", data)
    probes.write(folder / "probes.json", [probes.Entry(payload.id, "mine:work", "/home/me", FINDINGS)])
    write_json(folder / AGAIN, {"array/1": "20260101T120000Z-abc123"})
    run = Run(plan, summary, timings, invocations)
    for figure in figure_names():
        plot(figure, run, folder / "figures" / f"{figure}.svg")
    write_atomically(folder / "answer.txt", in_full(answers, plan, summary))
    write_atomically(folder / "report.html", "<!doctype html>\n")
