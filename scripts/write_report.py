"""Write a run's report: one offline HTML page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from handoff.figures.run import read_run
from handoff.records import BadTable, write_atomically
from handoff.report import page
from handoff.report.pictures import pictures


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        BadTable: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadTable(f"{path}: cannot be read ({error}). Delete it: the next run makes it anew") from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--summary", type=Path, required=True, help="results/<run>/summary.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--recommendations", type=Path, required=True, help="results/<run>/recommendations.json")
    parser.add_argument("--health", type=Path, required=True, help="results/<run>/health.json")
    parser.add_argument(
        "--machine", type=Path, nargs="*", default=[], help="results/<run>/machines/<machine_id>.json, one or more"
    )
    parser.add_argument(
        "--figure", type=Path, nargs="*", default=[], help="results/<run>/figures/<figure>.svg, one or more"
    )
    parser.add_argument("--deadlock", type=Path, help="results/<run>/deadlock.json, where the article's fork was tried")
    parser.add_argument("--out", type=Path, required=True, help="the HTML file to write")
    given = parser.parse_args()
    try:
        run = read_run(given.plan, given.summary, given.timings, given.invocations)
        deadlock = read_json(given.deadlock) if given.deadlock else None
        machines = [read_json(path) for path in given.machine]
        recommendations, health = read_json(given.recommendations), read_json(given.health)
        html = page(run, recommendations, machines, pictures(given.figure), deadlock, health)
    except BadTable as error:
        raise SystemExit(f"write_report: {error}") from error
    write_atomically(given.out, html)


if __name__ == "__main__":
    main()
