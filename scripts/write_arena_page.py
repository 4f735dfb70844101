"""Write docs/arena-measured.md: the arena against its peers and the floor, from a finished run of config/arena.yaml."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff import peers
from handoff.mistakes import step
from handoff.records import write_atomically
from handoff.summaries import block_values
from handoff.tables import read_measurements


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("results/arena"), help="the finished run's folder")
    parser.add_argument(
        "--subject", default="process_spawn-arena", help="the strategy that is compared with the others"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/arena-measured.md"), help="the page to write")
    given = parser.parse_args()
    names = ("plan.json", "invocations.csv", "timings.csv")
    plan, invocations, timings = read_measurements(*(given.run / name for name in names))
    values = block_values(invocations, timings)
    cells = peers.cells(plan, values, timings, given.subject)
    write_atomically(
        given.out, peers.page(plan, cells, peers.against_floor(plan, values, given.subject), given.subject)
    )


if __name__ == "__main__":
    main()
