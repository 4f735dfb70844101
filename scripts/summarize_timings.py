"""Summarise all transfers of a run: one row a scenario and strategy, with times, ratios, intervals and verdicts.

From the same figures follows what is still open, and which blocks would settle it: effort.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.effort import decide, with_stop_reasons
from handoff.mistakes import step
from handoff.records import SUMMARY, write_atomically, write_table
from handoff.summaries import block_values, summarize
from handoff.tables import read_measurements


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument("--out", type=Path, required=True, help="the summary.csv to write")
    parser.add_argument("--effort", type=Path, required=True, help="the effort.json to write")
    given = parser.parse_args()
    plan, invocations, timings = read_measurements(given.plan, given.invocations, given.timings)
    summary = summarize(invocations, timings, plan)
    effort = decide(plan, summary, block_values(invocations, timings), invocations)
    write_table(given.out, SUMMARY, with_stop_reasons(summary, effort))
    write_atomically(given.effort, json.dumps(effort.to_json(plan), indent=1) + "\n")


if __name__ == "__main__":
    main()
