"""Costs fitted to times whose law is known: what is found, how well it predicts, and what is said not to be known."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from example_run import MODEL, REFERENCE, array, example, example_machine, example_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_times import ARENA, plan_of, scenario_of, steady, tables

from handoff.costs import (
    Fit,
    Point,
    break_even,
    contention,
    crossover,
    curves,
    faults,
    fit,
    overheads,
    rows,
)
from handoff.machine import cache_sizes
from handoff.recommend import recommend
from handoff.records import COSTS, Row, parse_csv, to_csv
from handoff.scenarios import Scenario
from handoff.strategies import find
from handoff.summaries import block_values, summarize

KIB, MIB = 2**10, 2**20
Law = Callable[[float], float]
Times = dict[tuple[str, int], float]


def line(latency: float, bandwidth: float, step: float = math.inf, beyond: float = 1.0) -> Law:
    return lambda size: latency + min(size, step) / bandwidth + max(0.0, size - step) / beyond if size > step else (
        latency + size / bandwidth
    )  # fmt: skip


def blocks_of(seconds: float, noise: float, count: int, rng: np.random.Generator, drift: Sequence[float] = ()) -> Times:
    shared = drift or [0.0] * count
    return {("c1", k): float(seconds * np.exp(shared[k] + noise * rng.standard_normal())) for k in range(count)}


def points_of(law: Law, sizes: Sequence[int], noise: float = 0.0, count: int = 6, seed: int = 1) -> list[Point]:
    rng = np.random.default_rng(seed)
    return [Point(size, blocks_of(law(size), noise, count, rng)) for size in sizes]


# ---------------------------------------------------------------- what is predicted


@dataclass(frozen=True)
class World:
    """How the times of a case come about; sizes from 4 KiB to 64 MiB."""

    sizes: int
    blocks: int
    noise: float
    step: float = math.inf
    caches: tuple[int, ...] = ()
    misfit: float = 0.0
    """Each size is off by so much, whatever the block: a law that is no law."""
    drift: float = 0.0
    """A whole block is slower or faster, at all sizes."""


WORLDS = {
    "a line, quiet": World(6, 6, 0.01),
    "a line, noisy, few blocks": World(5, 3, 0.05),
    "a cache": World(8, 6, 0.02, 8 * MIB, (MIB, 32 * MIB)),
    "a cache, noisy": World(12, 10, 0.05, 4 * MIB, (MIB, 16 * MIB)),
    "no quite right model": World(10, 6, 0.02, misfit=0.03, drift=0.03),
}
INSIDE = 3
"""Of the sizes held out; as many lie beyond: 4 and 8 times the largest one fitted, and one between."""


def held_out(world: World, rng: np.random.Generator) -> list[tuple[bool, bool, float, bool]]:
    """Of each size: whether the interval has one block's value, and the median of blocks; the error; the label."""
    bandwidth = 10 ** rng.uniform(8.5, 9.5)
    law = line(10 ** rng.uniform(-5, -3), bandwidth, world.step, bandwidth / rng.uniform(1.5, 3))
    places = np.linspace(np.log(4 * KIB), np.log(64 * MIB), world.sizes)
    places[1:-1] += rng.uniform(-0.4, 0.4, world.sizes - 2) * (places[1] - places[0])
    drift = list(rng.normal(0, world.drift, world.blocks))

    def seen(size: int) -> Times:
        off = float(np.exp(rng.normal(0, world.misfit)))
        return blocks_of(law(size) * off, world.noise, world.blocks, rng, drift)

    found = fit([Point(int(size), seen(int(size))) for size in np.exp(places)], world.caches)
    asked = [int(size) for size in np.exp(rng.uniform(np.log(8 * KIB), np.log(60 * MIB), INSIDE))]
    told = []
    for size in (*asked, 256 * MIB, 300 * MIB, 512 * MIB):
        values, said = list(seen(size).values()), found.predict(size)
        middle = float(np.median(values))
        told.append((
            said.low <= values[0] <= said.high, said.low <= middle <= said.high,
            abs(said.seconds / middle - 1), said.extrapolated,
        ))  # fmt: skip
    return told


@pytest.mark.parametrize("name", WORLDS)
def test_sizes_held_out_are_predicted(name: str) -> None:
    rng = np.random.default_rng(11)
    world = WORLDS[name]
    told = [held_out(world, rng) for _ in range(60)]
    for part in (slice(0, INSIDE), slice(INSIDE, None)):
        of_blocks, of_medians, errors, _ = zip(*(one for each in told for one in each[part]), strict=True)
        assert np.mean(of_blocks) >= 0.90
        assert np.mean(of_medians) >= 0.90
        assert np.mean([error <= max(0.10, 2 * world.noise) for error in errors]) >= 0.90
    assert {label for each in told for *_, label in each[INSIDE:]} == {True}
    assert {label for each in told for *_, label in each[:INSIDE]} == {False}


def test_what_the_line_misses_it_is_said_to_miss_near_by_and_no_longer_far_away() -> None:
    def law(size: float) -> float:  # caches that fill little by little
        return line(1e-4, 1e9)(size) * math.exp(0.15 * math.sin(math.log(size)))

    sizes = [2**k for k in range(12, 27)]
    found = fit(points_of(law, sizes, 0.005))
    assert found.steps == ()
    assert found.regression.scatter > 0.05

    def by_line(size: int) -> float:
        return found.latency.value + size / found.bandwidths[0].value

    between = [round(1.4 * size) for size in sizes[:-1]]
    assert max(abs(found.predict(size).seconds / law(size) - 1) for size in between) < 0.03
    assert max(abs(by_line(size) / law(size) - 1) for size in between) > 0.10
    off = [abs(found.predict(sizes[-1] * far).seconds / by_line(sizes[-1] * far) - 1) for far in (1, 2, 16)]
    assert off[0] > 1.5 * off[1] > 10 * off[2]


def test_intervals_of_latency_and_bandwidth_hold_the_truth() -> None:
    held = []
    for seed in range(60):
        found = fit(points_of(line(2e-4, 1e9), [2**k for k in range(12, 27, 2)], 0.03, seed=seed))
        bandwidth = found.bandwidths[-1]  # now and then, noise looks like a step
        held.append((found.latency.low <= 2e-4 <= found.latency.high, bandwidth.low <= 1e9 <= bandwidth.high))
    assert np.mean(held, axis=0).min() >= 0.90


def test_exact_times_give_back_their_law() -> None:
    found = fit(points_of(line(1e-3, 2e9), [4 * KIB, MIB, 64 * MIB]))
    assert found.steps == ()
    assert found.latency.value == pytest.approx(1e-3, rel=1e-6)
    assert found.bandwidths[0].value == pytest.approx(2e9, rel=1e-6)
    assert found.largest_residual < 1e-9
    assert found.predict(256 * MIB).seconds == pytest.approx(1e-3 + 256 * MIB / 2e9)


def test_a_step_is_found_where_it_is_and_only_there() -> None:
    sizes = [2**k for k in range(12, 28, 2)]
    stepped = fit(points_of(line(1e-4, 4e9, 4 * MIB, 1e9), sizes, 0.01), caches=[MIB, 8 * MIB])
    assert stepped.steps == (4 * MIB,)  # half the larger cache: the payload and its copy fill it
    below, beyond = stepped.bandwidths
    assert below.low <= 4e9 <= below.high
    assert beyond.low <= 1e9 <= beyond.high
    without = sum(len(fit(points_of(line(1e-4, 4e9), sizes, 0.03, seed=seed), [MIB]).steps) for seed in range(60))
    assert without <= 6


def test_bytes_that_cost_nothing_have_no_bandwidth() -> None:
    found = fit([Point(size, blocks_of(1e-4, 0.0, 6, np.random.default_rng(1))) for size in (KIB, MIB, 64 * MIB)])
    assert found.bandwidths[0].value > 1e15
    assert found.predict(512 * MIB).seconds == pytest.approx(1e-4)


def test_intervals_widen_beyond_what_was_measured_and_past_an_unseen_cache() -> None:
    points = points_of(line(1e-4, 1e9), [2**k for k in range(12, 25, 2)], 0.03)

    def width(found: Fit, size: int) -> float:
        said = found.predict(size)
        return math.log(said.high / said.low)

    seen, unseen = fit(points), fit(points, caches=[32 * MIB])
    assert width(seen, 8 * MIB) < width(seen, 64 * MIB) < width(seen, 512 * MIB)
    assert width(unseen, 32 * MIB) == pytest.approx(width(seen, 32 * MIB))
    assert width(unseen, 128 * MIB) > width(seen, 128 * MIB) + 0.5
    assert seen.predict(2 * KIB).extrapolated
    assert not seen.predict(4 * KIB).extrapolated


def test_a_wild_block_and_one_that_was_cut_off_hardly_move_the_fit() -> None:
    points = points_of(line(1e-4, 1e9), [2**k for k in range(12, 27, 2)], 0.01)
    wild = [Point(size, {**blocks, ("c1", 2): 30 * blocks["c1", 2]}) for size, blocks in points]
    cut = [Point(size, {**blocks, ("c1", 2): math.inf}) for size, blocks in points]
    for others in (wild, cut):
        assert fit(others).bandwidths[0].value == pytest.approx(fit(points).bandwidths[0].value, rel=0.02)
        assert fit(others).latency.value == pytest.approx(fit(points).latency.value, rel=0.02)


@pytest.mark.parametrize("sizes", [[KIB, MIB], [KIB, KIB, MIB], [0, KIB, MIB]])
def test_too_few_sizes_are_no_curve(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="3 different sizes above 0"):
        fit(points_of(line(1e-4, 1e9), sizes))


seconds = st.floats(1e-12, 1e19)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 2**64),
        st.dictionaries(st.tuples(st.just("c"), st.integers(1, 4)), seconds, min_size=1),
        min_size=3,
        max_size=9,
    ),
    st.lists(st.integers(1, 2**40), max_size=3),
    st.integers(1, 2**64),
)
@pytest.mark.filterwarnings("error")
def test_whatever_the_times_a_prediction_is_a_time_in_its_interval(
    curve: dict[int, Times], caches: list[int], size: int
) -> None:
    found = fit([Point(at, blocks) for at, blocks in curve.items()], caches)
    said = found.predict(size)
    assert 0 < said.low <= said.seconds <= said.high
    for each in (found.latency, *found.bandwidths):
        assert 0 <= each.low <= each.value <= each.high
    meeting = crossover(found, fit(points_of(line(1e-4, 1e9), [4 * KIB, MIB, 64 * MIB], 0.03)))
    assert meeting is None or 0 <= meeting.low <= meeting.size <= meeting.high


# ---------------------------------------------------------------- where two ways meet


SIZES = [2**k for k in range(12, 27, 2)]


def test_two_lines_meet_where_they_do() -> None:
    quick_start, quick_bytes = line(1e-4, 1e9), line(1e-3, 10e9)
    truth = 9e-4 / (1e-9 - 1e-10)
    held = []
    for seed in range(40):
        found = crossover(*(fit(points_of(law, SIZES, 0.03, seed=seed + 1000 * k))
                            for k, law in enumerate((quick_start, quick_bytes))))  # fmt: skip
        assert found is not None
        assert not found.extrapolated
        held.append(found.low <= truth <= found.high)
        assert found.high < 2 * found.low
    assert np.mean(held) >= 0.90


def test_a_meeting_beyond_the_sizes_is_labelled_and_one_far_beyond_is_none() -> None:
    base = fit(points_of(line(1e-4, 1e9), SIZES))
    near = crossover(base, fit(points_of(line(1e-4 + 0.2, 4e9), SIZES)))
    assert near is not None
    assert near.extrapolated
    assert near.size == pytest.approx(0.2 / 0.75e-9, rel=0.01)
    assert crossover(base, fit(points_of(line(1e-4 + 2.0, 4e9), SIZES))) is None
    assert crossover(base, fit(points_of(line(2e-4, 0.9e9), SIZES))) is None
    assert crossover(base, base) is None


def test_ways_that_can_hardly_be_told_apart_meet_anywhere() -> None:
    meetings = [
        crossover(*(fit(points_of(line(1e-4, 1e9), SIZES, 0.03, seed=seed + 1000 * k)) for k in (0, 1)))
        for seed in range(20)
    ]
    wide = [each for each in meetings if each and (each.low == 0 or each.high > 20 * each.low)]
    assert len(wide) == sum(each is not None for each in meetings) > 0


# ---------------------------------------------------------------- workers


def test_a_task_pays_from_the_length_at_which_both_take_as_long() -> None:
    overhead = {("c1", block): 0.12 + 0.001 * block for block in range(6)}
    found = break_even(overhead, 4)
    assert found is not None
    assert 4 * found.value == pytest.approx(np.median(list(overhead.values())) + found.value)
    assert found.low == pytest.approx(0.12 / 3)
    assert found.high == pytest.approx(0.125 / 3)
    assert break_even(overhead, 1) is None
    assert break_even({}, 4) is None
    few = break_even({("c1", 1): 0.1}, 2)
    assert few is not None
    assert (few.value, few.low, few.high) == (0.1, -math.inf, math.inf)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_that_workers_cannot_overlap(share: float, shared: bool) -> None:
    rng = np.random.default_rng(3)
    times = {
        w: blocks_of(1e-2 * ((1 - share) / w + share if shared else 1 - share + share * w), 0.02, 6, rng)
        for w in (1, 2, 3, 4, 6)
    }
    found = contention(times, shared)
    assert found.counts == (1, 2, 3, 4, 6)
    assert found.share is not None
    assert found.share.low <= share + 1e-9
    assert found.share.high >= share - 1e-9
    assert found.share.high - found.share.low < 0.3


def test_three_worker_counts_do_not_tell() -> None:
    times = {w: blocks_of(1e-2 * w, 0.02, 6, np.random.default_rng(3)) for w in (1, 2, 4)}
    found = contention({**times, 8: {("c1", 1): math.inf}, 16: {}}, False)
    assert found.share is None
    assert found.counts == (1, 2, 4)
    assert found.note == "contention: cannot tell from 3 worker counts, it takes 4"


# ---------------------------------------------------------------- the table


@pytest.fixture(scope="module")
def made() -> list[Row]:
    run = example()
    values = block_values(run.invocations, run.timings)
    beside, page_faults = overheads(run.invocations, run.timings), faults(run.plan, run.timings)
    return rows(run.plan, values, cache_sizes(example_machine()), beside, page_faults)


def row_of(found: Sequence[Row], strategy: str, kind: str = "array", pattern: str = "send", workers: int = 1) -> Any:
    [row] = [
        row for row in found
        if (row["strategy"], row["kind"], row["pattern"], row["workers"]) == (strategy, kind, pattern, workers)
    ]  # fmt: skip
    return row


def test_the_table_is_read_as_it_was_written(made: list[Row]) -> None:
    again = parse_csv(COSTS, to_csv(COSTS, made), "costs.csv")
    assert len(again) == len(made)
    assert all(set(row) == set(COSTS.names) for row in made)
    assert [row["note"] for row in again] == [row["note"] for row in made]


def test_a_row_holds_the_law_that_its_times_follow(made: list[Row]) -> None:
    row = row_of(made, REFERENCE)
    latency, bandwidth, _ = MODEL[REFERENCE]
    assert (row["n_sizes"], row["smallest_bytes"], row["largest_bytes"]) == (3, 64 * KIB, 256 * MIB)
    assert row["payload_options"] == "dtype=float64"
    assert row["latency_low_s"] <= latency <= row["latency_high_s"]
    assert row["bandwidth_low_bytes_per_s"] <= bandwidth <= row["bandwidth_high_bytes_per_s"]
    assert row["crossover_with_reference_bytes"] is None
    arena = row_of(made, "process_spawn-arena")
    theirs = MODEL["process_spawn-arena"]
    meets = (theirs[0] - latency) / (1 / bandwidth - 1 / theirs[1])
    assert arena["crossover_low_bytes"] <= meets <= (arena["crossover_high_bytes"] or math.inf)
    assert arena["crossover_extrapolated"] == int(arena["crossover_with_reference_bytes"] < 64 * KIB)


def test_a_curve_of_one_size_says_why_it_has_no_fit(made: list[Row]) -> None:
    row = row_of(made, REFERENCE, pattern="return")
    assert row["latency_s"] is None
    assert row["note"].startswith("no fit: 1 size, it takes 3; ")
    assert row_of(made, "process_spawn-fastparquet-disk", kind="text_frame")["note"].startswith(
        "no fit: 0 sizes, it takes 3; cut off by its time limit: 64MiB"
    )


def test_the_break_even_stands_where_workers_could_pay(made: list[Row]) -> None:
    row = row_of(made, REFERENCE, workers=2)
    assert row["break_even_bytes"] == 256 * MIB
    assert row["break_even_low_s"] <= row["break_even_task_s"] <= row["break_even_high_s"]
    total = MODEL[REFERENCE][0] + 256 * MIB * 2**0.9 / MODEL[REFERENCE][1]
    assert row["break_even_task_s"] == pytest.approx(0.97 * total, rel=0.1)  # three hundredths of it are the task
    assert row_of(made, REFERENCE, workers=1)["break_even_task_s"] is None
    assert row_of(made, "inline", workers=2)["break_even_task_s"] is None
    assert "let go of the GIL" in row_of(made, "threads-reference", workers=2)["note"]


def test_two_worker_counts_are_said_to_be_too_few(made: list[Row]) -> None:
    row = row_of(made, REFERENCE, workers=2)
    assert (row["worker_counts"], row["contention"]) == ("1 2", None)
    assert row["note"] == "contention: cannot tell from 2 worker counts, it takes 4"


def test_faults_are_counted_by_the_bytes_in_flight() -> None:
    run = example()
    timings = [{**row, "minor_faults": 512 * int(str(row["workers"])) * int(str(row["payload_bytes"])) // MIB}
               for row in run.timings]  # fmt: skip
    found = rows(run.plan, block_values(run.invocations, timings), page_faults=faults(run.plan, timings))
    assert row_of(found, REFERENCE, workers=2)["faults_per_mib"] == pytest.approx(512)


def test_curves_differ_in_all_but_the_size() -> None:
    plan = example_plan()
    more = replace(plan, scenarios=(*plan.scenarios, Scenario(array(KIB, "1KiB"), "read", "send", 1, cold=True,
                                                              strategies=(REFERENCE,))))  # fmt: skip
    found = [curve for curve in curves(more, {}) if curve.strategy.id == REFERENCE]
    assert [len(curve.scenarios) for curve in found] == [3, 3, 1, 1, 1, 1]
    assert all(curve.points == () for curve in found)
    assert {find(curve.strategy.id).role for curve in curves(more, {})} == {"candidate", "floor"}


def test_an_answer_says_from_which_size_on_another_one_holds() -> None:
    laws = {REFERENCE: line(1e-4, 1e9), ARENA: line(1e-3, 10e9)}  # they meet at 1,000,000 bytes
    sizes = {"16KiB": 16 * KIB, "256KiB": 256 * KIB, "4MiB": 4 * MIB, "64MiB": 64 * MIB}
    scenarios = [scenario_of(*laws, size=size, name=name) for name, size in sizes.items()]
    plan = plan_of(*scenarios)
    times = {
        each.id: {name: steady(law(each.payload.size), turn=turn) for turn, (name, law) in enumerate(laws.items())}
        for each in scenarios
    }
    invocations, timings = tables(plan, times)
    answers = recommend(summarize(invocations, timings, plan), block_values(invocations, timings), plan, invocations)
    assert [answer["recommended"] for answer in answers] == [REFERENCE, REFERENCE, ARENA, ARENA]
    said = [answer["changes_when"] for answer in answers]
    assert said[0] == f"at 4MiB: {ARENA}; at 64MiB: {ARENA}"
    about = r"about (9\d\d\.?\d?) KiB{} \((\d+\.?\d?) KiB to (\d+\.?\d?) KiB\): "
    above = re.fullmatch(f"from {about.format(' on')}{ARENA}", said[1])
    below = re.fullmatch(f"below {about.format('')}{REFERENCE}", said[2])
    assert above
    assert below
    assert above.groups() == below.groups()
    assert float(above[2]) <= 1e6 / KIB <= float(above[3])


def test_only_caches_that_hold_data_and_are_worth_a_step_count() -> None:
    assert cache_sizes(example_machine()) == [MIB]
    assert cache_sizes({}) == []
