"""Measure one strategy in the scenarios of one payload kind, once: one invocation, one file.

The file is written whole or not at all, also when the strategy fails: a failure is a row with its reason.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.measure.job import Order, measure
from handoff.mistakes import step
from handoff.scenarios import scenario_from_json


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="the run's name")
    parser.add_argument("--kind", required=True, help="the payload kind")
    parser.add_argument("--strategy", required=True, help="the strategy's id")
    parser.add_argument("--python", default="", help="the Python to measure with, if the id names an interpreter")
    parser.add_argument("--block", type=int, required=True, help="the block, from 1")
    parser.add_argument("--slot", type=int, default=0, help="the place in the block's order, from 0")
    parser.add_argument("--order-seed", type=int, default=0, help="the seed of that order")
    parser.add_argument("--campaign", default="by-hand", help="the start of the workflow that it belongs to")
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds of transfers per scenario")
    parser.add_argument(
        "--plan", type=json.loads, default={}, help="what it is measured with, as JSON; kept in the result"
    )
    parser.add_argument(
        "--scenario", action="append", required=True, type=json.loads, help="a scenario as JSON; repeat it"
    )
    parser.add_argument("--payloads", type=Path, required=True, help="the run's payloads/ folder")
    parser.add_argument("--out", type=Path, required=True, help="the block~<b>.csv to write")
    return parser.parse_args()


@step
def main() -> None:
    given = arguments()
    measure(Order(
        given.run, given.kind, given.strategy, given.block, given.slot, given.order_seed, given.campaign, given.seconds,
        given.plan, tuple(scenario_from_json(scenario) for scenario in given.scenario), given.payloads, given.out,
        given.python,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
