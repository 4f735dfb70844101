"""Figures: the same bytes for the same tables, text as text, one look a strategy, and nothing left unsaid."""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from example_run import example, write_run
from hypothesis import given
from hypothesis import strategies as st
from invented_times import plan_of, run_of, steady
from large_run import with_costs

import plot_figure
from handoff import figures
from handoff.figures import drawing, failures, lines
from handoff.figures.run import Run, words
from handoff.figures.style import label, look, ticks
from handoff.figures.svg import CAPTION, SVG
from handoff.records import COSTS, STATUSES, write_table
from handoff.scenarios import Payload, Scenario
from handoff.strategies import SENTINEL, TABLE
from handoff.words import tick

NAMES = figures.figure_names()


@pytest.fixture(scope="module")
def run() -> Run:
    return with_memory(with_costs(example()))


def with_memory(run: Run) -> Run:
    """The invented run, in which more memory buys time."""
    rows = [
        {**row, "peak_extra_bytes": int(2**20 / (row["median_s"] or 1.0)) if row["median_s"] else None}
        for row in run.summary
    ]
    return dataclasses.replace(run, summary=rows)


@pytest.fixture(scope="module")
def written(run: Run) -> dict[str, str]:
    return {name: drawing.to_svg(name, run) for name in NAMES}


@pytest.fixture(scope="module")
def drawn(written: dict[str, str]) -> dict[str, ElementTree.Element]:
    return {name: ElementTree.fromstring(text.encode()) for name, text in written.items()}


def texts(svg: ElementTree.Element) -> str:
    return "\n".join("".join(element.itertext()) for element in svg.iter(f"{{{SVG}}}text"))


def caption(svg: ElementTree.Element) -> str:
    return svg.findtext(f"{{{SVG}}}desc", "")


def test_the_table_names_the_files_that_draw() -> None:
    folder = Path(figures.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "\ndef draw(run: Run) -> Drawing:" in path.read_text()}
    assert files == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_same_tables_same_bytes(name: str, run: Run, written: dict[str, str]) -> None:
    assert drawing.to_svg(name, dataclasses.replace(run)) == written[name]


@pytest.mark.parametrize("name", ["ranking", "decision_map", "drift"])
def test_same_tables_same_pixels_without_a_date_or_a_version(name: str, run: Run) -> None:
    pixels = drawing.to_png(name, run)
    assert pixels == drawing.to_png(name, dataclasses.replace(run))
    assert {kind for kind, _ in chunks(pixels)} <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    assert struct.unpack(">II", dict(chunks(pixels))[b"pHYs"][:8]) == (round(drawing.DOTS / 0.0254),) * 2


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_says_what_it_shows(name: str, drawn: dict[str, ElementTree.Element]) -> None:
    svg = drawn[name]
    assert svg.get("role") == "img"
    assert svg.findtext(f"{{{SVG}}}title") == figures.FIGURES[name]
    assert "block" in caption(svg)
    assert "Not shown" in caption(svg)
    shown = " ".join(text for group in svg if group.get("id") == CAPTION for text in group.itertext())
    assert shown.split() == caption(svg).split()


@pytest.mark.parametrize("name", NAMES)
def test_text_is_text_and_nothing_is_loaded(name: str, drawn: dict[str, ElementTree.Element]) -> None:
    svg = drawn[name]
    known = {"start_up": "pool_spawn", "drift": "pool_spawn-pickle"}
    assert known.get(name, "threads-reference") in texts(svg)
    assert {element.tag.removeprefix(f"{{{SVG}}}") for element in svg.iter()}.isdisjoint({"script", "image", "style"})
    links = [value for element in svg.iter() for key, value in element.attrib.items() if key.endswith("href")]
    assert all(link.startswith("#") for link in links)


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_has_its_target(name: str, drawn: dict[str, ElementTree.Element]) -> None:
    svg = drawn[name]
    ids = [element.get("id") for element in svg.iter() if element.get("id")]
    text = ElementTree.tostring(svg, encoding="unicode")
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([\w.-]+)', text)) <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_without_rows_says_so(name: str, run: Run) -> None:
    svg = ElementTree.fromstring(drawing.to_svg(name, Run(run.plan, [], [], [])).encode())
    assert re.match(r"There (is|are) no |No line to draw", caption(svg))
    assert caption(svg) in " ".join(texts(svg).split())


def test_a_run_in_which_all_failed_still_shows_the_failures(run: Run) -> None:
    failed = [{**row, "status": "error", "reason": "boom", "median_s": None, "n_blocks": 0} for row in run.summary]
    nothing = Run(run.plan, failed, [], [])
    assert "no transfer of this run succeeded" in drawing.to_svg("ranking", nothing)
    assert "no transfer of this run succeeded" in drawing.to_svg("phases", nothing)
    assert "error" in texts(ElementTree.fromstring(drawing.to_svg("failures", nothing).encode()))


def test_below_six_blocks_there_is_no_interval_and_the_caption_says_so() -> None:
    few = with_costs(example(blocks=2))
    for name in ("ranking", "time_against_size", "workers", "break_even"):
        assert "No intervals: they need 6 blocks." in drawing.to_svg(name, few)


def test_the_ranking_is_sorted_and_shows_failures(drawn: dict[str, ElementTree.Element]) -> None:
    shown = texts(drawn["ranking"])
    assert "pool_spawn-pickle (reference)" in shown
    assert "process_fork-inherit (unsafe)" in shown
    assert "timeout" in shown
    assert "it ran longer than its limit of 60 s" in shown
    assert "unsupported" in shown


def test_sizes_that_failed_stand_beside_the_name(drawn: dict[str, ElementTree.Element]) -> None:
    assert "process_spawn-shared_memory (256MiB: skipped)" in texts(drawn["time_against_size"])


def test_workers_have_a_panel_for_each_payload_task_and_pattern_with_two_counts(run: Run) -> None:
    shown = texts(ElementTree.fromstring(drawing.to_svg("workers", run).encode()))
    assert re.findall(r"send one ([\w-]+) to each worker", shown) == ["array-64KiB", "array-4MiB", "array-256MiB"]
    assert "return one" not in shown
    assert "process_spawn-shared_memory (2 workers: skipped)" in shown
    assert {"1 worker", "2 workers", "inline (floor)"} <= set(shown.splitlines())


def test_calls_over_one_payload_are_a_panel_too() -> None:
    payload = Payload("array-64MiB", "array", 2**26)
    names = ("threads-reference",)
    scenarios = [Scenario(payload, "loop", "reuse", workers, 8, strategies=names) for workers in (4, 1, 2)]
    times = {s.id: {"threads-reference": steady(0.2)} for s in scenarios}
    svg = ElementTree.fromstring(drawing.to_svg("workers", run_of(plan_of(*scenarios), times)).encode())
    shown = texts(svg)
    assert {"make 8 calls over array-64MiB on all workers", "task loop"} <= set(shown.splitlines())
    assert [line for line in shown.splitlines() if line in ("1 worker", "2 workers", "4 workers")] == [
        "1 worker", "2 workers", "4 workers",
    ]  # fmt: skip
    assert "Intervals hold the true median" in caption(svg)


def test_one_number_of_workers_is_no_line(run: Run) -> None:
    alone = tuple(scenario for scenario in run.plan.scenarios if scenario.workers == 1)
    single = dataclasses.replace(run, plan=dataclasses.replace(run.plan, scenarios=alone))
    assert "No line to draw: no payload, task and pattern was measured with two worker counts" in drawing.to_svg(
        "workers", single
    )


def test_a_cut_bar_is_marked_and_its_number_is_whole(drawn: dict[str, ElementTree.Element]) -> None:
    # In this run a fork takes some fifty times as long as the others with the smallest arrays.
    assert "»" in texts(drawn["phases"])
    assert "A bar that ends in » is cut" in caption(drawn["phases"])


def test_every_outcome_has_a_symbol_and_a_word(run: Run) -> None:
    assert failures.MARKS.keys() == STATUSES.keys()
    assert failures.outcome(None, 6) == ("", "not asked")
    for status in STATUSES:
        row = {"status": status, "n_blocks": 0}
        assert failures.outcome(row, 6)[1]
    assert failures.outcome({"status": "crashed", "n_blocks": 5}, 6) == ("crashed", "crashed 5/6")
    assert failures.outcome({"status": "ok", "n_blocks": 6}, 6) == ("ok", "ok")


def test_a_strategy_looks_the_same_everywhere_and_like_no_other() -> None:
    looks = [(look(strategy.id).colour, look(strategy.id).marker) for strategy in TABLE]
    assert len(set(looks)) == len(TABLE)
    assert look("threads-reference" + SENTINEL) == look("threads-reference@py313") == look("threads-reference")


def test_labels_say_what_must_be_known() -> None:
    assert label("inline") == "inline (floor)"
    assert label("process_fork-inherit", "reference") == "process_fork-inherit (unsafe, reference)"
    assert label("threads-reference", "") == "threads-reference"


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=20).map(sorted),
    st.floats(0.001, 0.05),
)
def test_labels_keep_their_order_and_do_not_touch(wanted: list[float], gap: float) -> None:
    places = lines.apart(wanted, gap, 0.0, 1.0)
    assert all(later - earlier >= gap - 1e-9 for earlier, later in pairwise(places))
    assert max(places) <= 1.0 + 1e-9
    if gap * (len(wanted) - 1) <= 1:
        assert min(places) >= -1e-9


@given(st.floats(1e-7, 100), st.floats(1.02, 1e7), st.integers(5, 12))
def test_a_time_axis_has_some_ticks_and_never_too_many(low: float, times: float, most: int) -> None:
    found = ticks(low, low * times, most)
    assert 2 <= len(found) <= most
    assert found == sorted(set(found))
    assert all(low <= value <= low * times for value in found)
    assert len({tick(value) for value in found}) == len(found)


def test_a_time_axis_needs_a_span() -> None:
    with pytest.raises(ValueError, match="no logarithmic axis"):
        ticks(1.0, 1.0, 7)


def test_scenarios_in_words() -> None:
    payload = Payload("array-4MiB", "array", 2**22)
    assert words(Scenario(payload, "read", "send", 2)) == "send array-4MiB to 2 workers"
    assert words(Scenario(payload, "read", "return", 1)) == "return array-4MiB from 1 worker"
    assert words(Scenario(payload, "sum", "reuse", 4, calls=10)) == "make 10 calls over array-4MiB on 4 workers"
    cold = Scenario(payload, "sum", "send", 1, cold=True)
    assert words(cold) == "send array-4MiB to 1 worker of a cold pool"
    assert [words(Scenario(payload, "sum", pattern, 2)) for pattern in ("roundtrip", "broadcast", "scatter")] == [
        "send array-4MiB to 2 workers and back", "hand the same array-4MiB to 2 workers",
        "split array-4MiB over 2 workers",
    ]  # fmt: skip
    assert [words(Scenario(payload, "sum", pattern, 1)) for pattern in ("mutate_private", "mutate_shared")] == [
        "have 1 worker write into a copy of array-4MiB", "have 1 worker write into array-4MiB",
    ]  # fmt: skip


def test_hostile_reasons_stay_text(run: Run) -> None:
    hostile = "</text><script>alert('$x$')</script> & \\frac"
    rows = [
        {**row, "status": "error", "reason": hostile, "median_s": None}
        if row["strategy"] == "threads-reference"
        else row
        for row in run.summary
    ]
    svg = drawing.to_svg("ranking", dataclasses.replace(run, summary=rows))
    assert "<script" not in svg
    assert "&lt;script&gt;alert('$x$')" in svg


def test_the_command_writes_the_figure(
    run: Run, written: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_run(run, tmp_path)
    paths["costs"] = tmp_path / "costs.csv"
    write_table(paths["costs"], COSTS, run.costs)
    given = [f"--{name}={paths[name]}" for name in ("plan", "summary", "timings", "invocations", "costs")]
    for name in ("failures", "crossovers"):
        out = tmp_path / f"{name}.svg"
        monkeypatch.setattr(sys, "argv", ["plot_figure.py", f"--figure={name}", *given, f"--out={out}"])
        plot_figure.main()
        assert out.read_text(encoding="utf-8") == written[name]
        assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        told = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
        assert told["title"] == figures.FIGURES[name]
        assert told["caption"] == caption(ElementTree.fromstring(written[name].encode()))
        assert {len(row) for row in told["rows"]} == {len(told["columns"])}
    paths["summary"].write_text("half a table")
    with pytest.raises(SystemExit, match=r"plot_figure: .*summary.csv: no header"):
        plot_figure.main()
