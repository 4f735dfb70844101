"""What the pictures claim: the right way in the right place, parts that add up, nothing beyond what was measured."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
from example_run import example
from hypothesis import given
from hypothesis import strategies as st
from invented_times import ARENA, NPY, REFERENCE, THREADS, plan_of
from large_run import PARTS, large, with_costs

from handoff.figures import break_even, crossovers, decision_map, drift, memory, start_up, timeline
from handoff.figures.choices import LOOP, Curve, choose, times_of
from handoff.figures.curve_groups import groups
from handoff.figures.run import Run
from handoff.figures.table import Cell, Table
from handoff.records import Row
from handoff.scenarios import PATTERNS, Payload, Scenario
from handoff.summaries import summarize

KIB, MIB = 2**10, 2**20
SIZES = {"64KiB": 64 * KIB, "1MiB": MIB, "64MiB": 64 * MIB}
WAYS = (THREADS, REFERENCE, ARENA, NPY)


def known(beside: Callable[[str, int], float], workers: tuple[int, ...] = (1, 2), pattern: str = "send") -> Run:
    """A run in which a transfer takes a task of 1 ms and as long beside it as the function says."""
    plan = plan_of(*(
        Scenario(Payload(f"array-{name}", "array", size), "read", pattern, count, strategies=WAYS)
        for name, size in SIZES.items() for count in workers
    ))  # fmt: skip
    sizes = {each.id: each.payload.size for each in plan.scenarios}
    run = large(plan)
    timings: list[Row] = []
    for row in run.timings:
        if row["total_s"] is None:
            continue
        name = str(row["strategy"])
        over = beside(name.partition("@")[0], sizes[str(row["scenario"])]) if "-" in name else 1e-9
        wobble = 1 + 0.002 * int(str(row["block"]))
        parts: Row = {"publish_s": over * wobble, "dispatch_s": 0.0, "attach_s": 0.0, "task_s": 1e-3, "reply_s": 0.0}
        timings.append(row | parts | {"total_s": over * wobble + 1e-3})
    return with_costs(Run(plan, summarize(run.invocations, timings, plan), timings, run.invocations))


def overhead(name: str, size: int) -> float:
    """npy is quickest with small payloads, the arena with large ones; threads are slow, so that they hide nothing."""
    return {
        NPY: 1e-5 + size / 1e9, ARENA: 1e-3 + size / 1e11, REFERENCE: 1e-2 + size / 1e8, THREADS: 1.0 + size / 1e8,
    }[name]  # fmt: skip


def column(table: Table, name: str) -> list[Cell]:
    return [row[table.columns.index(name)] for row in table.rows]


def test_the_map_has_the_known_winner_in_known_places() -> None:
    (made, held) = decision_map.maps(known(overhead))
    assert (made.workers, made.holds_gil, held.holds_gil) == (2, False, True)
    assert made.sizes == tuple(SIZES.values())

    def taken(size: int, task: float) -> str:
        (choice,) = made.column(size, [task], 0.05)
        assert choice is not None
        return choice.chosen

    # Two tasks of 1 µs one after another are done before anything is handed over.
    assert taken(64 * KIB, 1e-6) == LOOP
    assert taken(64 * KIB, 1e-3) == NPY
    assert taken(64 * MIB, 10e-3) == ARENA
    # 64 MiB through npy cost 67 ms, the arena 1.7 ms: two tasks of 1 ms do not pay, of 2 ms do.
    assert taken(64 * MIB, 1e-3) == LOOP
    assert taken(64 * MIB, 2e-3) == ARENA


def test_with_tasks_that_hold_the_gil_threads_never_win() -> None:
    (made, held) = decision_map.maps(known(lambda name, _: 1e-6 if name == THREADS else 1e-3))
    (letting,), (holding,) = (each.column(MIB, [0.1], 0.0) for each in (made, held))
    assert letting is not None
    assert holding is not None
    assert letting.chosen == THREADS
    assert holding.chosen not in (THREADS, LOOP)


@given(st.floats(1, 2**40), st.sets(st.sampled_from([2**10, 2**16, 2**20, 2**26]), min_size=1))
def test_nothing_is_extrapolated_and_no_failure_is_bridged(size: float, failed: set[int]) -> None:
    asked = (2**10, 2**16, 2**20, 2**26)
    curve = Curve(asked, {each: float(each) for each in asked if each not in failed})
    found = curve.at(size)
    if found is None:
        return
    assert asked[0] <= size <= asked[-1]
    below, above = max(each for each in asked if each <= size), min(each for each in asked if each >= size)
    assert not {below, above} & failed
    # Along a straight line of logarithms; this one goes through all of them.
    assert found == pytest.approx(size)


def test_the_map_ends_where_the_measurements_end() -> None:
    made, *_ = decision_map.maps(known(overhead))
    assert made.column(64 * KIB - 1, [1.0], 0.05) == [None]
    assert made.column(64 * MIB + 1, [1.0], 0.05) == [None]
    sizes, _ = made.centres()
    assert made.sizes[0] < min(sizes)
    assert max(sizes) < made.sizes[-1]


def test_a_choice_is_the_simplest_within_the_tie_zone_and_names_the_fastest_other() -> None:
    times = times_of({ARENA: 1.0, REFERENCE: 1.04, NPY: 1.2}, task=0.0, workers=1)
    found = choose(times, 0.05)
    assert found is not None
    assert (found.chosen, found.rival) == (REFERENCE, ARENA)
    alone = choose(times, 0.01)
    assert alone is not None
    assert (alone.chosen, alone.rival) == (ARENA, "")
    assert choose({}, 0.05) is None
    assert LOOP not in times
    assert times_of({ARENA: 1.0}, task=3.0, workers=2) == {LOOP: 6.0, ARENA: 4.0}


def test_the_map_of_workers_shows_measured_cells_alone() -> None:
    drawing = decision_map.draw(known(overhead))
    cells = [row for row in drawing.table.rows if "as measured" in str(row[0])]
    assert {(row[1], row[2]) for row in cells} == {(size, count) for size in SIZES.values() for count in (1, 2)}
    assert {row[4] for row in cells if row[1] == 64 * MIB} == {ARENA}
    assert {row[4] for row in cells if row[1] == 64 * KIB} == {NPY}
    assert decision_map.draw(known(overhead, workers=(1,))).table.rows


def test_what_is_not_safe_or_too_quick_to_be_true_is_in_no_map() -> None:
    run = example()
    (made, *_) = decision_map.maps(run)
    assert "process_fork-inherit" not in made.curves
    assert ARENA in made.curves
    rows = [{**row, "flags": "below_floor"} if row["strategy"] == ARENA else row for row in run.summary]
    (doubted, *_) = decision_map.maps(dataclasses.replace(run, summary=rows))
    assert made.curves.keys() - doubted.curves.keys() == {ARENA}


def test_the_bars_of_a_timeline_follow_each_other_and_add_up_to_the_total() -> None:
    run = example()
    for scenario in run.plan.scenarios:
        for name in timeline.chosen(run, scenario):
            found = timeline.course_of(run, scenario, name)
            assert found is not None
            assert [phase for phase, *_ in found.steps] == [phase for phase, _ in timeline.course(scenario.pattern)]
            ends = [0.0, *(end for *_, end in found.steps)]
            assert [begin for *_, begin, _ in found.steps] == pytest.approx(ends[:-1])
            assert ends[-1] == pytest.approx(found.total)
            row = run.row(scenario, name)
            assert row is not None
            assert found.total == pytest.approx(row["median_s"])


def test_who_works_in_which_phase() -> None:
    assert dict(timeline.course("send")) == {
        "publish": "sender", "dispatch": "between", "attach": "worker", "task": "worker", "reply": "between",
    }  # fmt: skip
    back = timeline.course("return")
    assert dict(back) == {
        "dispatch": "between", "publish": "worker", "reply": "between", "attach": "sender", "task": "sender",
    }  # fmt: skip
    assert [phase for phase, _ in back] == ["dispatch", "publish", "reply", "attach", "task"]
    assert dict(timeline.course("roundtrip"))["task"] == "between"
    assert all(
        {phase for phase, _ in timeline.course(pattern)} == {name[:-2] for name in PARTS} for pattern in PATTERNS
    )


def test_a_timeline_shows_the_reference_and_the_fastest() -> None:
    run = example()
    for scenario in run.plan.scenarios:
        names = timeline.chosen(run, scenario)
        assert REFERENCE in names
        assert names[0] == run.timed(scenario, "candidate")[0]["strategy"]
        assert len(names) <= timeline.MOST_STRATEGIES


def test_a_crossing_says_on_which_side_a_way_is_cheaper() -> None:
    run = known(lambda name, size: {REFERENCE: 1e-3 + size / 1e8, ARENA: 1e-2 + size / 1e10, NPY: 1e-4 + size / 2e8,
                                    THREADS: 2e-3 + size / 1e8}[name])  # fmt: skip
    group = next(each for each in groups(run) if each.scenarios[0].workers == 2)
    assert crossovers.direction(run, group, ARENA, 900e3) == "cheaper above"
    assert crossovers.never(run, group, NPY) == "faster"
    assert crossovers.never(run, group, THREADS) == "slower"
    drawing = crossovers.draw(run)
    said = {row[1]: row[6] for row in drawing.table.rows if row[0] == group.title}
    assert said == {
        ARENA: "cheaper above", NPY: "faster at every size measured", THREADS: "slower at every size measured",
    }  # fmt: skip
    # 1 ms + size / 100 MB/s = 10 ms + size / 10 GB/s
    (at,) = [row[2] for row in drawing.table.rows if row[1] == ARENA and row[0] == group.title]
    assert at == pytest.approx(9e-3 / (1 / 1e8 - 1 / 1e10), rel=0.1)


def test_break_even_is_what_is_not_the_task_over_the_workers_less_one() -> None:
    table = break_even.draw(known(overhead, workers=(2,))).table
    found = dict(zip(column(table, "strategy"), column(table, "pays from a task of, s"), strict=True))
    for name in WAYS:
        assert found[name] == pytest.approx(overhead(name, 64 * MIB), rel=0.02)
    assert list(found) == [ARENA, NPY, REFERENCE, THREADS]
    assert break_even.draw(known(overhead, workers=(1,))).table == Table()


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 10)), min_size=1, max_size=12))
def test_nobody_on_the_front_is_beaten_in_both(found: list[tuple[float, float]]) -> None:
    points = [memory.Point(str(place), *each) for place, each in enumerate(found)]
    front = memory.front(points)
    for one in front:
        assert not any(
            other.seconds <= one.seconds and other.extra <= one.extra and other[1:] != one[1:] for other in points
        )
    for point in points:
        assert any(each.seconds <= point.seconds and each.extra <= point.extra for each in front)


@given(st.lists(st.tuples(st.floats(0, 8), st.floats(0, 3.6)), min_size=1, max_size=25))
def test_names_in_the_memory_figure_do_not_touch(at: list[tuple[float, float]]) -> None:
    places = [each for each in memory.placed(["process_spawn-arena"] * len(at), at, (8.0, 3.6)) if each]
    for place, one in enumerate(places):
        assert (one.left >= 0, one.right <= 8.0, one.bottom >= 0, one.top <= 3.6) == (True,) * 4
        for other in places[place + 1 :]:
            assert not (one.left < other.right and other.left < one.right and one.bottom < other.top
                        and other.bottom < one.top)  # fmt: skip


def test_start_up_is_the_median_of_an_executors_jobs() -> None:
    run = example()
    jobs = [{**row, "start_s": 0.1 * float(str(row["block"]))} for row in run.invocations]
    table = start_up.draw(dataclasses.replace(run, invocations=jobs)).table
    assert set(column(table, "executor")) == {"threads", "pool_spawn", "process_spawn", "process_fork"}
    assert column(table, "median until ready, s") == pytest.approx([0.35] * 4)
    assert all(math.isfinite(float(str(low))) for low in column(table, "low, s"))


def test_a_slower_second_half_is_seen_as_drift_and_disturbed_jobs_are_marked() -> None:
    run = known(lambda _, size: 1e-2 + size / 1e9)
    timings = [{**row, "total_s": row["total_s"] * (1.3 if row["block"] > 3 else 1.0)} for row in run.timings]
    found = drift.jobs(dataclasses.replace(run, timings=timings), "array", REFERENCE)
    assert len(found) == 2 * run.plan.blocks
    assert [job.minutes for job in found] == sorted(job.minutes for job in found)
    early = [job.share for job in found if int(str(job.row["block"])) <= 3]
    late = [job.share for job in found if int(str(job.row["block"])) > 3]
    assert max(early) < min(late) / 1.1
    second = 10**9
    quiet: Row = {"started_ns": 0, "ended_ns": 10 * second, "others_cpu_s": 0.9, "steal_s": 0.1}
    assert not drift.disturbed(quiet)
    assert drift.disturbed({**quiet, "others_cpu_s": 1.1})
    assert drift.disturbed({**quiet, "steal_s": 0.3})
    assert not drift.disturbed({"others_cpu_s": 9.0})


def test_pauses_between_campaigns_are_cut_out_of_the_clock() -> None:
    def job(name: str, campaign: str, at: str) -> Row:
        return {"invocation": name, "campaign": campaign, "started_at": at, "block": 1, "slot": 0}

    found = drift.clock([
        job("a", "first", "2026-01-01T12:00:00Z"), job("b", "first", "2026-01-01T12:02:00Z"),
        job("c", "second", "2026-01-09T08:00:00Z"), job("d", "second", "2026-01-09T08:01:00Z"),
        job("e", "second", "no time"),
    ])  # fmt: skip
    assert found == {"a": 0, "b": 2, "c": 2, "d": 3}
