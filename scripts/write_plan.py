"""Write a run's plan, as the later steps read it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.records import write_atomically


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=json.loads, required=True, help="the plan as JSON (scenarios.Plan.to_json)")
    parser.add_argument("--out", type=Path, required=True, help="the plan.json to write")
    given = parser.parse_args()
    write_atomically(given.out, json.dumps(given.plan, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
