"""The generated parts of README.md say what the tables say, and nothing else of the page changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from example_run import answers, example, example_machine, write_run

from handoff.figures.run import Run
from handoff.records import write_atomically
from handoff.report import readme
from handoff.report.example import FIRST, TooLarge, keep, sample
from handoff.strategies import executor_facts, find
from handoff.words import number, seconds

ROOT = Path(__file__).parents[2]
PARTS = ("article", "calibration", "headline", "paste", "rows")


@pytest.fixture(scope="module")
def run() -> Run:
    return example()


def marked(*names: str) -> str:
    return "\n".join(f"<!-- generated: {name} -->\n(made by make example)\n<!-- end -->" for name in names)


# The page and its markers.


def test_only_what_stands_between_the_markers_changes() -> None:
    page = f"before\n{marked('one', 'two')}\nafter\n"
    filled = readme.fill(page, {"one": "first \\1 \\g<0>\n"})
    assert filled == page.replace("(made by make example)", "first \\1 \\g<0>", 1)
    assert readme.fill(filled, {"one": "first \\1 \\g<0>"}) == filled, "filling again changes nothing"


@pytest.mark.parametrize("page, places", [("no marker", "0 places"), (marked("rows", "rows"), "2 places")])
def test_a_part_without_one_place_is_an_error(page: str, places: str) -> None:
    with pytest.raises(readme.BadReadme, match=f"the page has {places} for the part 'rows'"):
        readme.fill(page, {"rows": "text"})


def test_the_readme_has_a_place_for_every_part() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert sorted(match[2] for match in readme.MARKED.finditer(page)) == list(PARTS)


def test_the_files_that_the_readme_links_to_are_there() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    made = ("results/",)
    links = [link for link in readme.re.findall(r"\]\(([^)#]+)\)", page) if "://" not in link]
    assert links
    assert [link for link in links if not link.startswith(made) and not (ROOT / link).exists()] == []


# The parts.


def test_the_headline_has_a_line_a_scenario_with_the_summarys_figures(run: Run) -> None:
    said = readme.headline(run, answers(run), example_machine())
    lines = said.splitlines()[2:]
    for scenario, answer, line in zip(run.plan.scenarios, answers(run), lines, strict=False):
        row, reference = run.row(scenario, answer["recommended"]), run.row(scenario, run.plan.reference)
        assert row is not None
        assert reference is not None
        assert f"| {seconds(number(reference, 'median_s'))} | `{answer['recommended']}` |" in line
        assert f"| {seconds(number(row, 'median_s'))} |" in line
    assert "Medians of 5 to 6 blocks, on Example CPU &lt;3 GHz>, 2 cores, 8 GiB of memory" in said
    assert "Below 10 blocks all of it is indicative." in said


def test_the_headline_of_ten_blocks_is_not_indicative() -> None:
    run = example(blocks=12, strategies=["threads-reference", "pool_spawn-pickle"])
    assert "indicative" not in readme.headline(run, answers(run), example_machine())


def test_what_is_told_of_processes_is_safe_and_hands_an_object_over(run: Run) -> None:
    for scenario in run.plan.scenarios:
        row = readme._between_processes(run, scenario)
        assert row is not None
        strategy = find(str(row["strategy"]))
        assert strategy.safe
        assert executor_facts(strategy.executor).processes
        assert strategy.transport not in ("inherit", "load_in_worker")


def test_three_lines_are_a_reference_a_shared_one_and_one_that_cannot_be(run: Run) -> None:
    said = readme.rows(run)
    line = next(line for line in said.splitlines() if line.startswith("| `strategy` |"))
    assert line.startswith("| `strategy` | pool_spawn-pickle | process_spawn-arena | ")
    assert "| `status` | ok | ok | unsupported |" in said
    assert "| `total_s` |" in said
    assert "schema_version" not in said


def test_where_nothing_is_missing_the_third_line_is_an_instrumented_one() -> None:
    said = readme.rows(example(strategies=["threads-reference", "pool_spawn-pickle", "process_spawn-arena"]))
    assert "| `instrumented` | 0 | 0 | 1 |" in said


def test_every_row_of_a_table_has_the_headers_columns(run: Run) -> None:
    for said in (readme.rows(run), readme.headline(run, answers(run), example_machine())):
        lines = [line for line in said.splitlines() if line.startswith("|")]
        assert len({readme.re.sub(r"\\\|", "", line).count("|") for line in lines}) == 1


def test_the_snippet_is_the_file_of_the_fastest_way_between_processes(run: Run) -> None:
    said = readme.paste(run)
    assert said.startswith("To send array-256MiB to 1 worker, `process_spawn-arena` takes ")
    code = (ROOT / "scripts" / "handoff" / "snippets" / "process_spawn_arena.py").read_text(encoding="utf-8")
    assert f"```python\n{code}```" in said


def test_the_articles_figures_stand_beside_ours() -> None:
    run = example(experiments=["A1", "A2", "A4", "A6"])
    deadlock = {"python": "3.13.0", "runs": 10, "hung": 3}
    said = readme.article_part(run, deadlock, example_machine())
    assert "| A1: a thread against a process | process | 1.801 s | – (not measured in this run) |" in said
    assert "the article's program, Python 3.13.0: 3 of 10 runs hung" in said
    assert "| A3: live with it |" in said
    assert "Ours: 5 to 6 blocks, CPython 3.13.0, on Example CPU" in said


def test_a_run_without_the_articles_experiments_is_refused(run: Run) -> None:
    with pytest.raises(readme.BadReadme, match="lists none of the article's experiments; make article"):
        readme.article_part(run, None, {})


# The example, and the two programs.


def test_the_sample_has_few_rows_of_each_sort_and_all_without_a_time(run: Run) -> None:
    kept = sample(run.timings)
    assert {row["block"] for row in kept} == {1}
    failed = [row for row in run.timings if row["block"] == 1 and row["status"] != "ok"]
    assert [row for row in kept if row["status"] != "ok"] == failed
    sorts = [(row["strategy"], row["scenario"], row["warm"], row["instrumented"]) for row in kept]
    assert max(map(sorts.count, sorts)) <= FIRST
    assert set(map(readme._cell, (str(row["strategy"]) for row in kept))) == {str(r["strategy"]) for r in run.timings}


def finished(run: Run, folder: Path) -> Path:
    """A run's folder as the workflow leaves it."""
    paths = write_run(run, folder)
    (folder / "machines").mkdir()
    paths["machine"].rename(folder / "machines" / "0123456789ab.json")
    written = ("recommendations.csv", "costs.csv", "answer.txt", "report.html", "figures/ranking.svg")
    for name in (*written, "figures/ranking.json", "logs/all.log"):
        write_atomically(folder / name, "text\n")
    return folder


def test_an_example_is_kept_and_the_page_made_from_it(run: Run, tmp_path: Path) -> None:
    folder, page = finished(run, tmp_path / "run"), tmp_path / "README.md"
    page.write_text(marked(*PARTS), encoding="utf-8")

    def script(name: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "scripts" / name), *options]
        return subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)

    kept = script("keep_example.py", "--run", str(folder), "--example", "example")
    assert kept.returncode == 0, kept.stderr
    names = {path.relative_to(tmp_path / "example").as_posix() for path in (tmp_path / "example").rglob("*.*")}
    assert {"plan.json", "timings.sample.csv", "figures/ranking.svg", "machines/0123456789ab.json"} <= names
    assert not names & {"timings.csv", "logs/all.log"}
    written = script("write_readme.py", "--run", "example", "--readme", str(page))
    assert written.returncode == 0, written.stderr
    text = page.read_text(encoding="utf-8")
    assert text.count("(made by make example)") == 2, "article and calibration stay without their options"
    assert readme.headline(run, answers(run), example_machine()) in text
    assert readme.paste(run) in text


def test_too_large_an_example_is_refused_and_the_old_one_stays(run: Run, tmp_path: Path) -> None:
    folder, old = finished(run, tmp_path / "run"), tmp_path / "example"
    write_atomically(old / "old.txt", "old")
    write_atomically(folder / "report.html", "x" * 1_000_000)
    with pytest.raises(TooLarge, match=r"and 1,000,000 are allowed; the largest: report\.html 1,000,000"):
        keep(folder, old)
    assert [path.name for path in tmp_path.iterdir() if path.name != "run"] == ["example"]
    assert [path.name for path in old.iterdir()] == ["old.txt"]


def test_an_unfinished_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"plan\.json is not there; finish the run first: make report"):
        keep(tmp_path / "run", tmp_path / "example")
