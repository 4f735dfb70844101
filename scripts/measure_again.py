"""Ask for the blocks in which something failed to be measured again, whole, by the next start of the workflow.

Nothing is deleted: the old results stay until the new ones take their place.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.configuration import load
from handoff.mistakes import step
from handoff.packs import read_result, results
from handoff.records import BadTable, write_atomically
from handoff.schedule import AGAIN


def failed(folder: Path) -> dict[str, tuple[str, str]]:
    """Blocks of the run in `folder` that hold something that is not ok: 'kind/number' -> campaign, and why."""
    found = {}
    for file in results(folder):
        try:
            row = read_result(folder, file).invocation
        except BadTable:
            continue  # the next start sees that by itself
        if row["status"] != "ok":
            block = f"{row['kind']}/{row['block']}"
            found[block] = str(row["campaign"]), f"{row['strategy']}: {row['status']}, {row['fail_reason']}"
    return found


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, required=True, help="what was measured")
    given = parser.parse_args()
    folder = Path("results", str(load(given.configfile).get("run", "default")))
    found = failed(folder)
    for block, (_, why) in found.items():
        print(f"{block}: {why}")
    if not found:
        print(f"Nothing in {folder} failed.")
        return
    write_atomically(folder / AGAIN, json.dumps({block: campaign for block, (campaign, _) in found.items()}) + "\n")


if __name__ == "__main__":
    main()
