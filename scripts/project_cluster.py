"""Past one machine, on paper: what a run's strategies would take with more workers and nodes. A projection.

python scripts/project_cluster.py --run results/default --workers 8 --nodes 16 --bandwidth 12.5GB/s --latency 20us

Writes a table and a figure, and prints the answer at 1, 2, 4, ... nodes. Nothing is measured; docs/projection.md says
what is taken for granted and how far such predictions are off. Needs SimPy (envs/projection.in).
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from handoff import projection
from handoff.figures import projection as figure
from handoff.figures.drawing import plot_apart
from handoff.mistakes import step
from handoff.records import write_table
from handoff.simulation import RELAYS, SHAPES, TOPOLOGIES, Network
from handoff.tables import read_measurements
from handoff.terminal import plain


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="results/<run>, a finished run")
    parser.add_argument("--strategy", nargs="+", default=[], help="some of the run's; default: all")
    parser.add_argument("--payload", default="", help="a payload's id that was sent to 1 worker; default: the largest")
    parser.add_argument("--workers", type=int, required=True, help="on each node")
    parser.add_argument("--nodes", type=int, required=True, help="the most nodes, with the sender's own")
    parser.add_argument(
        "--bandwidth", default="1GB/s", help="of a link, in bytes: 12.5GB/s (100 Gbit/s); default: 1GB/s"
    )
    parser.add_argument("--latency", default="50us", help="of the network, one way; default: 50us")
    parser.add_argument("--network", choices=TOPOLOGIES, default="switch", help="default: switch")
    parser.add_argument("--task", help="the length of your own task, as 100ms, instead of the measured one's")
    parser.add_argument("--shape", choices=SHAPES, default="map", help="default: map")
    parser.add_argument("--relay", choices=RELAYS, default="node", help="of a broadcast; default: node")
    parser.add_argument(
        "--out", type=Path, default=Path("projection.csv"), help="the table; .svg, .png, .json beside it"
    )
    return parser.parse_args()


@step
def main() -> None:
    given = arguments()
    asked = projection.Question(
        given.workers, given.nodes,
        Network(
            projection.parse_bandwidth(given.bandwidth), projection.parse_time(given.latency), given.network
        ),
        given.shape, given.relay, projection.parse_time(given.task) if given.task else None,
    )  # fmt: skip
    plan, _, timings = read_measurements(
        *(given.run / name for name in ("plan.json", "invocations.csv", "timings.csv"))
    )
    scenario, rows, left_out = projection.project(plan, timings, asked, given.payload, given.strategy)
    question = projection.question_said(scenario, asked)
    write_table(given.out, projection.PROJECTIONS, rows)
    plot_apart(figure.TITLE, partial(figure.draw, rows, question), given.out.with_suffix(".svg"))
    for line in (question, *projection.said(rows), *left_out, f"Table: {given.out}"):
        print(plain(line))


if __name__ == "__main__":
    main()
