"""Show that fork with live threads can hang: run the article's kind of program again and again, and count."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.deadlock import demonstrate
from handoff.mistakes import step
from handoff.records import write_atomically


def positive(text: str) -> int:
    """A count of at least one."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no count; 1 or more is")
    return number


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=positive, default=10, help="runs of the printing program, buffered and not")
    parser.add_argument("--certain-runs", type=positive, default=3, help="runs of the program that hangs each time")
    parser.add_argument("--seconds", type=float, default=3.0, help="time limit of one run")
    parser.add_argument("--out", type=Path, required=True, help="results/<run>/deadlock.json")
    given = parser.parse_args()
    found = demonstrate(given.runs, given.certain_runs, given.seconds)
    write_atomically(given.out, json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
