"""Summarise all transfers of a run: one row a scenario and strategy, with times, ratios, intervals and verdicts."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.records import INVOCATIONS, SUMMARY, TIMINGS, BadTable, read_table, write_table
from handoff.scenarios import read_plan
from handoff.summaries import summarize


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument("--out", type=Path, required=True, help="the summary.csv to write")
    given = parser.parse_args()
    try:
        invocations, timings = read_table(given.invocations, INVOCATIONS), read_table(given.timings, TIMINGS)
        write_table(given.out, SUMMARY, summarize(invocations, timings, read_plan(given.plan)))
    except BadTable as error:
        raise SystemExit(f"summarize_timings: {error}") from error


if __name__ == "__main__":
    main()
