"""Every figure of runs at the edges: one scenario, nothing that worked, and far more than a page can hold."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import pytest
from example_run import example
from invented_times import plan_of, scenario_of
from large_run import large, with_costs

from handoff import figures
from handoff.figures import drawing
from handoff.figures.run import Run, telling
from handoff.figures.svg import SVG
from handoff.figures.table import Table, to_json

NAMES = figures.figure_names()


def drawn(name: str, run: Run) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.to_svg(name, run).encode())


def caption(svg: ElementTree.Element) -> str:
    return svg.findtext(f"{{{SVG}}}desc", "")


def test_sixty_strategies_in_twenty_four_scenarios_fit_a_page() -> None:
    run = large()
    assert len(run.plan.scenarios) == 24
    assert len(run.plan.scenarios[0].strategies) == 60
    pictures = {name: drawn(name, run) for name in NAMES}
    nodes = {name: sum(1 for _ in svg.iter()) for name, svg in pictures.items()}
    assert max(nodes.values()) < 700, nodes
    assert sum(nodes.values()) < 3500, nodes
    assert min(nodes.values()) > 50, nodes
    cut = {name for name, svg in pictures.items() if "Also not shown: " in caption(svg)}
    assert cut >= set(NAMES) - {"crossovers", "start_up", "drift"}


@pytest.mark.parametrize("name", NAMES)
def test_one_scenario_is_enough_or_the_figure_says_what_it_takes(name: str) -> None:
    run = large(plan_of(scenario_of("threads-reference", "pool_spawn-pickle", workers=2)))
    said = caption(drawn(name, run))
    if name in ("time_against_size", "workers", "crossovers", "decision_map"):
        assert "two " in said or "three sizes" in said
        assert "Not shown" not in said
    else:
        assert "6 blocks" in said


@pytest.mark.parametrize("name", NAMES)
def test_a_run_in_which_all_failed_draws_no_time(name: str) -> None:
    run = example(strategies=("threads-reference", "pool_spawn-pickle"), blocks=2)
    summary = [{**row, "status": "error", "reason": "boom", "median_s": None, "n_blocks": 0} for row in run.summary]
    timings = [{**row, "status": "error", "total_s": None, "task_s": None} for row in run.timings]
    jobs = [{**row, "status": "error", "start_s": None} for row in run.invocations]
    failed = with_costs(Run(run.plan, summary, timings, jobs))
    said = caption(drawn(name, failed))
    assert (name == "failures") != said.startswith(("There is no", "There are no", "No line to draw"))


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_in_which_all_failed_hinders_no_other(name: str) -> None:
    run = example(strategies=("threads-reference", "pool_spawn-pickle"), blocks=2)
    lost = run.plan.scenarios[0].id
    summary = [
        {**row, "status": "error", "reason": "boom", "median_s": None, "n_blocks": 0}
        if row["scenario"] == lost
        else row
        for row in run.summary
    ]
    timings = [row for row in run.timings if row["scenario"] != lost]
    assert caption(drawn(name, with_costs(Run(run.plan, summary, timings, run.invocations))))


def test_the_largest_payload_of_each_kind_and_pattern_comes_first() -> None:
    ways = "threads-reference", "pool_spawn-pickle"
    small, large_, one = (
        scenario_of(*ways, size=2**20, name="1MiB"), scenario_of(*ways, size=2**24, name="16MiB"),
        scenario_of("threads-reference", size=2**26, name="64MiB"),
    )  # fmt: skip
    frame = scenario_of(*ways, kind="frame", size=2**10, name="1KiB")
    assert telling([small, large_, one, frame], 2) == [large_, frame]
    assert telling([small, large_, one, frame], 3) == [small, large_, frame]
    assert telling([frame, small], 5) == [frame, small]


def test_a_table_has_as_many_cells_as_columns_and_no_infinite_number() -> None:
    with pytest.raises(ValueError, match="2 columns, and a row of 1"):
        Table(("a", "b"), ((1.0,),))
    text = to_json("title", "caption", Table(("a", "b"), ((float("inf"), "x" * 1000),)))
    assert "null" in text
    assert "x" * 301 not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_stays_text(name: str) -> None:
    run = example(strategies=("threads-reference", "pool_spawn-pickle"), blocks=2)
    hostile = "</text><script>alert('$x$')</script>"
    scenarios = tuple(
        dataclasses.replace(each, payload=dataclasses.replace(each.payload, id=hostile + each.payload.id))
        for each in run.plan.scenarios
    )
    renamed = {old.id: new.id for old, new in zip(run.plan.scenarios, scenarios, strict=True)}
    rows = [[{**row, "scenario": renamed[str(row["scenario"])]} for row in rows] for rows in (run.summary, run.timings)]
    plan = dataclasses.replace(run.plan, scenarios=scenarios)
    svg = drawing.to_svg(name, with_costs(Run(plan, rows[0], rows[1], run.invocations)))
    assert "<script" not in svg
