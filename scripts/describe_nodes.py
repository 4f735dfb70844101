"""Describe the nodes of a cluster that measured a run, out of what each block's job left."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.mistakes import step
from handoff.nodes import describe_nodes


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--block", type=Path, nargs="+", required=True, help="results/<run>/blocks/<kind>/block~<b>.json"
    )
    parser.add_argument("--out", type=Path, required=True, help="the machines/nodes.json to write")
    given = parser.parse_args()
    describe_nodes(given.block, given.out)


if __name__ == "__main__":
    main()
