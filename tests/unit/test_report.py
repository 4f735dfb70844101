"""The report: every sentence pattern as text, user's text escaped, one offline file that is not too big."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import re
import shutil
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from example_run import MIB, answers, array, example, example_machine, health_of, write_run
from invented_times import plan_of, run_of, steady

import write_report
from handoff.costs import overheads, rows
from handoff.figures import drawing, figure_names
from handoff.figures.run import Run
from handoff.health import CHECKS
from handoff.health.twice import Sentinel, sentinels
from handoff.probes import Entry, Finding
from handoff.records import BadTable
from handoff.report import answers as answering
from handoff.report import article, environment, moment, page, tables, trust, why_unsafe
from handoff.report.pictures import picture, pictures, within
from handoff.scenarios import Payload, Plan, Scenario
from handoff.strategies import TABLE
from handoff.summaries import block_values
from handoff.words import seconds

SEND = Scenario(array(4 * MIB, "4MiB"), "read", "send", 1)
REFERENCE = "pool_spawn-pickle"


class Page(HTMLParser):
    """What a test wants to know of a page."""

    VOID = ("meta", "br", "hr", "img", "link", "input", "path", "use", "rect", "circle")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.named: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} runs {name}"
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "srcset", "action"):
                self.links.append(value or "")
            if name == "aria-labelledby":
                self.named += (value or "").split()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)
        elif self.open[-1:] != ["style"]:
            self.text += data

    def rows(self, table: str) -> list[list[Any]]:
        """The cells of a table whose rows the page's script makes; [] if there is none of that name."""
        columns = json.loads(self.scripts[0])["tables"].get(table, {"columns": []})["columns"]
        cells = [
            [each["levels"][at] for at in each["cells"]] if "levels" in each else each["cells"] for each in columns
        ]
        return [list(row) for row in zip(*cells, strict=True)]

    @property
    def said(self) -> str:
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def run() -> Run:
    return example()


@pytest.fixture(scope="module")
def drawn(run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of the run's figures."""
    folder = tmp_path_factory.mktemp("figures")
    return drawn_into(folder, run)


def drawn_into(folder: Path, run: Run) -> list[Path]:
    files = [folder / f"{name}.svg" for name in figure_names()]
    for file in files:
        drawing.plot(file.stem, run, file)
    return files


@pytest.fixture(scope="module")
def html(run: Run, drawn: list[Path]) -> str:
    return page(run, answers(run), [example_machine()], pictures(drawn), health=health_of(run))


def test_one_offline_page_with_its_parts_in_order(html: str, drawn: list[Path]) -> None:
    read = Page(html)
    assert read.open == []
    assert set(read.tags).isdisjoint({"link", "iframe", "object", "base", "form"})
    inside = [link for link in read.links if not link.startswith("data:image/svg+xml;base64,")]
    assert all(link.startswith("#") and link[1:] in read.ids for link in inside)
    assert len(read.ids) == len(set(read.ids))
    assert set(read.named) <= set(read.ids)
    assert "default-src 'none'" in html
    order = ["answers", "now", "ranking", "phases", "size", "workers", "failures", "trust", "machine", "data", "method"]
    assert [name for name in read.ids if name in order] == order
    headings = [int(tag[1]) for tag in read.tags if tag in ("h1", "h2", "h3", "h4")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(headings))
    assert read.tags.count("svg") + read.tags.count("img") == sum(each.drawn for each in pictures(drawn))
    assert read.tags.count("table") == read.tags.count("caption")


def test_the_policy_lets_the_page_s_own_script_run_and_no_other(html: str) -> None:
    data, script = Page(html).scripts
    assert json.loads(data)["tables"]["summary"]["length"] > 0
    allowed = re.findall(r"script-src ([^;]+);", html)
    assert allowed == [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"]
    assert "connect-src 'none'" in html
    assert "</" not in script


def test_the_summary_is_in_the_page_as_data(run: Run, html: str) -> None:
    rows = Page(html).rows("summary")
    assert len(rows) == len(run.summary)
    medians = {(row["scenario"], row["strategy"]): row["median_s"] for row in run.summary}
    for scenario, strategy, _, median, *_ in rows:
        assert seconds(median) == seconds(medians[scenario, strategy])


def test_data_cannot_end_their_element() -> None:
    said = tables.embedded(["</script><!--", "&amp;", "\u2028\u202e", "é"])
    assert not set(said) & set("<>&\u2028\u202eé")
    assert json.loads(said) == ["</script><!--", "&amp;", "\u2028\u202e", "é"]


def test_a_figure_s_columns_have_the_unit_that_their_name_ends_with() -> None:
    names = ["strategy", "median, s", "extra, bytes", "ratio, low", "note", "per call, s"]
    table = tables.of_figure("t", names, [["a", 0.5, 2.0, 3.0, "x", "never"], ["b", None, 1, 2, 7.0, 1.0]], "f.json")
    assert [each.form for each in table.columns] == ["strategy", "seconds", "bytes", "ratio", "text", "text"]
    assert [each.title for each in table.columns][:4] == ["strategy", "median", "extra", "ratio, low"]
    assert tables.packed(table)["columns"][4]["levels"] == ["x", "7"]


@pytest.mark.parametrize("value", [0.0, 1.0, 0.02545, 0.025450021, 1234.5, 0.0099949999, 3.0e9, 1.2345678e-7])
def test_fewer_digits_are_shown_as_the_same_time(value: float) -> None:
    table = tables.Table("t", (tables.Column("x", "x", "seconds"),), [[value]], "t.csv")
    (short,) = tables.packed(table)["columns"][0]["cells"]
    assert seconds(short) == seconds(value)
    assert len(repr(short)) <= 14


def test_of_very_many_reasons_each_answer_keeps_some() -> None:
    one = {"rejected": [{"strategy": f"s{place}", "because": "it is slow"} for place in range(60)]}
    rows = tables.rejected([one, one, {"rejected": []}], 30).rows
    assert [row[0] for row in rows] == [1] * 10 + [2] * 10
    assert rows[9] == [1, "", "51 more stand in recommendations.json."]
    assert len(tables.rejected([one, one], 120).rows) == 120


def test_the_biggest_pictures_become_images(run: Run, drawn: list[Path]) -> None:
    found = pictures(drawn)
    biggest = max(found, key=lambda each: each.elements)
    room = sum(each.elements for each in found) - 1
    assert [each.name for each in within(found, room) if not each.inline] == [biggest.name]
    assert not any(each.inline for each in within(found, 0))
    html = page(run, answers(run), [], within(found, 0))
    assert len(re.findall("<[a-z]", html.split("<script")[0])) <= 5_000


def test_a_figure_with_nothing_to_draw_takes_one_line(run: Run, tmp_path: Path) -> None:
    alone = dataclasses.replace(run.plan, scenarios=run.plan.scenarios[-1:])
    drawing.plot("workers", dataclasses.replace(run, plan=alone), tmp_path / "workers.svg")
    (found,) = pictures([tmp_path / "workers.svg"])
    assert not found.drawn
    read = Page(page(run, answers(run), [], [found]))
    assert "workers" not in read.ids
    assert "How the time changes with the number of workers: No line to draw" in read.said
    assert "svg" not in read.tags


def test_the_numbers_beside_a_figure_are_read_or_named_as_damaged(run: Run, drawn: list[Path], tmp_path: Path) -> None:
    (tmp_path / "ranking.svg").write_bytes(drawn[0].read_bytes())
    numbers = tmp_path / "ranking.json"
    numbers.write_text(json.dumps({"title": "t", "columns": ["a", "b, s"], "rows": [["x", 0.5], ["</script>", None]]}))
    read = Page(page(run, answers(run), [], pictures([tmp_path / "ranking.svg"])))
    assert read.rows("ranking") == [["x", 0.5], ["</script>", None]]
    assert "numbers-ranking" in read.ids
    for wrong in ("{", "[]", '{"columns": ["a"], "rows": [["x", 1]]}', '{"columns": ["a"], "rows": [[[]]]}'):
        numbers.write_text(wrong)
        with pytest.raises(BadTable, match=r"ranking\.json"):
            picture(tmp_path / "ranking.svg")


@pytest.mark.parametrize(
    "run_, commands",
    [
        ("default", ["make report", "make thorough", "make again", "make report"]),
        ("smoke", ["make quick"] * 2),
        ("mine-flights", ["make mine PAYLOAD=… TASK=…"] * 2),
        ("other", ["snakemake --cores all --configfile CONFIG"] * 2),
    ],
)
def test_the_command_that_made_it(run_: str, commands: list[str]) -> None:
    assert [command for _, command in trust.commands(run_)] == commands


def test_the_page_says_what_it_rests_on(html: str) -> None:
    said = Page(html).said
    for part in (
        "Indicative: the answers rest on 6 blocks; it takes 10 to be sure.",
        "measured from 2026-01-01 12:00 UTC",
        "CPython 3.13.0",
        "Use threads-reference in all 9 scenarios.",
        "Next best: process_spawn-arena",
        "/dev/shm has 64 MiB: start the container with --shm-size=2g",
        "Order seed 1; 6 blocks planned, 5 to 6 blocks behind the times; 1 start of the workflow.",
        "it ran longer than its limit of 60 s",
        "a slow drift of the machine touches both sides alike",
        "Not checked, for want of blocks or of what the kernel tells: frequency, step, autocorrelation, modality.",
    ):
        assert part in said, part


def test_the_unsafe_way_is_marked_with_its_reason(html: str) -> None:
    assert why_unsafe("threads-reference") == ""
    assert why_unsafe("process_fork-inherit") in Page(html).said
    tables = html.split("<table>")[1:]
    named = [table.split("</table>")[0] for table in tables if "process_fork-inherit" in table.split("</table>")[0]]
    assert named
    assert all('process_fork-inherit</code> <span class="unsafe">' in table for table in named)


def test_the_same_tables_give_the_same_page(run: Run, drawn: list[Path], html: str) -> None:
    again = dataclasses.replace(run)
    assert page(again, answers(again), [example_machine()], pictures(drawn[::-1]), health=health_of(again)) == html


def test_user_text_is_escaped(run: Run, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\"'&{{ 7*7 }}"
    plan = dataclasses.replace(run.plan, run=hostile)
    invocations = [
        {**row, "status": "error", "fail_reason": hostile, "stderr_tail": hostile, "host": hostile, "swept": hostile}
        for row in run.invocations
    ]
    summary = [{**row, "status": "error", "reason": hostile} for row in run.summary]
    machine = {"hardware": {hostile: hostile}, "warnings": [{"what": hostile, "remedy": hostile}]}
    found = [{**answer, "why": hostile, "rejected": [{"strategy": "threads-reference", "because": hostile}]}
             for answer in answers(run)]  # fmt: skip
    warnings = [
        {"code": "drift", "severity": hostile, "scenario": scenario, "strategy": REFERENCE, "blocks": [hostile],
         "what": hostile, "cause": hostile, "remedy": hostile}
        for scenario in ("", run.plan.scenarios[0].id, hostile)
    ]  # fmt: skip
    health = {"warnings": warnings, "checked": [hostile]}
    html = page(Run(plan, summary, run.timings, invocations), found, [machine], [], health=health)
    read = Page(html)
    assert read.tags.count("script") == html.count("<script") == html.count("</script") == 2
    assert hostile in read.text
    assert hostile in read.rows("rejected")[0]


def test_what_was_found_out_and_what_it_costs_is_on_the_page(run: Run) -> None:
    beside = overheads(run.invocations, run.timings)
    costs = rows(run.plan, block_values(run.invocations, run.timings), (), beside)
    several = [{**row, "latency_s": 0.001, "smallest_bytes": 1024, "largest_bytes": 2**26, "residual": 0.021,
                "crossover_with_reference_bytes": 60000.0, "crossover_extrapolated": 0} for row in costs]  # fmt: skip
    found = [
        Entry("mine", "<b>:work", "/home", (Finding("function", "raises", "It raises <i>.", "Mend it.", "obstacle"),))
    ]
    html = page(dataclasses.replace(run, costs=several), answers(run), [], [], found_out=found)
    read = Page(html)
    said = read.said
    assert "It raises <i>. Mend it." in said
    assert "<b>:work" in said
    first = read.rows("costs")[0]
    assert first[1] == "1 KiB to 64 MiB"
    assert first[3].startswith("1.00 ms")
    assert first[-1].startswith("58.6 KiB")
    assert "What was found out" not in Page(page(run, answers(run), [], [])).said
    assert "What handing over costs" not in Page(page(run, answers(run), [], [])).said


def test_a_run_of_failures_has_a_page(run: Run) -> None:
    failed = [{**row, "status": "error", "reason": "boom", "median_s": None, "n_blocks": 0} for row in run.summary]
    none = [{**answer, "recommended": "", "runner_up": "", "tied_with": [], "saves_s": None, "confidence": "unclear",
             "snippet": "", "why": "Nothing can be recommended."} for answer in answers(run)]  # fmt: skip
    said = Page(page(Run(run.plan, failed, [], []), none, [], [])).said
    assert "Nothing can be recommended in this run." in said
    assert "The run's folder holds no description of a machine." in said
    assert "No strategy was timed twice" in said


def answer(**fields: Any) -> dict[str, Any]:
    base = {
        "recommended": "threads-reference", "saves_s": 0.013, "ratio_to_reference": 0.04, "ratio_low": 0.038,
        "ratio_high": 0.043, "confidence": "indicative", "measured_on": {"blocks": 6},
    }  # fmt: skip
    return {**base, **fields}


@pytest.mark.parametrize(
    "fields, said",
    [
        ({}, "To send array-4MiB to 1 worker, use threads-reference: it saves 13.0 ms a transfer "
             "and takes 0.040 [0.038, 0.043] of pool_spawn-pickle's time."),
        ({"ratio_low": None, "ratio_high": None},
         "To send array-4MiB to 1 worker, use threads-reference: it saves 13.0 ms a transfer "
         "and takes 0.040 of pool_spawn-pickle's time."),
        ({"saves_bytes": 2**27},
         "To send array-4MiB to 1 worker, use threads-reference: it saves 13.0 ms a transfer, "
         "takes 0.040 [0.038, 0.043] of pool_spawn-pickle's time and 128 MiB less memory."),
        ({"saves_bytes": -(2**24)},
         "To send array-4MiB to 1 worker, use threads-reference: it saves 13.0 ms a transfer, "
         "takes 0.040 [0.038, 0.043] of pool_spawn-pickle's time and 16 MiB more memory."),
        ({"recommended": REFERENCE, "saves_s": 0.0, "ratio_to_reference": 1.0},
         "To send array-4MiB to 1 worker, keep pool_spawn-pickle: "
         "nothing that can be used here is shown to be faster."),
        ({"saves_s": -0.0002, "ratio_to_reference": 1.01, "ratio_low": 0.98, "ratio_high": 1.04},
         "To send array-4MiB to 1 worker, use threads-reference: "
         "it takes 1.01 [0.98, 1.04] times as long as pool_spawn-pickle, which cannot be used here."),
        ({"saves_s": None, "ratio_to_reference": None},
         "To send array-4MiB to 1 worker, use threads-reference; pool_spawn-pickle has no time to compare it with."),
        ({"recommended": ""}, "To send array-4MiB to 1 worker, nothing can be recommended."),
    ],
)  # fmt: skip
def test_headlines(fields: dict[str, Any], said: str) -> None:
    assert answering.headline(SEND, answer(**fields), REFERENCE) == said


def test_how_sure_an_answer_is() -> None:
    assert answering.sureness(answer()) == "indicative, 6 blocks"
    assert answering.sureness(answer(confidence="unclear", measured_on={"blocks": 1})) == "unclear, 1 block"
    assert answering.sureness(answer(confidence="decided", measured_on={"blocks": 12})) == "decided, 12 blocks"
    assert answering.told_by_headline(answer())
    assert not answering.told_by_headline(answer(confidence="unclear"))
    assert not answering.told_by_headline(answer(ratio_high=None))


def test_the_answers_in_short() -> None:
    assert answering.in_short([answer()]) == "Use threads-reference in the one scenario of this run."
    several = [answer(), answer(), answer(recommended="process_spawn-arena"), answer(recommended="")]
    assert answering.in_short(several) == (
        "Use threads-reference in 2 of 4 scenarios, process_spawn-arena in 1; nothing can be recommended in 1."
    )
    assert answering.in_short([]) == "Nothing can be recommended in this run."


def test_the_caution_goes_by_the_blocks() -> None:
    assert answering.caution([answer(measured_on={"blocks": 10})]) == ""
    assert "rest on 6 blocks; it takes 10" in answering.caution([answer()])
    assert "2 blocks, and an interval needs 6" in answering.caution([answer(measured_on={"blocks": 2})])
    assert "can be recommended" in answering.caution([answer(recommended="")])


def test_snippets_are_those_of_the_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets" / "threads_reference.py").write_text("print('<hand over>')\n", encoding="utf-8")
    monkeypatch.setattr(answering, "LIBRARY", tmp_path)
    both = [
        answer(scenario="a", snippet="scripts/handoff/snippets/threads_reference.py"),
        answer(scenario="b", recommended="process_spawn-arena", snippet="scripts/handoff/snippets/missing.py"),
    ]
    (found,) = answering.snippets(both)
    assert (found.strategy, found.scenarios, found.code) == ("threads-reference", ["a"], "print('<hand over>')")


def test_snippets_have_the_user_s_own_in_them() -> None:
    mine = Payload("prices", "prices", path="/data/prices.parquet")
    scenarios = [Scenario(mine, task, "send", 1) for task in ("read", "shop:clean")]
    scenarios.append(SEND)
    file = "scripts/handoff/snippets/process_spawn_arena.py"
    told = [answer(scenario=each.id, recommended="process_spawn-arena", snippet=file) for each in scenarios]
    read, clean, made = answering.snippets(told, scenarios, {scenarios[1].id: 200 * MIB})
    assert [each.scenarios for each in (read, clean, made)] == [[scenario.id] for scenario in scenarios]
    assert 'payload = pd.read_parquet("/data/prices.parquet")  # your data' in read.code
    assert "SIZE = 64 * 2**20" in read.code
    assert "clean(pickle.loads(head" in clean.code
    assert "SIZE = 226 * 2**20" in clean.code
    assert "np.arange" in made.code
    assert "def work" in made.code


def test_the_page_shows_the_code_to_paste(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets" / "threads_reference.py").write_text("print('<hand over>')\n", encoding="utf-8")
    monkeypatch.setattr(answering, "LIBRARY", tmp_path)
    html = page(run, answers(run), [], [])
    assert "<pre" in html
    assert "print(&#39;&lt;hand over&gt;&#39;)" in html
    assert "scripts/handoff/snippets/threads_reference.py" in Page(html).said


def test_the_page_shows_the_article_beside_ours(run: Run) -> None:
    asked = dataclasses.replace(run, plan=dataclasses.replace(run.plan, experiments=("A1", "A6")))
    told = {"python": "3.11.7", "runs": 20, "hung": 19}
    said = Page(page(asked, answers(run), [], [], told)).said
    assert "1.801 s" in said
    assert "19 of 20 runs hung" in said
    assert "not asked for in this run" in said


def test_sentinels_compare_a_strategy_with_itself(run: Run) -> None:
    found = sentinels(run.plan, block_values(run.invocations, run.timings))
    assert {sentinel.strategy for sentinel in found} == {"inline", REFERENCE}
    assert len(found) == 2 * len(run.plan.scenarios)
    assert all(0.8 < sentinel.ratio < 1.25 and sentinel.n_blocks == 6 for sentinel in found)


def test_sentinels_in_words() -> None:
    def sentinel(ratio: float, low: float | None, high: float | None) -> Sentinel:
        return Sentinel(SEND, "inline", 6, ratio, low, high)

    assert trust.sentinels_said([]).startswith("No strategy was timed twice")
    assert trust.sentinels_said([sentinel(0.99, None, None)]) == (
        "1 comparison of a strategy with itself: their ratios lie between 0.99 and 0.99. Intervals need 6 blocks."
    )
    both = [sentinel(0.99, 0.95, 1.02), sentinel(1.2, 1.1, 1.3)]
    assert trust.sentinels_said(both).startswith(
        "1 of 2 comparisons of a strategy with itself hold 1 in their interval; their ratios lie between 0.99 and 1.20."
    )
    assert trust.sentinels_said(both, warned=True) == (
        "2 comparisons of a strategy with itself: their ratios lie between 0.99 and 1.20."
    ), "how many miss is told by the warning"


def warned(what: str, scenario: str = "", strategy: str = "", severity: str = "warning") -> dict[str, Any]:
    return {
        "code": "drift", "severity": severity, "scenario": scenario, "strategy": strategy, "blocks": [],
        "what": what, "cause": f"Cause of {what}", "remedy": f"Remedy of {what}",
    }  # fmt: skip


def test_each_warning_stands_where_it_matters_and_only_there(run: Run) -> None:
    here, there = (scenario.id for scenario in run.plan.scenarios[:2])
    warnings = [
        warned("The run."),
        warned("The reference.", here, REFERENCE),
        warned("The answer.", there, "threads-reference", "note"),
        warned("Another.", here, "process_spawn-pickle5"),
    ]
    html = page(run, answers(run), [], [], health={"warnings": warnings, "checked": ["drift"]})
    cards = [Page(card.split("</article>")[0]).said for card in html.split('<article class="answer">')[1:]]
    assert "warning The reference. Remedy of The reference." in cards[0]
    assert "1 note on these times The answer. Cause of The answer. Remedy of The answer." in cards[1]
    trusted = Page(html.split('aria-labelledby="h-trust">')[1].split("</section>")[0]).said
    assert "warning The run. Cause of The run. Remedy of The run." in trusted
    assert "1 more on strategies that are not the answer" in trusted
    assert [row[:2] for row in Page(html).rows("elsewhere")] == [[here, "process_spawn-pickle5"]]
    assert "A warning concerns this run as a whole: see how far to trust it." in Page(html.split("<main>")[0]).text
    said = Page(html).said
    assert [said.count(f"Remedy of {each['what']}") for each in warnings] == [1, 1, 1, 0]


def test_a_run_with_nothing_wrong_says_so(run: Run) -> None:
    said = Page(page(run, answers(run), [], [], health={"warnings": [], "checked": list(CHECKS)})).said
    assert "No check found anything wrong with the run as a whole. Checked: unstable, disturbed, frequency," in said
    assert "Not checked" not in said
    assert "A warning concerns this run" not in said


def test_not_all_of_many_warnings_are_shown(run: Run) -> None:
    most = trust.MOST_ELSEWHERE
    many = [warned(f"number {place}.", run.plan.scenarios[0].id, "process_spawn-arena") for place in range(most + 9)]
    read = Page(page(run, answers(run), [], [], health={"warnings": many, "checked": []}))
    assert f"{most + 9} more on strategies that are not the answer" in read.said
    assert read.rows("elsewhere")[-1][-1] == f"Remedy of number {most - 1}."
    assert "The others stand in health.json." in read.said


def test_failures_come_before_what_cannot_work(run: Run) -> None:
    found = [failure.status for failure in trust.failures(run)]
    mild = [status for status in found if status in ("skipped", "unsupported")]
    assert {"crashed", "error", "timeout"} == set(found) - set(mild)
    assert found[-len(mild) :] == sorted(mild)


def test_a_machine_in_words() -> None:
    machine = {
        "machine_id": "abc",
        "hardware": {
            "memory_bytes": 8 * 2**30,
            "caches": [{"level": 1, "size_bytes": 2**15}],
            "smt": True,
            "numa": None,
        },
        "warnings": [{"what": "a", "remedy": "b"}],
    }
    identity, hardware = environment.facts(machine)
    assert identity.lines == [("machine id", "abc")]
    assert hardware.lines == [
        ("memory", "8 GiB"), ("caches 1: level", "1"), ("caches 1: size", "32 KiB"), ("smt", "yes"), ("numa", "–"),
    ]  # fmt: skip
    assert environment.warnings(machine) == [("a", "b")]
    assert moment("2026-01-01T12:00:00Z") == "2026-01-01 12:00 UTC"
    assert moment("") == ""


def article_run(rows: list[dict[str, Any]], experiments: tuple[str, ...]) -> Run:
    plan = Plan("article", 1, 6, REFERENCE, 0.05, 0.1, 1800.0, {}, experiments, ())
    keys = {"status": "ok", "reason": "", "median_s": None, "low_s": None, "high_s": None}
    return Run(plan, [{**keys, **row} for row in rows], [], [])


A1 = "array-1GiB-uint8-ones.sum.send.w1.cold"


def test_the_article_beside_ours() -> None:
    run = article_run(
        [
            {"scenario": A1, "strategy": REFERENCE, "median_s": 3.0},
            {"scenario": A1, "strategy": "threads-reference", "median_s": 0.3},
            {"scenario": "array-8GiB-ones.sum.reusex10.w1", "strategy": "threads-reference", "status": "skipped",
             "reason": "needs 8 GiB, and 4 GiB are free"},
            {"scenario": "array-1GiB-ones.sum.reusex10.w1", "strategy": "threads-reference", "median_s": 0.8},
            {"scenario": "array-1GiB-ones.sum.reusex10.w4", "strategy": "threads-reference", "median_s": 0.4},
        ],
        ("A1", "A2", "A4", "A6"),
    )  # fmt: skip
    found = {each.experiment.id: each for each in article.beside(run)}
    assert list(found) == ["A1", "A2", "A3", "A4", "A5", "A6", "A7"]
    process, thread = found["A1"].lines
    assert (process.median_s, thread.article_ratio, thread.our_ratio) == (3.0, 1.801 / 0.310, 10.0)
    alone, together = found["A2"].lines
    assert alone.note == "scaled to 1/8: at full size skipped: needs 8 GiB, and 4 GiB are free"
    assert together.note == "scaled to 1/8"
    assert together.our_ratio == 2.0
    assert [line.note for line in found["A4"].lines] == ["not measured in this run"] * 2
    assert all(found[name].said == ["not asked for in this run"] for name in ("A3", "A5", "A7"))
    assert found["A6"].said == ["not measured in this run"]


def test_how_pickling_fades_as_the_task_grows_and_whether_it_is_the_bottleneck() -> None:
    scenario = Scenario(array(64 * MIB, "64MiB"), "busy", "send", 1, strategies=(REFERENCE, "threads-reference"))
    asked = dataclasses.replace(plan_of(scenario), experiments=("A3", "A7"))
    split = {"publish_s": 0.0, "dispatch_s": 0.2, "attach_s": 0.0, "task_s": 0.1, "reply_s": 0.0, "total_s": 0.3}
    made = run_of(asked, {scenario.id: {REFERENCE: steady(0.3), "threads-reference": steady(0.1)}})
    run = dataclasses.replace(made, timings=[{**row, **split} for row in made.timings])
    found = {each.experiment.id: each for each in article.beside(run)}
    assert [line.name for line in found["A3"].lines] == ["process", "thread"]
    assert found["A3"].lines[1].our_ratio == pytest.approx(3.0, rel=0.02)
    assert found["A3"].said == [
        "handing 64 MiB over by pickle takes 200 ms: measured, 67 % of a call whose task takes 100 ms; "
        "computed, 17 % of one of 1 s, 2 % of one of 10 s, 0.033 % of one of 10 min"
    ]
    assert found["A7"].said == [
        "A3: Of 300 ms, moving takes 67 %, the task 33 % (33 to 33 % over 6 blocks): 67 % is the hand-over. "
        "If that took no time, and the task as long as now, it would be 3.00 times as fast"
    ]
    nothing = article_run([], ("A3", "A7"))
    assert [each.said for each in article.beside(nothing) if each.experiment.id in ("A3", "A7")] == [
        [], ["not measured in this run"],
    ]  # fmt: skip


def test_the_page_says_where_the_time_goes_now(run: Run, html: str) -> None:
    part = Page(html.split('aria-labelledby="h-now">')[1].split("</section>")[0]).said
    first = run.plan.scenarios[0]
    assert f"To send array-64KiB to 1 worker ({first.id}): Of " in part
    assert "the task read 3 %" in part
    assert "Starting the workers took 400 ms before, once." in part
    assert part.count("is the hand-over") == len(run.plan.scenarios)


def test_shared_memory_has_no_figure_in_the_article_and_one_here() -> None:
    large, small = "array-64MiB.read.send.w1", article.LISTED
    run = article_run(
        [
            {"scenario": large, "strategy": REFERENCE, "median_s": 0.3},
            {"scenario": large, "strategy": "process_spawn-shared_memory", "median_s": 0.1},
            {"scenario": small, "strategy": REFERENCE, "median_s": 0.001},
            {"scenario": small, "strategy": "process_spawn-shareable_list", "median_s": 0.007},
        ],
        ("A5",),
    )
    (five,) = [each for each in article.beside(run) if each.experiment.id == "A5"]
    pickled, shared = five.lines
    assert (pickled.article_s, shared.article_ratio) == (None, None)
    assert shared.our_ratio == pytest.approx(3.0)
    assert five.said == ["64 KiB of the same numbers in a ShareableList take 7.00 times as long as pickled"]


def test_lines_of_different_sizes_have_no_ratio() -> None:
    run = article_run(
        [
            {"scenario": "array-8GiB-ones.sum.reusex10.w1", "strategy": "threads-reference", "median_s": 6.0},
            {"scenario": "array-1GiB-ones.sum.reusex10.w4", "strategy": "threads-reference", "median_s": 0.4},
        ],
        ("A2",),
    )
    (two,) = [each for each in article.beside(run) if each.experiment.id == "A2"]
    assert two.lines[1].our_ratio is None
    (one,) = [each for each in article.beside(run) if each.experiment.id == "A1"]
    assert one.said == ["not asked for in this run"]


def explained(blocks: int = 6, **seconds: tuple[float, float]) -> Run:
    """A run of A2 in which one worker and two took so long, by 'task_of_threads' or 'task_of_processes'."""
    ways = {"threads": "threads-reference", "processes": "process_spawn-shared_memory"}
    array_ = Payload("array-64MiB", "array", 64 * MIB)
    scenarios: dict[str, Scenario] = {}
    times: dict[str, dict[str, list[float]]] = {}
    for name, both in seconds.items():
        task, _, who = name.split("_")
        for workers, value in zip((1, 2), both, strict=True):
            scenario = Scenario(array_, task, "reuse", workers, 8, strategies=tuple(ways.values()))
            scenarios[scenario.id] = scenario
            own = times.setdefault(scenario.id, {way: [math.inf] * blocks for way in ways.values()})
            own[ways[who]] = steady(value, blocks, turn=workers)
    plan = plan_of(*scenarios.values(), blocks=blocks)
    return run_of(dataclasses.replace(plan, experiments=("A2",)), times)


def test_what_a_second_worker_brings_in_words() -> None:
    run = explained(
        sum_of_threads=(0.19, 0.1), loop_of_threads=(0.3, 0.3), sum_of_processes=(0.2, 0.16),
        loop_of_processes=(0.4, 0.2),
    )  # fmt: skip
    assert article.two_workers_said(run) == [
        "2 threads against one: sum (lets go of the GIL) 1.90 [1.88, 1.91] and "
        "loop (holds the GIL) 1.00 [0.99, 1.01] times as fast, the hand-over included",
        "2 processes over shared memory against one: sum (lets go of the GIL) 1.25 [1.24, 1.26] and "
        "loop (holds the GIL) 2.00 [1.98, 2.01] times as fast, the hand-over included",
    ]


def test_without_times_or_blocks_less_is_said_of_two_workers() -> None:
    assert article.two_workers_said(explained(2, loop_of_threads=(0.3, 0.3), sum_of_processes=(0.2, 0.1))) == [
        "2 threads against one: loop (holds the GIL) 1.00 times as fast, the hand-over included",
        "2 processes over shared memory against one: sum (lets go of the GIL) 2.00 times as fast, "
        "the hand-over included",
    ]
    assert article.two_workers_said(article_run([], ("A2",))) == []


@pytest.mark.parametrize(
    "cores, said",
    [
        (1, ["this machine has 1 core, on which 2 or 4 workers take turns"]),
        (2, ["this machine has 2 cores, on which 4 workers take turns"]),
        (4, []),
        (None, []),
    ],
)
def test_fewer_cores_than_workers_are_said(cores: int | None, said: list[str]) -> None:
    assert article.crowding_said([{"hardware": {"cores": cores}}]) == said


def test_a2_explained_stands_below_its_lines() -> None:
    two = explained(sum_of_threads=(0.2, 0.1))
    html = page(two, [], [example_machine()], [])
    said = Page(html).said
    assert "2 threads against one: sum (lets go of the GIL) 2.00" in said
    assert "this machine has 2 cores, on which 4 workers take turns" in said
    assert html.count('<th scope="rowgroup" rowspan="3">A2, just use threads</th>') == 1


def test_a_run_of_other_things_says_nothing_of_the_article(run: Run) -> None:
    assert article.beside(run) == []


def test_the_deadlock_in_words() -> None:
    assert article.deadlock_said(None) == ["not measured in this run"]
    told = {
        "python": "3.11.7", "runs": 20, "hung": 19, "unbuffered": {"runs": 20, "hung": 0},
        "deterministic": {"runs": 1, "hung": 1}, "note": "each was ended after 5 s",
    }  # fmt: skip
    assert article.deadlock_said(told) == [
        "the article's program, Python 3.11.7: 19 of 20 runs hung",
        "the same with PYTHONUNBUFFERED=1: 0 of 20 runs hung",
        "a thread that holds a lock at the moment of the fork: 1 of 1 run hung",
        "each was ended after 5 s",
    ]
    assert article.deadlock_said({"note": "no fork here"}) == ["no fork here"]


def test_a_damaged_figure_is_named(tmp_path: Path) -> None:
    (tmp_path / "ranking.svg").write_text("<svg", encoding="utf-8")
    with pytest.raises(BadTable, match=r"ranking\.svg: no figure that can be read"):
        picture(tmp_path / "ranking.svg")
    with pytest.raises(BadTable, match=r"phases\.svg"):
        picture(tmp_path / "phases.svg")


@pytest.mark.slow
def test_a_big_run_stays_below_three_megabytes(tmp_path: Path) -> None:
    run = example()
    names = tuple(strategy.id for strategy in TABLE)
    sizes = [(2**power * 2**10, f"{2**power}KiB") for power in range(20)]
    many = tuple(
        Scenario(array(size, name), "read", pattern, workers, strategies=names)
        for size, name in sizes for pattern in ("send", "return") for workers in (1, 2)
    )  # fmt: skip
    like = {row["strategy"]: row for row in run.summary if row["scenario"] == "array-4MiB.read.send.w1"}
    summary = [
        {**row, "scenario": scenario.id, "payload": scenario.payload.id, "payload_bytes": scenario.payload.size}
        for scenario in many for row in like.values()
    ]  # fmt: skip
    timings = [row for row in run.timings if row["scenario"] == "array-4MiB.read.send.w1"]
    spread = [{**row, "scenario": scenario.id} for scenario in many for row in timings]
    big = Run(dataclasses.replace(run.plan, scenarios=many), summary, spread, run.invocations)
    assert len(spread) > 10_000
    html = page(big, answers(run), [example_machine()], pictures(drawn_into(tmp_path, big)))
    assert len(html.encode()) <= 3_000_000
    assert f"{len(many) - drawing.MOST_PANELS} more scenarios" in html


def test_the_command_writes_the_page(
    run: Run, drawn: list[Path], html: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_run(run, tmp_path)
    tables = ("plan", "summary", "timings", "invocations", "recommendations", "health", "machine")
    command = ["write_report.py", *(f"--{name}={paths[name]}" for name in tables), "--figure", *map(str, drawn)]
    monkeypatch.setattr(sys, "argv", [*command, f"--out={tmp_path}/report.html"])
    write_report.main()
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html
    paths["recommendations"].write_text("{")
    with pytest.raises(SystemExit, match=r"write_report: .*recommendations\.json: cannot be read"):
        write_report.main()


def test_a_payload_of_a_user_is_named_as_it_is() -> None:
    own = Scenario(Payload("größe_1", "größe_1", 0, path="größe 1.npy"), "read", "send", 1)
    assert "send größe_1 to 1 worker" in answering.headline(own, answer(), REFERENCE)


def test_a_new_figure_is_on_the_page_without_a_line_for_it(run: Run, drawn: list[Path], tmp_path: Path) -> None:
    new = tmp_path / "brand_new.svg"
    shutil.copyfile(drawn[0], new)
    read = Page(page(run, answers(run), [], [*pictures(drawn), picture(new)], health=health_of(run)))
    assert "figure-brand_new" in read.ids
    assert "#figure-brand_new" in read.links
