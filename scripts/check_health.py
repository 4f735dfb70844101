"""Check how sound a run is: each thing that is wrong, or may be, with its cause and its remedy."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.health import examine
from handoff.mistakes import step
from handoff.records import write_atomically
from handoff.tables import read_measurements


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument("--out", type=Path, required=True, help="the health.json to write")
    given = parser.parse_args()
    found = examine(*read_measurements(given.plan, given.invocations, given.timings))
    write_atomically(given.out, json.dumps(found, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
