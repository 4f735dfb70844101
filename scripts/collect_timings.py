"""Collect the results of all measuring jobs of a run into invocations.csv and timings.csv."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.collection import collect
from handoff.mistakes import step
from handoff.records import INVOCATIONS, TIMINGS, write_table
from handoff.scenarios import read_plan


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--plan", type=Path, required=True, help="results/<run>/plan.json; the jobs' files lie beside it"
    )
    parser.add_argument("--invocations", type=Path, required=True, help="the invocations.csv to write")
    parser.add_argument("--timings", type=Path, required=True, help="the timings.csv to write")
    given = parser.parse_args()
    invocations, timings = collect(read_plan(given.plan), given.plan.parent)
    write_table(given.invocations, INVOCATIONS, invocations)
    write_table(given.timings, TIMINGS, timings)


if __name__ == "__main__":
    main()
