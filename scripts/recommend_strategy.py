"""Say which strategy to use in each scenario of a run, why, and how sure that is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.advice import in_full
from handoff.mistakes import step
from handoff.recommend import recommend, table_rows
from handoff.records import RECOMMENDATIONS, write_atomically, write_table
from handoff.summaries import block_values
from handoff.tables import read_measurements, read_summary


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--summary", type=Path, required=True, help="results/<run>/summary.csv")
    parser.add_argument("--invocations", type=Path, required=True, help="results/<run>/invocations.csv")
    parser.add_argument("--timings", type=Path, required=True, help="results/<run>/timings.csv")
    parser.add_argument("--out-json", type=Path, required=True, help="the recommendations.json to write")
    parser.add_argument("--out-csv", type=Path, required=True, help="the recommendations.csv to write")
    parser.add_argument("--out-text", type=Path, required=True, help="the answers in words to write")
    given = parser.parse_args()
    plan, invocations, timings = read_measurements(given.plan, given.invocations, given.timings)
    summary = read_summary(given.summary, plan)
    answers = recommend(summary, block_values(invocations, timings), plan, invocations)
    write_atomically(given.out_json, json.dumps(answers, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    write_table(given.out_csv, RECOMMENDATIONS, table_rows(answers))
    write_atomically(given.out_text, in_full(answers, plan, summary))


if __name__ == "__main__":
    main()
