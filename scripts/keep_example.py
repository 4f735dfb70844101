"""Keep the small files of a run as results/example, which stands in the repository."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.mistakes import step
from handoff.report.example import keep


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("results/default"), help="the finished run's folder")
    parser.add_argument("--example", type=Path, default=Path("results/example"), help="the folder to replace")
    given = parser.parse_args()
    total = keep(given.run, given.example)
    print(f"{given.example}: {total:,} bytes of {given.run}")


if __name__ == "__main__":
    main()
