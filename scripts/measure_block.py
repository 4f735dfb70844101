"""Measure one block on this node of a cluster: all strategies of one payload kind, once, in a workflow of its own.

Started by workflow/cluster.smk. The block's files are written whole or it is measured anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.mistakes import step
from handoff.nodes import Order, measure_block


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--plan", type=Path, required=True, help="results/<run>/plan.json; what is measured lies beside it"
    )
    parser.add_argument(
        "--config", type=Path, required=True, help="the whole config that the plan was made of, as JSON"
    )
    parser.add_argument("--kind", required=True, help="the payload kind")
    parser.add_argument("--block", type=int, required=True, help="the block, from 1")
    parser.add_argument("--python", required=True, help="a Python that has Snakemake")
    given = parser.parse_args()
    measure_block(Order(given.plan, given.config, given.kind, given.block, given.python, Path(__file__).parents[1]))


if __name__ == "__main__":
    main()
