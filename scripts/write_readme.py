"""Renew the parts of README.md that are made from runs; the rest of the page stays as it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.calibration import read_sentences
from handoff.figures.run import Run, read_run
from handoff.machine import Facts, read_machine
from handoff.mistakes import step
from handoff.recommend import read_answers
from handoff.records import write_atomically
from handoff.report import article, readme
from handoff.report.example import SAMPLE


def read_tables(folder: Path) -> Run:
    """The run's tables; of an example, which has no timings.csv, the sample of it."""
    timings = next((path for name in ("timings.csv", SAMPLE) if (path := folder / name).is_file()), folder / SAMPLE)
    return read_run(folder / "plan.json", folder / "summary.csv", timings, folder / "invocations.csv")


def machine(folder: Path) -> Facts:
    """The description of the machine that measured the run: the first, should there be several."""
    found = sorted((folder / "machines").glob("*.json"))
    return read_machine(found[0]) if found else {}


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", type=Path, default=Path("results/example"), help="the run behind headline, rows, paste"
    )
    parser.add_argument("--article", type=Path, help="the run of config/article.yaml; without it that part stays")
    parser.add_argument("--calibration", type=Path, help="a calibration.json; without it that part stays")
    parser.add_argument("--readme", type=Path, default=Path("README.md"), help="the page to renew")
    given = parser.parse_args()
    run = read_tables(given.run)
    parts = {
        "headline": readme.headline(run, read_answers(given.run / "recommendations.json"), machine(given.run)),
        "rows": readme.rows(run),
        "paste": readme.paste(run),
    }
    if given.article:
        hung = given.article / "deadlock.json"
        deadlock = article.read_deadlock(hung) if hung.is_file() else None
        parts["article"] = readme.article_part(read_tables(given.article), deadlock, machine(given.article))
    if given.calibration:
        parts["calibration"] = " ".join(read_sentences(given.calibration))
    page = readme.fill(readme.read_page(given.readme), parts)
    write_atomically(given.readme, page)


if __name__ == "__main__":
    main()
