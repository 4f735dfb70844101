"""Add finished runs, also those of other machines, to an atlas: their answers in one table and one page.

python scripts/merge_runs.py results/default results/from-a-friend --out results/atlas
python scripts/merge_runs.py --out results/atlas        # after a folder in results/atlas/runs was deleted

Nothing of unlike machines is pooled: each run stays a folder of its own in runs/, and a row of atlas.csv is one
scenario on one machine. docs/atlas.md tells the rest.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.atlas import INDEX, PAGE, CannotMerge, add, on_a_page
from handoff.mistakes import step
from handoff.records import write_atomically
from handoff.report.comparison import Several, page, text_of
from handoff.results import CannotCompare
from handoff.terminal import plain
from handoff.words import counted


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="results/<run>, a finished one")
    parser.add_argument("--out", type=Path, required=True, metavar="ATLAS", help="its folder; made where there is none")
    given = parser.parse_args()
    entries, new = add(given.out, given.runs)
    machines = len({entry.machine for entry in entries})
    print(f"{counted(len(new), 'run')} added; the atlas has {len(entries)} of {counted(machines, 'machine')}.")
    shown = on_a_page(entries)
    if len(shown) < 2:
        # An old page would tell of runs that are gone.
        (given.out / PAGE).unlink(missing_ok=True)
        print("A page needs two runs with a scenario in common.")
    else:
        try:
            several = Several([entry.results for entry in shown])
            write_atomically(given.out / PAGE, page(several))
        except CannotCompare as error:
            raise CannotMerge(str(error)) from error
        print(text_of(several), end="")
        print(f"Page: {plain(str(given.out / PAGE))}")
    if len(shown) < len(entries):
        alone = ", ".join(entry.name for entry in entries if entry not in shown)
        print(f"Only in the table, because they share nothing with {entries[0].name}: {alone}")
    print(f"Table: {plain(str(given.out / INDEX))}")


if __name__ == "__main__":
    main()
