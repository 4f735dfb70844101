"""Write a run's report: one offline HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff import probes
from handoff.figures.run import read_run
from handoff.health import read_health
from handoff.machine import read_machine
from handoff.mistakes import step
from handoff.recommend import read_answers
from handoff.records import write_atomically
from handoff.report import page
from handoff.report.article import read_deadlock
from handoff.report.pictures import pictures


@step
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
    parser.add_argument("--probes", type=Path, help="results/<run>/probes.json")
    parser.add_argument("--costs", type=Path, help="results/<run>/costs.csv")
    parser.add_argument("--out", type=Path, required=True, help="the HTML file to write")
    given = parser.parse_args()
    html = page(
        read_run(given.plan, given.summary, given.timings, given.invocations, given.costs),
        read_answers(given.recommendations),
        [read_machine(path) for path in given.machine],
        pictures(given.figure),
        read_deadlock(given.deadlock) if given.deadlock else None,
        read_health(given.health),
        probes.read(given.probes) if given.probes else (),
    )
    write_atomically(given.out, html)


if __name__ == "__main__":
    main()
