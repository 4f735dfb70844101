"""Find out what decides about a run's payloads and functions before anything is measured, in processes of their own."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff import probes
from handoff.mistakes import HandoffError, step
from handoff.scenarios import read_plan


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/<run>/plan.json")
    parser.add_argument("--payloads", type=Path, required=True, help="results/<run>/payloads")
    parser.add_argument("--out", type=Path, required=True, help="the probes.json to write")
    parser.add_argument(
        "--limit", type=float, default=probes.LIMIT_S, help="seconds after which a call is given up (%(default)s)"
    )
    given = parser.parse_args()
    if not 0 < given.limit < float("inf"):
        raise HandoffError(f"--limit: {given.limit} is no time; give seconds, as 30")
    entries = probes.probe_plan(read_plan(given.plan), given.payloads, given.limit)
    probes.write(given.out, entries)
    print("\n".join(probes.text(entries)))


if __name__ == "__main__":
    main()
