"""What of a run is kept as results/example: all that is small and tells something."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from handoff.mistakes import HandoffError
from handoff.records import TIMINGS, Row, read_table, write_table

MOST_BYTES: Final = 1_000_000

WHOLE: Final = (
    "plan.json", "invocations.csv", "summary.csv", "recommendations.csv", "recommendations.json", "answer.txt",
    "health.json", "report.html", "costs.csv", "figures/*.svg", "machines/*.json",
)  # fmt: skip

SAMPLE: Final = "timings.sample.csv"
"""timings.csv holds every transfer and is larger than all else together; a sample of its rows shows what is in it."""

FIRST: Final = 1
"""Transfers of each kind (first, steady, instrumented) that the sample has of a strategy in a scenario."""


class TooLarge(HandoffError):
    """More than what belongs into a repository: how much, and the largest files."""


def sample(timings: list[Row]) -> list[Row]:
    """Rows of the first block: of each strategy and scenario the first few, and all that have no time."""
    seen: Counter[tuple[object, ...]] = Counter()
    kept = []
    for row in timings:
        key = row["strategy"], row["scenario"], row["warm"], row["instrumented"]
        if row["block"] != 1 or (row["status"] == "ok" and seen[key] == FIRST):
            continue
        seen[key] += 1
        kept.append(row)
    return kept


def keep(run: Path, example: Path) -> int:
    """Replace the example by that run; returns its bytes. The old one stays if the new one is refused.

    Raises:
        BadTable: timings.csv cannot be read.
        FileNotFoundError: the run lacks one of the files.
        TooLarge: it would be more than MOST_BYTES.
    """
    fresh = example.with_name(f".{example.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        for pattern in WHOLE:
            found = sorted(run.glob(pattern))
            if not found:
                raise FileNotFoundError(f"{run / pattern} is not there; finish the run first: make report")
            for path in found:
                target = fresh / path.relative_to(run)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        write_table(fresh / SAMPLE, TIMINGS, sample(read_table(run / "timings.csv", TIMINGS)))
        sizes = {path: path.stat().st_size for path in fresh.rglob("*") if path.is_file()}
        if (total := sum(sizes.values())) > MOST_BYTES:
            largest = sorted(sizes, key=lambda path: -sizes[path])[:3]
            named = ", ".join(f"{path.relative_to(fresh)} {sizes[path]:,}" for path in largest)
            raise TooLarge(f"{run} would be {total:,} bytes, and {MOST_BYTES:,} are allowed; the largest: {named}")
        shutil.rmtree(example, ignore_errors=True)
        fresh.replace(example)
        return total
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
