"""Compare two runs: what became slower or faster, what fails now, and whether both say the same.

python scripts/compare_runs.py results/before results/after

Ends with 0 if nothing is shown to be slower or newly failing in the second run, with 1 if something is, and with 2
if the two cannot be compared.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.comparison import compare, comparison_text
from handoff.mistakes import HandoffError
from handoff.records import write_atomically
from handoff.results import ACROSS, CannotCompare, read_results


def tie_zone(text: str) -> float:
    zone = float(text)
    if not 0 <= zone < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to below 1, as 0.05")
    return zone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="results/<run> of the earlier run")
    parser.add_argument("after", type=Path, help="results/<run> of the later one, which is judged")
    parser.add_argument("--tie-zone", type=tie_zone, help="what does not matter to you; default: the earlier run's")
    parser.add_argument(
        "--across", action="append", choices=ACROSS, default=[],
        help="compare although the machines, or the environments, differ; repeat it for both",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the same as data")
    given = parser.parse_args()
    try:
        found = compare(read_results(given.before), read_results(given.after), given.tie_zone, given.across)
        if given.json:
            write_atomically(
                given.json, json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
            )
    except (HandoffError, CannotCompare, OSError) as error:
        parser.exit(2, f"compare_runs: {error}\n")
    print(comparison_text(found), end="")
    parser.exit(found.exit_code)


if __name__ == "__main__":
    main()
