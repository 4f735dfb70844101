"""Compare runs: what became slower or faster, what fails now, and whether all say the same.

python scripts/compare_runs.py results/before results/after
python scripts/compare_runs.py results/laptop results/server results/py314 --report results/comparison.html

Every later run is judged against the first. With --report the machines and the environments may differ: the page says
which do. Ends with 0 if nothing is shown to be slower or newly failing in a later run, with 1 if something is, and
with 2 if the runs cannot be compared.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.comparison import Comparison, compare, comparison_text
from handoff.mistakes import HandoffError
from handoff.records import write_atomically
from handoff.results import ACROSS, CannotCompare, read_results


def tie_zone(text: str) -> float:
    zone = float(text)
    if not 0 <= zone < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to below 1, as 0.05")
    return zone


def arguments() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="results/<run>, the earliest run first")
    parser.add_argument("--tie-zone", type=tie_zone, help="what does not matter to you; default: the first run's")
    parser.add_argument(
        "--across", action="append", choices=ACROSS, default=[],
        help="compare although the machines, or the environments, differ; repeat it for both",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the same as data; of several runs, a list")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write all runs into one HTML page")
    given = parser.parse_args()
    if len(given.runs) < 2:
        parser.error("two runs are needed to compare anything")
    return parser, given


def main() -> None:
    parser, given = arguments()
    try:
        runs = [read_results(folder) for folder in given.runs]
        if given.report:
            # What draws is loaded for those alone who want a page.
            from handoff.report.comparison import Several, page, text_of
            from handoff.terminal import plain

            several = Several(runs, given.tie_zone)
            found: tuple[Comparison, ...] = several.pairs
            write_atomically(given.report, page(several))
            said = f"{text_of(several)}Report: {plain(str(given.report))}\n"
        else:
            found = tuple(compare(runs[0], run, given.tie_zone, given.across) for run in runs[1:])
            said = "\n".join(map(comparison_text, found))
        if given.json:
            data = [pair.to_json() for pair in found]
            text = json.dumps(data[0] if len(data) == 1 else data, ensure_ascii=False, allow_nan=False, indent=2)
            write_atomically(given.json, f"{text}\n")
    except (HandoffError, CannotCompare, OSError) as error:
        parser.exit(2, f"compare_runs: {error}\n")
    print(said, end="")
    parser.exit(max(pair.exit_code for pair in found))


if __name__ == "__main__":
    main()
