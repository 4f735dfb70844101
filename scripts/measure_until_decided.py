"""Start the workflow again and again until every answer is decided, or the budget is spent.

Each start measures what results/<run>/effort.json says is still open. Options after `--` are Snakemake's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from handoff.configuration import load
from handoff.effort import read_state, said
from handoff.mistakes import step
from handoff.starts import start


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, required=True, help="what to measure")
    parser.add_argument("--budget", default="30min", help="how long to measure in all, as 90s, 5min or 2h")
    parser.add_argument("snakemake", nargs="*", help="options for Snakemake")
    given = parser.parse_args()
    if {"--config", "-C"}.intersection(given.snakemake):
        parser.error(
            "--config is taken by this script, and Snakemake would heed the last one alone; edit the config file"
        )
    run = load(given.configfile).get("run", "default")
    effort = Path("results", str(run), "effort.json")
    command = [
        sys.executable, "-m", "snakemake", "--configfile", str(given.configfile), *given.snakemake,
        "--config", "effort=adaptive", f"budget={given.budget}",
    ]  # fmt: skip
    asked: list[dict[str, object]] = []
    while True:
        if code := start(command):
            raise SystemExit(code)
        if not effort.is_file():  # a dry run, say
            return
        found = read_state(effort)
        print(f"\n{said(found)}\n", flush=True)
        # What was asked for and not measured would be asked for again and again.
        if found["next"] in ([], asked):
            return
        asked = found["next"]


if __name__ == "__main__":
    main()
