"""Names that a shell, a template, HTML or CSV could take for something else: they stay names, everywhere."""

from __future__ import annotations

import csv
import html.parser
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest
from surroundings import ROOT, SMALL, Run, Workflow, project_in, saw

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

SIGNS: Final = """a b;$(touch pwned)`touch pwned`'"&&<img src=x onerror=alert(1)>%s|*é#~!"""
"""For a name of a file or folder: it has no '/'; a shell, a format, HTML or a glob knows each of its signs."""

BRACED: Final = SIGNS + "{x}"
"""Snakemake knows this one, too: it may name what Snakemake does not see."""


class Page(html.parser.HTMLParser):
    """What a browser makes of a page: its text, and what of it could run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.images: list[str | None] = []
        self.runs: list[str] = []
        self._within = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.images += [value for name, value in attrs if tag == "img" and name == "src"]
        self.runs += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within not in ("script", "style"):
            self.text += data


def python_in(folder: Path) -> Path:
    """A Python in that folder, with this one's packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    Path(packages, "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def test_names_stay_names(tmp_path: Path) -> None:
    folder = tmp_path / f"work {BRACED}"
    (folder / BRACED).mkdir(parents=True)
    mine = folder / BRACED / f"{BRACED}.parquet"
    frame = pd.DataFrame({f"{BRACED}</script>": range(1000), "=1+1": 0.5, "": "text", "a\nb": 1})
    frame.to_parquet(mine)
    entry = SMALL["scenarios"][0]
    numbers = folder / BRACED / "numbers.npy"
    np.save(numbers, np.arange(1000.0))
    flow = Workflow(folder, {
        **SMALL, "run": SIGNS, "strategies": ["process_spawn-parquet-tmpfs"],
        "scenarios": [
            {**entry, "payload": {"file": str(mine.relative_to(folder))}},
            {**entry, "payload": {"file": str(numbers), "name": "</script>$(touch pwned)'\"<img src=x>{x}/.."}},
        ],
    }, project_in(tmp_path / f"project {SIGNS}"))  # fmt: skip
    python = python_in(tmp_path / f"python {BRACED}")
    Run(flow, python=python).succeeded()

    assert [path for path in tmp_path.rglob("*") if path.name in ("pwned", "x")] == []
    assert {row["run"] for row in flow.invocations} == {SIGNS}
    assert {row["status"] for row in flow.timings} == {"ok", "unsupported"}  # Parquet holds no array
    assert len({row["scenario"] for row in flow.timings if row["status"] == "ok"}) == 2
    for table in flow.run.glob("*.csv"):
        with table.open(encoding="utf-8", newline="") as file:
            assert len({len(cells) for cells in csv.reader(file)}) == 1
    page = Page((flow.run / "report.html").read_text("utf-8"))
    assert SIGNS in page.text
    assert page.runs == []
    assert "x" not in page.images

    # Other data in the same file are measured by the next start.
    before = flow.written()
    frame[::-1].to_parquet(mine)
    os.utime(mine, (1e9, 1e9))  # also where it is an old file that was put there
    assert "because the payload's file changed" in Run(flow, f"results/{SIGNS}/timings.csv", python=python).succeeded()
    after = flow.written()
    kind = next(str(row["kind"]) for row in flow.timings if "parquet" in str(row["strategy"]) and row["status"] == "ok")
    assert {file for file in before if after[file] != before[file]} == {f for f in before if f"/{kind}/" in f}
    saw("names are full of blanks, quotes, `$`, `;`, `<`, `%`", "they stay names in shells, CSV and the report", [])


@pytest.mark.parametrize("name", ["run", "project"])
def test_names_that_snakemake_takes_for_patterns_are_refused(tmp_path: Path, name: str) -> None:
    root = project_in(tmp_path / BRACED) if name == "project" else ROOT
    folder = tmp_path / "work"
    folder.mkdir()
    flow = Workflow(folder, {**SMALL, "run": "a {x}"} if name == "run" else SMALL, root)
    printed = Run(flow).failed()
    assert ("cannot name a folder inside results/" if name == "run" else "a folder with braces in its name") in printed
    assert not (folder / "results").exists()
    saw(f"the {name}'s name has braces", "one error before anything is measured", [])
