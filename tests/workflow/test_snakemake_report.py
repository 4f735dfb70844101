"""Snakemake's own report: every figure and table is in it with its caption, nothing of the config is markup there,
and marking results for it measures nothing again."""

from __future__ import annotations

import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from running import PATIENCE, ROOT, TINY, Workflow

from handoff.figures import FIGURES

CAPTIONS = ROOT / "workflow" / "report"
HOSTILE = "tiny <img src=x onerror=alert(1)> `now <javascript:alert(1)>`_"


class Images(HTMLParser):
    """The sources of a page's images."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.sources.append(str(dict(attrs).get("src")))


def test_every_figure_has_a_caption_of_its_own() -> None:
    listed = re.findall(r'^    "(\w+)":', (CAPTIONS / "figure.rst").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {*FIGURES} <= {*listed}


def test_captions_take_nothing_from_a_config() -> None:
    """What reStructuredText makes of a name can be any HTML, so no name may come in."""
    files = sorted(CAPTIONS.glob("*.rst"))
    taken = {found for file in files for found in re.findall(r"snakemake[\w.]*|config\w*", file.read_text("utf-8"))}
    assert len(files) >= 5
    assert taken == {"snakemake.wildcards.figure"}


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_the_report_holds_every_figure_table_and_caption(tmp_path: Path) -> None:
    flow = Workflow(tmp_path, TINY | {"run": HOSTILE})
    flow.start()
    before = flow.written()
    flow.start("--report", "report.zip")
    with zipfile.ZipFile(tmp_path / "report.zip") as report:
        held = [Path(name).name for name in report.namelist() if "/data/" in name]
        html = report.read("report/report.html").decode("utf-8")
    tables = ["summary.csv", "recommendations.csv", "costs.csv"]
    assert sorted(held) == sorted([*(f"{figure}.svg" for figure in FIGURES), *tables, "report.html"])
    for part in ("Answer", "Figures", "Tables", *FIGURES.values(), "Handoff measured ways of handing data"):
        assert part in html, part
    for file in CAPTIONS.glob("*.rst"):
        if file.name not in ("figure.rst", "workflow.rst"):
            assert file.read_text("utf-8").split("\n")[0].split("*")[0] in html, file.name
    assert "Where the time of a transfer goes: publish" in html
    assert "x" not in Images(html).sources

    flow.start("--report", "report.html")
    assert "x" not in Images((tmp_path / "report.html").read_text(encoding="utf-8")).sources
    assert "Nothing to be done" in flow.start()
    assert flow.written() == before
