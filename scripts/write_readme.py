"""Renew the parts of README.md that are made from runs; the rest of the page stays as it is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from handoff.calibration import sentences
from handoff.figures.run import Run, read_run
from handoff.records import BadTable, write_atomically
from handoff.report import readme
from handoff.report.example import SAMPLE


def read_tables(folder: Path) -> Run:
    """The run's tables; of an example, which has no timings.csv, the sample of it."""
    timings = next((path for name in ("timings.csv", SAMPLE) if (path := folder / name).is_file()), folder / SAMPLE)
    return read_run(folder / "plan.json", folder / "summary.csv", timings, folder / "invocations.csv")


def machine(folder: Path) -> dict[str, Any]:
    """The description of the machine that measured the run: the first, should there be several."""
    found = sorted((folder / "machines").glob("*.json"))
    return dict(json.loads(found[0].read_text(encoding="utf-8"))) if found else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", type=Path, default=Path("results/example"), help="the run behind headline, rows, paste"
    )
    parser.add_argument("--article", type=Path, help="the run of config/article.yaml; without it that part stays")
    parser.add_argument("--calibration", type=Path, help="a calibration.json; without it that part stays")
    parser.add_argument("--readme", type=Path, default=Path("README.md"), help="the page to renew")
    given = parser.parse_args()
    try:
        run = read_tables(given.run)
        answers = json.loads((given.run / "recommendations.json").read_text(encoding="utf-8"))
        parts = {
            "headline": readme.headline(run, answers, machine(given.run)),
            "rows": readme.rows(run),
            "paste": readme.paste(run),
        }
        if given.article:
            hung = given.article / "deadlock.json"
            deadlock = json.loads(hung.read_text(encoding="utf-8")) if hung.is_file() else None
            parts["article"] = readme.article_part(read_tables(given.article), deadlock, machine(given.article))
        if given.calibration:
            parts["calibration"] = " ".join(sentences(json.loads(given.calibration.read_text(encoding="utf-8"))))
        page = readme.fill(given.readme.read_text(encoding="utf-8"), parts)
    except (BadTable, readme.BadReadme, OSError, ValueError) as error:
        raise SystemExit(f"write_readme: {error}") from error
    write_atomically(given.readme, page)


if __name__ == "__main__":
    main()
