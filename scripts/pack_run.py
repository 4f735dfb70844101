"""Put the results and logs of each block of a finished run into one file, or bring them back.

    python scripts/pack_run.py results/sweep
    python scripts/pack_run.py --unpack results/sweep

A packed run can be gone on with: what is measured anew lies beside the packs until it is packed, too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.mistakes import HandoffError, step
from handoff.packs import pack_run, unpack_run
from handoff.schedule import alone_in
from handoff.words import counted


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="results/<run>")
    parser.add_argument("--unpack", action="store_true", help="bring the files back")
    given = parser.parse_args()
    if not (given.run / "timings").is_dir():
        raise HandoffError(f"{given.run} is no run's folder: it has no timings/. A run's folder is results/<run>.")
    with alone_in(given.run):
        if given.unpack:
            print(f"{given.run}: {counted(unpack_run(given.run), 'block')} brought back.")
            return
        done = pack_run(given.run)
    for why in done.damaged:
        print(f"Left as it is: {why}")
    print(f"{given.run}: {counted(done.files, 'file')} put into {counted(done.packs, 'pack')}.")


if __name__ == "__main__":
    main()
