"""Say how right a run's verdicts are, from its A/A pairs and its planted slow-downs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.calibration import judge, page, read_overhead
from handoff.mistakes import step
from handoff.records import write_atomically
from handoff.summaries import block_values
from handoff.tables import read_measurements


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument("--overhead", type=Path, required=True, help="results/<run>/overhead.json")
    parser.add_argument("--out", type=Path, required=True, help="the calibration.json to write")
    parser.add_argument("--page", type=Path, required=True, help="the calibration.md to write")
    given = parser.parse_args()
    plan, invocations, timings = read_measurements(given.plan, given.invocations, given.timings)
    found = judge(plan, block_values(invocations, timings), read_overhead(given.overhead))
    write_atomically(given.out, json.dumps(found, indent=1) + "\n")
    write_atomically(given.page, page(found))


if __name__ == "__main__":
    main()
