"""Write a run's plan, as the later steps read it. It is given as JSON on standard input."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from handoff.mistakes import step
from handoff.records import write_atomically


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the plan.json to write")
    given = parser.parse_args()
    # As bytes: in a C locale the text would not be read as UTF-8.
    plan = json.loads(sys.stdin.buffer.read())
    write_atomically(given.out, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
