"""Draw one figure of a run as an SVG file, the same as a PNG beside it, and what it shows as a JSON file."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.figures import figure_names
from handoff.figures.drawing import plot
from handoff.figures.run import read_run
from handoff.mistakes import step


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", required=True, choices=figure_names(), help="which one")
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--summary", type=Path, required=True, help="results/<run>/summary.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--costs", type=Path, help="results/<run>/costs.csv, for crossovers and break-even")
    parser.add_argument("--out", type=Path, required=True, help="the SVG file to write; .png and .json go beside it")
    given = parser.parse_args()
    run = read_run(given.plan, given.summary, given.timings, given.invocations, given.costs)
    plot(given.figure, run, given.out)


if __name__ == "__main__":
    main()
