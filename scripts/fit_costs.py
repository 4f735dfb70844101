"""Fit what each way costs against the payload's size: latency, bandwidth, crossovers, break-even, contention."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.costs import faults, overheads, rows
from handoff.machine import cache_sizes, read_machine
from handoff.mistakes import step
from handoff.records import COSTS, write_table
from handoff.summaries import block_values
from handoff.tables import read_measurements


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument(
        "--machine", type=Path, nargs="*", default=[],
        help="results/<run>/machines/<machine_id>.json, whose caches are where a bandwidth may change",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="the costs.csv to write")
    given = parser.parse_args()
    plan, invocations, timings = read_measurements(given.plan, given.invocations, given.timings)
    caches = sorted({size for path in given.machine for size in cache_sizes(read_machine(path))})
    values, beside = block_values(invocations, timings), overheads(invocations, timings)
    write_table(given.out, COSTS, rows(plan, values, caches, beside, faults(plan, timings)))


if __name__ == "__main__":
    main()
