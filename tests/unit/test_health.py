"""The checks of a run: each finds its trouble, is silent on clean noise, and says what to do."""

from __future__ import annotations

import json
import math
import random
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from example_run import example, health_of, write_run
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_times import ARENA, REFERENCE, THREADS, Times, plan_of, scenario_of, steady, tables

import check_health
from handoff.health import CHECKS, _said_once, examine, in_short, series
from handoff.health.interference import DISTURBANCES
from handoff.health.material import HealthWarning, Material, warning
from handoff.health.scatter import OF_JOBS, explanation
from handoff.health.twice import chance_of_misses, sentinels
from handoff.records import Row
from handoff.scenarios import Plan

ROOT = Path(__file__).parents[2]
Edit = Callable[[list[Row], list[Row]], None]
"""What a test does to invocations and timings before they are looked at."""


def material(times: Times, edit: Edit | None = None, **options: Any) -> Material:
    """A run of one scenario in which every block took so many seconds."""
    names = (name for name in times if "-" in name and "@" not in name)
    scenario = scenario_of(*dict.fromkeys((*names, REFERENCE)))
    blocks = max(map(len, times.values()))
    plan = plan_of(scenario, blocks=blocks, **options)
    invocations, timings = tables(plan, {scenario.id: {REFERENCE: steady(0.1, blocks), **times}})
    if edit:
        edit(invocations, timings)
    return Material(plan, invocations, timings)


def warnings_of(of: Material, code: str) -> list[HealthWarning]:
    found = examine(of.plan, of.invocations, of.timings)
    return [each for each in found["warnings"] if each["code"] == code]


def checked(of: Material) -> list[str]:
    return list(examine(of.plan, of.invocations, of.timings)["checked"])


def noisy(seconds: float, blocks: int, seed: int, sigma: float = 0.03) -> list[float]:
    draw = random.Random(seed)
    return [seconds * draw.lognormvariate(0, sigma) for _ in range(blocks)]


def filled(
    column: str, values: Mapping[tuple[str, int], object], of: str = "invocations", otherwise: object = 0
) -> Edit:
    """Fill a column by strategy and block."""

    def edit(invocations: list[Row], timings: list[Row]) -> None:
        for row in invocations if of == "invocations" else timings:
            row[column] = values.get((str(row["strategy"]), int(str(row["block"]))), otherwise)  # type: ignore[assignment]

    return edit


# What a series shows.

logs = st.lists(st.integers(-1000, 1000).map(float), min_size=6, max_size=15, unique=True)


def test_the_chance_of_a_rank_correlation_is_exact_for_few_values() -> None:
    found = series.correlation(range(6), [1, 2, 3, 5, 8, 13])
    assert found == pytest.approx((1.0, 2 / 720))
    assert series.correlation([1, 1, 1], [1, 2, 3]) is None


def test_a_line_has_its_change_and_one_wild_value_does_not_move_it() -> None:
    values = [0.02 * place for place in range(11)]
    found = series.trend(values)
    assert found is not None
    assert (found.rho, found.change, found.misfit) == pytest.approx((1.0, 0.2, 0.0))
    wild = series.trend([*values[:4], 5.0, *values[5:]])
    assert wild is not None
    assert wild.change == pytest.approx(0.2)
    assert series.trend([1.0] * 6) is None


def test_pettitts_statistic_by_hand() -> None:
    """2 r - 7 is -1 -5 -3 5 3 1, so U is -1 -6 -9 -4 -1 0: the step is behind the third.

    3 low and 3 high ones apart is the clearest step of six: 2 · 3! · 3! of 6! orders show it.
    """
    values = [3.0, 1.0, 2.0, 6.0, 5.0, 4.0]
    assert series._rank_sums(values) == [1, 6, 9, 4, 1, 0]
    found = series.step(values)
    assert (found.after, found.change, found.misfit) == (3, 3.0, 4.0)
    assert found.p == pytest.approx(0.1, abs=0.01)


def test_ten_values_can_just_show_a_step() -> None:
    low, high = [1.0, 2.0, 3.0, 4.0, 5.0], [11.0, 12.0, 13.0, 14.0, 15.0]
    assert series.step(low + high).p == pytest.approx(2 / 252, abs=0.002)
    assert series.step(low[:4] + high[:1] + low[4:] + high[1:]).p > 0.01


@settings(deadline=None)
@given(logs)
def test_a_step_is_a_matter_of_ranks(values: list[float]) -> None:
    found, again = series.step(values), series.step([math.atan(value) for value in values])
    assert (found.after, found.p) == (again.after, again.p)
    assert 0 < found.p <= 1
    assert 0 < found.after < len(values)


@given(logs, st.floats(0.1, 10), st.floats(-5, 5))
def test_a_series_may_be_shifted_and_stretched(values: list[float], factor: float, shift: float) -> None:
    other = [factor * value + shift for value in values]
    assert series.lag_one(other) == pytest.approx(series.lag_one(values), abs=1e-6)
    assert series.outer_fence(other) == pytest.approx(factor * series.outer_fence(values) + shift, abs=1e-6)


def test_two_groups_are_two_modes_and_one_is_none() -> None:
    low, high = [1.0, 1.01, 1.02, 1.03], [1.5, 1.51, 1.52, 1.53, 1.54, 1.55]
    assert series.modes([*high[:3], *low, *high[3:]]) == pytest.approx((1.015, 1.525, 4))
    assert series.modes([1 + 0.01 * place for place in range(10)]) is None
    assert series.modes([*high, 1.0]) is None, "one value is an outlier"


def test_autocorrelation_by_hand() -> None:
    """1 2 3 4 less their mean: -1.5 -0.5 0.5 1.5; products 0.75 -0.25 0.75 over a sum of squares of 5."""
    assert series.lag_one([1.0, 2.0, 3.0, 4.0]) == pytest.approx(0.25)
    assert series.lag_one([1.0, 1.0, 1.0]) == 0.0
    assert series.effective_number(12, 0.5) == pytest.approx(4)


def test_the_outer_fence_by_hand() -> None:
    assert series.outer_fence([1.0, 2.0, 3.0, 4.0, 5.0]) == 4 + 3 * 2


# Clean noise.


def clean_run(seed: int, blocks: int) -> tuple[Plan, list[Row], list[Row]]:
    """Two scenarios: each job has noise of its own, and each block some that all of it share."""
    draw = random.Random(seed)
    scenarios = [scenario_of(THREADS, ARENA, REFERENCE, kind=kind, name="1MiB") for kind in ("array", "frame")]
    plan = plan_of(*scenarios, blocks=blocks)
    names = {"inline": 0.001, THREADS: 0.005, ARENA: 0.01, REFERENCE: 0.1}
    times: dict[str, dict[str, list[float]]] = {}
    for scenario in scenarios:
        shared = [draw.lognormvariate(0, 0.02) for _ in range(blocks)]
        times[scenario.id] = {
            name + again: [seconds * level * draw.lognormvariate(0, 0.03) for level in shared]
            for name, seconds in names.items() for again in ("", "@again") if not again or name in ("inline", REFERENCE)
        }  # fmt: skip
    invocations, timings = tables(plan, times)
    for row in invocations:
        row |= {"others_cpu_s": draw.uniform(0, 0.05), "steal_s": draw.choice([0.0, 0.01]), "throttled": 0,
                "swapped": 0, "overheated": 0, "cpu_pressure": draw.uniform(0, 0.1), "load_before": draw.random(),
                "major_faults": draw.randrange(20), "megahertz_before": draw.uniform(2900, 3000),
                "megahertz_after": draw.uniform(2900, 3000)}  # fmt: skip
    for row in timings:
        row |= {"minor_faults": draw.randrange(100), "cpu_sender_s": draw.random(), "cpu_workers_s": draw.random()}
    return plan, invocations, timings


MOST_CLEAN_RUNS_WITH_A_WARNING = 0.08


@pytest.mark.parametrize("blocks", [6, 12])
def test_clean_noise_gives_few_notes_and_hardly_a_warning(blocks: int) -> None:
    found = [examine(*clean_run(seed, blocks)) for seed in range(150)]
    assert all(each["checked"] == [code for code in CHECKS if code in found[0]["checked"]] for each in found)
    assert len(found[0]["checked"]) == (9 if blocks == 12 else 6)
    severities = [[warning["severity"] for warning in each["warnings"]] for each in found]
    # Each kind of chance finding is a warning in one clean run of twenty at most, and there are three kinds.
    assert sum("warning" in each for each in severities) <= MOST_CLEAN_RUNS_WITH_A_WARNING * len(found)
    assert sum(each.count("note") for each in severities) <= 0.4 * len(found)


@pytest.mark.parametrize("draw", [random.Random(1).gauss, lambda *_: random.expovariate(1)], ids=["normal", "skewed"])
def test_one_group_seldom_looks_like_two(draw: Callable[[float, float], float]) -> None:
    random.seed(1)
    for blocks, most in ((10, 0.1), (20, 0.03), (40, 0.01)):
        samples = [[draw(0, 1) for _ in range(blocks)] for _ in range(500)]
        assert sum(series.modes(values) is not None for values in samples) <= most * len(samples)


# The same thing twice.


def test_a_sentinel_beyond_the_tie_zone_is_a_warning() -> None:
    (found,) = warnings_of(material({THREADS: steady(0.005), f"{REFERENCE}@again": steady(0.12)}), "unstable")
    assert (found["severity"], found["strategy"]) == ("warning", REFERENCE)
    assert found["what"] == (
        f"{REFERENCE}, measured twice in each of 6 blocks, differs from itself: ratio 1.20 [1.20, 1.20]."
    )
    assert "chance" not in found["cause"]


def test_a_sentinel_that_misses_by_little_is_a_note_that_may_be_chance() -> None:
    (found,) = warnings_of(material({THREADS: steady(0.005), f"{REFERENCE}@again": steady(0.102)}), "unstable")
    assert found["severity"] == "note"
    assert found["cause"].endswith("Or it is chance: one comparison in twenty misses.")


def test_many_sentinels_that_miss_are_a_warning_about_the_run() -> None:
    scenarios = [scenario_of(THREADS, REFERENCE, name=f"{size}MiB") for size in range(1, 4)]
    plan = plan_of(*scenarios)
    times: dict[str, Times] = {
        scenario.id: {REFERENCE: steady(0.1), f"{REFERENCE}@again": steady(0.102)} for scenario in scenarios
    }
    found = examine(plan, *tables(plan, times))["warnings"]
    (run,) = [each for each in found if each["code"] == "unstable" and not each["scenario"]]
    assert run["severity"] == "warning"
    assert run["what"] == (
        "3 of 6 comparisons of a strategy with itself miss 1. By chance so many do in one of 448 runs."
    )
    assert len([each for each in found if each["code"] == "unstable"]) == 4


def test_how_many_misses_are_too_many() -> None:
    assert chance_of_misses(0, 14) == 1
    assert chance_of_misses(1, 1) == pytest.approx(0.05)
    assert chance_of_misses(3, 14) > 0.01 > chance_of_misses(4, 14)


def test_below_six_blocks_no_sentinel_is_judged() -> None:
    of = material({THREADS: steady(0.005, 5), REFERENCE: steady(0.1, 5), f"{REFERENCE}@again": steady(0.2, 5)})
    assert [sentinel.agrees for sentinel in sentinels(of.plan, of.values)] == [None, None]
    assert checked(of) == []


# What moved.


def test_a_slow_drift_is_found_with_its_size() -> None:
    slower = [0.1 * 1.04**place for place in range(8)]
    (found,) = warnings_of(material({THREADS: steady(0.005, 8), REFERENCE: slower}), "drift")
    assert (found["severity"], found["strategy"]) == ("warning", REFERENCE)
    assert found["what"].startswith(f"{REFERENCE} took 1.32 times as long at the end of 8 blocks as at their beginning")
    assert "rank correlation with time 1.00" in found["what"]


def test_a_drift_that_does_not_matter_is_none() -> None:
    slower = [0.1 * 1.004**place for place in range(8)]
    assert warnings_of(material({THREADS: steady(0.005, 8), REFERENCE: slower}), "drift") == []


def test_a_step_is_found_with_its_block_and_is_no_drift_and_no_mode_besides() -> None:
    jump = [*steady(0.1, 5), *steady(0.15, 5)]
    of = material({THREADS: steady(0.005, 10), REFERENCE: jump})
    (found,) = warnings_of(of, "step")
    assert found["severity"] == "warning"
    assert found["what"].startswith(f"From block 6 on, {REFERENCE} took 1.50 times as long as in the 5 blocks before")
    assert found["blocks"] == [f"array {block}" for block in range(6, 11)]
    same = {"drift", "autocorrelation", "modality", "slow_first"}
    assert not [each for code in same for each in warnings_of(of, code)]


def in_scenarios(times: Sequence[Sequence[float]]) -> list[HealthWarning]:
    """What is found in a run in which the reference took these times, one list a scenario."""
    scenarios = [scenario_of(REFERENCE, name=f"{size}MiB") for size in range(1, len(times) + 1)]
    plan = plan_of(*scenarios, blocks=len(times[0]))
    rows = tables(plan, {each.id: {REFERENCE: mine} for each, mine in zip(scenarios, times, strict=True)})
    found: list[HealthWarning] = examine(plan, *rows)["warnings"]
    return found


def test_a_step_of_the_whole_machine_is_one_warning_about_the_run() -> None:
    """In ten blocks no step is sure as one of seven: the clearest of all has a p of 0.008."""
    found = in_scenarios([[*steady(0.1, 5, turn), *steady(0.15, 5, turn)] for turn in range(7)])
    assert [(each["code"], each["scenario"]) for each in found if each["severity"] == "warning"] == [("step", "")]
    assert found[0]["what"] == (
        f"From about block 6 on, {REFERENCE} took 1.50 times as long as before in 7 of 7 scenarios."
    )
    assert found[0]["blocks"] == [f"array {block}" for block in range(6, 11)]
    assert in_short(found) == "1 warning about this run: times jump; see the report"
    assert len([each for each in found if each["code"] == "step"]) == 8, "each scenario keeps its note"


def test_steps_of_few_scenarios_or_at_many_places_are_none_of_the_run() -> None:
    def jump(after: int, turn: int, to: float = 0.15) -> list[float]:
        return [*steady(0.1, after, turn), *steady(to, 20 - after, turn)]

    level = [steady(0.1, 20, turn) for turn in range(4)]
    few = in_scenarios([*(jump(10, turn) for turn in range(3)), *level])
    apart = in_scenarios([jump(after, after) for after in (6, 8, 10, 12, 14)])
    assert not [each for each in (*few, *apart) if each["code"] == "step" and not each["scenario"]]
    near = in_scenarios([*(jump(10 + turn % 2, turn, 0.15 + turn / 100) for turn in range(4)), *level[:3]])
    (run,) = [each for each in near if not each["scenario"]]
    assert "took 1.50 to 1.80 times as long as before in 4 of 7 scenarios" in run["what"]


def test_a_finding_is_not_explained_away_by_a_lesser_one() -> None:
    def of(code: str, severity: str) -> HealthWarning:
        own = warning(code, "It is.", "So.", "Do.", sure=severity == "warning")
        return {**own, "scenario": "s", "strategy": REFERENCE}

    sure, maybe = of("drift", "warning"), of("drift", "note")
    assert _said_once([of("step", "note"), sure]) == [of("step", "note"), sure]
    assert _said_once([of("step", "note"), maybe]) == [of("step", "note")]
    assert _said_once([of("step", "warning"), sure]) == [of("step", "warning")]
    assert _said_once([sure, of("autocorrelation", "note")]) == [sure]
    whole = warning("step", "All.", "So.", "Do.", sure=True)
    assert _said_once([whole, of("step", "note"), sure]) == [whole, of("step", "note")], "so the step is sure, too"


def test_a_line_is_a_drift_and_not_a_step() -> None:
    slower = [seconds * 1.05**place for place, seconds in enumerate(steady(0.1, 12))]
    of = material({THREADS: steady(0.005, 12), REFERENCE: slower})
    assert warnings_of(of, "step") == []
    assert len(warnings_of(of, "drift")) == 1
    assert warnings_of(of, "autocorrelation") == []


def test_blocks_that_take_after_the_one_before_are_worth_fewer() -> None:
    """A sine of ten blocks a period: its lag-1 autocorrelation is cos(36°)."""
    waves = [0.1 * math.exp(0.1 * math.sin(place * math.tau / 10)) for place in range(20)]
    of = material({THREADS: steady(0.005, 20), REFERENCE: waves})
    (found,) = warnings_of(of, "autocorrelation")
    assert found["severity"] == "note"
    assert "(lag-1 autocorrelation 0.81): 20 blocks tell as much about its time as 2.1 independent" in found["what"]


# Hosts.


def on_hosts(fast: Sequence[float], slow: Sequence[float]) -> Material:
    """The reference is steady; on the first host threads take `fast`, then on the second `slow`."""

    def edit(invocations: list[Row], timings: list[Row]) -> None:
        for row in invocations:
            row["host"] = "n1" if int(str(row["block"])) <= len(fast) else "n2"

    return material({THREADS: [*fast, *slow], REFERENCE: steady(0.1, len(fast) + len(slow))}, edit)


def test_hosts_that_disagree_about_the_fastest_are_named_with_both_ratios() -> None:
    (found,) = warnings_of(on_hosts([0.05] * 6, [0.2] * 6), "hosts")
    assert found["severity"] == "warning"
    assert found["what"] == (
        f"Two hosts do not agree: on n1, {THREADS} is fastest and {REFERENCE} takes 2.00 times as long; "
        f"on n2, {REFERENCE} is fastest and {THREADS} takes 2.00 times as long."
    )


def test_few_blocks_of_hosts_that_disagree_may_be_chance() -> None:
    (found,) = warnings_of(on_hosts([0.05] * 5, [0.2] * 6), "hosts")
    assert found["severity"] == "note"


def test_hosts_that_agree_are_not_reported() -> None:
    assert not warnings_of(on_hosts([0.05] * 6, [0.06] * 6), "hosts")
    assert not warnings_of(on_hosts([0.097] * 6, [0.103] * 6), "hosts"), "inside the tie zone"
    assert "hosts" in checked(on_hosts([0.05] * 6, [0.06] * 6))
    assert "hosts" not in checked(on_hosts([0.05] * 6, [0.2])), "one block alone says nothing"
    assert "hosts" not in checked(material({THREADS: steady(0.05)}))


# How blocks lie.


def test_a_slow_first_block_is_named_with_both_times() -> None:
    (found,) = warnings_of(material({THREADS: [0.009, *steady(0.005, 7)]}), "slow_first")
    assert (found["severity"], found["blocks"], found["strategy"]) == ("note", ["array 1"], THREADS)
    assert found["what"] == f"The first block of {THREADS} took 9.00 ms, the others 5.00 ms at the median."


def test_two_modes_are_named_in_words() -> None:
    fast, slow = iter(steady(0.0031)), iter(steady(0.0052, 5))
    mixed = [next(slow) if place in (1, 4, 5, 8, 10) else next(fast) for place in range(11)]
    (found,) = warnings_of(material({THREADS: mixed}), "modality")
    assert found["what"] == f"{THREADS} has two modes: about 3.10 ms in 6 blocks and about 5.20 ms in 5."


WIDE = (1.0, 1.4, 0.8, 1.2, 0.7, 1.1, 1.3, 0.9, 0.75, 1.35)


def test_a_spread_goes_with_the_column_that_explains_it() -> None:
    times = [0.005 * factor for factor in WIDE]
    faults = {(THREADS, block): round(1000 * factor) for block, factor in enumerate(WIDE, start=1)}
    (found,) = warnings_of(material({THREADS: times}, filled("minor_faults", faults, "timings")), "spread")
    assert "its times go with page faults (rank correlation 1.00)" in found["what"]
    assert found["severity"] == "note", "its verdict is clear all the same"
    assert found["cause"].startswith("Sometimes the memory was there already")


def test_a_spread_may_go_against_a_column() -> None:
    pages = {(THREADS, block): round(2**20 / factor) for block, factor in enumerate(WIDE, start=1)}
    times = [0.005 * factor for factor in WIDE]
    (found,) = warnings_of(material({THREADS: times}, filled("huge_pages", pages, "timings")), "spread")
    assert "its times go against memory in huge pages (rank correlation -1.00)" in found["what"]


def test_processor_time_is_named_only_where_nothing_behind_it_is() -> None:
    of_blocks = {(THREADS, block): factor for block, factor in enumerate(WIDE, start=1)}
    times = [0.005 * factor for factor in WIDE]
    computing = filled("cpu_sender_s", of_blocks, "timings")

    def both(invocations: list[Row], timings: list[Row]) -> None:
        computing(invocations, timings)
        filled("steal_s", of_blocks)(invocations, timings)

    (alone,) = warnings_of(material({THREADS: times}, computing), "spread")
    assert "its times go with processor time" in alone["what"]
    (stolen,) = warnings_of(material({THREADS: times}, both), "spread")
    assert "its times go with time that the hypervisor took" in stolen["what"]


def test_an_unexplained_spread_in_the_way_of_a_verdict_is_a_warning() -> None:
    (found,) = warnings_of(material({THREADS: [0.1 * factor for factor in WIDE]}), "spread")
    assert found["severity"] == "warning"
    assert found["what"] == (
        f"The times of {THREADS} spread by 25 % from block to block; none of the recorded columns explains it. "
        "Its verdict is unclear; it would take more than 200 more blocks."
    )


def test_a_spread_that_more_blocks_overcome_says_how_many() -> None:
    (found,) = warnings_of(material({THREADS: [0.08 * factor for factor in WIDE]}), "spread")
    assert re.search(r"Its verdict is unclear; about \d+ more blocks? would decide it\.$", found["what"])


def test_a_column_that_goes_with_it_by_chance_explains_nothing() -> None:
    """One of eight columns is in about the order of six values: among so many that is no wonder."""
    values = {("c", block): float(block) for block in range(6)}
    order = (1.0, 0.0, 2.0, 3.0, 4.0, 5.0)
    near = {("c", block): place for block, place in enumerate(order)}
    assert explanation(values, {OF_JOBS[0]: near}) == (OF_JOBS[0], pytest.approx(0.943, abs=0.001))
    draw = random.Random(1)
    sources = [source._replace(said=f"{source.said} {turn}") for turn in range(2) for source in OF_JOBS]
    columns = {source: {key: draw.random() for key in values} for source in sources} | {sources[0]: near}
    assert explanation(values, columns) is None


# What else went on.


@pytest.mark.parametrize(
    "column, amount, usual, said",
    [
        ("others_cpu_s", 0.34, 0.05, "other programs used more than 10 % of a core in 1 (at most 34 %; array 3)"),
        ("steal_s", 0.05, 0.01, "the hypervisor took more than 2 % of the time in 1 (at most 5 %; array 3)"),
        ("throttled", 1, 0, "the CPU quota stopped it in 1 (array 3)"),
        ("overheated", 2, 0, "a core slowed down from heat in 1 (array 3)"),
        ("swapped", 140, 30, "far more pages than usual were swapped in 1 (array 3)"),
        ("cpu_pressure", 0.65, 0.4, "tasks waited for a core far more than usual in 1 (array 3)"),
        ("major_faults", 500, 90, "far more pages than usual came from a disk in 1 (array 3)"),
    ],
)
def test_a_disturbed_job_is_named_with_what_disturbed_it(column: str, amount: float, usual: float, said: str) -> None:
    edit = filled(column, {(THREADS, 3): amount}, otherwise=usual)
    (found,) = warnings_of(material({THREADS: steady(0.005, 8)}, edit), "disturbed")
    assert found["what"] == f"Of 48 measuring jobs 1 was disturbed: {said}. No verdict hangs on them."
    assert (found["severity"], found["scenario"], found["blocks"]) == ("note", "", ["array 3"])
    assert found["remedy"].startswith("To be rid of it, ")


@pytest.mark.parametrize(
    "column, usual",
    [("others_cpu_s", 0.09), ("steal_s", 0.02), ("cpu_pressure", 0.6), ("major_faults", 300), ("swapped", 300)],
)
def test_what_is_usual_or_little_disturbs_nothing(column: str, usual: float) -> None:
    """Two workers on two cores wait for each other in every block: that is the strategy's own doing."""
    of = material({THREADS: steady(0.005, 8)}, filled(column, {}, otherwise=usual))
    assert warnings_of(of, "disturbed") == []
    assert "disturbed" in checked(of)


def test_a_single_page_that_was_swapped_disturbs_nothing() -> None:
    """The kernel counts those of the whole machine."""
    edit = filled("swapped", {(THREADS, 3): 1, (ARENA, 5): 90})
    assert warnings_of(material({THREADS: steady(0.005, 8), ARENA: steady(0.01, 8)}, edit), "disturbed") == []


def test_a_single_tick_of_stolen_time_may_be_rounding() -> None:
    def short(invocations: list[Row], timings: list[Row]) -> None:
        for row in invocations:
            row |= {"ended_ns": int(str(row["started_ns"])) + 300_000_000, "steal_s": 0.01}

    assert warnings_of(material({THREADS: steady(0.005, 8)}, short), "disturbed") == []


def test_older_tables_are_not_judged_by_what_they_lack() -> None:
    of = material({THREADS: steady(0.005)})
    assert {"disturbed", "frequency"}.isdisjoint(checked(of))
    assert all(by.amount(row) is None for by in DISTURBANCES for row in of.invocations)


def test_a_verdict_that_hangs_on_disturbed_jobs_is_a_warning_about_its_scenario() -> None:
    """Eight of twenty blocks are disturbed, and slower by 30 %. Of the others nine are as good as equal."""
    times = [0.1 * factor for factor in (*[1.3] * 8, *[1.12] * 3, *[1.01] * 9)]
    edit = filled("others_cpu_s", {(THREADS, block): 0.5 for block in range(1, 9)})
    of = material({THREADS: times, REFERENCE: [0.1] * 20}, edit)
    run, own = sorted(warnings_of(of, "disturbed"), key=lambda each: each["scenario"])
    assert (own["severity"], run["severity"], own["strategy"]) == ("warning", "warning", THREADS)
    assert own["what"] == (
        f"The verdict on {THREADS}, slower, hangs on disturbed jobs: without them it is unclear at a ratio of 1.01 "
        "(12 blocks left)."
    )
    assert own["blocks"] == [f"array {block}" for block in range(1, 9)]
    assert run["what"].endswith("Without them 1 verdict would be another.")


def test_a_verdict_that_only_loses_blocks_hangs_on_nothing() -> None:
    """With six of ten blocks left the interval is the range of all; the estimate still says the same."""
    times = [0.1 * factor for factor in (1.15, 1.16, 1.17, 1.18, 1.06, 1.055, 1.09, 1.07, 1.045, 1.08)]
    edit = filled("others_cpu_s", {(THREADS, block): 0.5 for block in range(1, 5)})
    (run,) = warnings_of(material({THREADS: times, ARENA: steady(0.01, 10), REFERENCE: [0.1] * 10}, edit), "disturbed")
    assert run["severity"] == "note"
    assert run["what"].endswith("No verdict hangs on them; for 1 of 2 too few blocks are left to see it.")


def test_a_verdict_that_turns_into_another_one_hangs_on_disturbed_jobs() -> None:
    """Four disturbed blocks in the way of a tie: it is decided without them."""
    times = [0.1 * factor for factor in (1.3, 1.4, 1.5, 1.2, 1.0, 1.01, 0.99, 1.02, 0.98, 1.005)]
    edit = filled("others_cpu_s", {(THREADS, block): 0.5 for block in range(1, 5)})
    of = material({THREADS: times, REFERENCE: [0.1] * 10}, edit)
    (own,) = [each for each in warnings_of(of, "disturbed") if each["scenario"]]
    assert "unclear, hangs on disturbed jobs: without them it is tie at a ratio of 1.00 (6 blocks left)" in own["what"]


def test_a_disturbed_reference_takes_every_ratio_of_its_block_along() -> None:
    edit = filled("throttled", {(REFERENCE, block): 1 for block in range(1, 5)})
    (found,) = warnings_of(material({THREADS: steady(0.005), ARENA: steady(0.01)}, edit), "disturbed")
    assert found["what"].endswith("No verdict hangs on them."), "the two blocks that are left lie on the same side"


def test_verdicts_that_cannot_be_looked_at_are_counted() -> None:
    """What is unclear stays so below six blocks, and nothing can be said of a single one."""
    edit = filled("throttled", {(ARENA, block): 1 for block in range(1, 6)})
    (found,) = warnings_of(material({THREADS: steady(0.005), ARENA: steady(0.01)}, edit), "disturbed")
    assert found["what"].endswith("No verdict hangs on them; for 1 of 2 too few blocks are left to see it.")


def test_a_run_that_was_disturbed_all_along_is_a_warning() -> None:
    times = {THREADS: [0.1 * factor for factor in WIDE]}
    (found,) = warnings_of(material(times, filled("others_cpu_s", {}, otherwise=1.3)), "disturbed")
    assert found["severity"] == "warning"
    assert "in 60 (at most 130 %; 10 blocks)" in found["what"]
    assert found["what"].endswith("Too few blocks are left without them to see whether a verdict hangs on them.")


def test_a_clock_that_differs_between_blocks_is_a_warning() -> None:
    def hot(invocations: list[Row], timings: list[Row]) -> None:
        for row in invocations:
            row |= {"megahertz_before": 3000.0, "megahertz_after": 3000.0 if int(str(row["block"])) < 4 else 2400.0}

    (found,) = warnings_of(material({THREADS: steady(0.005)}, hot), "frequency")
    assert found["severity"] == "warning"
    assert found["what"] == "The cores' clock was 2,400 MHz in one block and 3,000 MHz in another."


def test_the_clock_is_compared_inside_a_payload_kind() -> None:
    """Objects make another clock than arrays do, in every block."""
    scenarios = [scenario_of(THREADS, REFERENCE, kind=kind) for kind in ("array", "objects")]
    plan = plan_of(*scenarios)
    invocations, timings = tables(
        plan, {each.id: {THREADS: steady(0.005), REFERENCE: steady(0.1)} for each in scenarios}
    )

    def clocked(of_objects: Mapping[int, float]) -> list[HealthWarning]:
        for row in invocations:
            clock = of_objects.get(int(str(row["block"])), 2500.0) if row["kind"] == "objects" else 3000.0
            row |= {"megahertz_before": clock, "megahertz_after": clock}
        return warnings_of(Material(plan, invocations, timings), "frequency")

    assert clocked({}) == []
    (found,) = clocked({6: 2000.0})
    assert found["what"] == "The cores' clock was 2,000 MHz in one block and 2,500 MHz in another."


def test_a_clock_that_rises_in_every_job_is_a_note() -> None:
    def rising(invocations: list[Row], timings: list[Row]) -> None:
        for row in invocations:
            row |= {"megahertz_before": 2000.0, "megahertz_after": 3000.0}

    (found,) = warnings_of(material({THREADS: steady(0.005)}, rising), "frequency")
    assert found["severity"] == "note"
    assert found["what"] == "The cores' clock after a job was 150 % of that before it, at the median."


# All together.


def test_every_warning_has_all_that_it_needs() -> None:
    run = example()
    for each in health_of(run)["warnings"]:
        assert set(each) == set(HealthWarning.__annotations__)
        assert each["code"] in CHECKS
        assert each["severity"] in ("note", "warning")
        assert all(str(each[part]).endswith(".") for part in ("what", "cause", "remedy"))


def test_without_the_reference_its_series_is_not_checked() -> None:
    scenario = scenario_of(THREADS, ARENA)
    plan = plan_of(scenario, blocks=12)
    found = examine(plan, *tables(plan, {scenario.id: {THREADS: [0.1 * f for f in (*WIDE, 1, 2)], ARENA: [0.1] * 12}}))
    assert found["checked"] == ["unstable", "slow_first", "modality", "spread"]
    assert {(each["code"], each["severity"]) for each in found["warnings"]} == {("spread", "note")}


def test_blocks_that_were_cut_off_or_failed_are_left_out() -> None:
    times = {THREADS: [*steady(0.005), math.inf, "crashed"], REFERENCE: [*steady(0.1), math.inf, "error"]}
    of = material(times)
    assert [len(each) for _, _, each in of.candidates(1)] == [6, 6]
    assert examine(of.plan, of.invocations, of.timings)["warnings"] == []


def test_warnings_come_before_notes() -> None:
    of = material({THREADS: [0.1 * factor for factor in WIDE], ARENA: [0.01 * factor for factor in WIDE]})
    severities = [each["severity"] for each in examine(of.plan, of.invocations, of.timings)["warnings"]]
    assert severities == sorted(severities, reverse=True)
    assert set(severities) == {"note", "warning"}


def said(*codes: str, severity: str = "warning") -> Sequence[Mapping[str, Any]]:
    return [{"code": code, "severity": severity} for code in codes]


def test_one_line_for_the_terminal() -> None:
    assert in_short([]) == ""
    assert in_short(said("drift", severity="note")) == ""
    assert in_short(said("spread")) == "1 warning about this run: times spread widely; see the report"
    assert in_short(said("spread", "drift", "drift")) == (
        "3 warnings about this run: times drift (2), times spread widely; see the report"
    )


def test_the_manual_says_more_of_every_code() -> None:
    text = (ROOT / "docs" / "reading-the-report.md").read_text(encoding="utf-8")
    for code in CHECKS:
        assert f"| `{code}` |" in text


def test_the_manual_says_how_many_warnings_are_chance() -> None:
    text = " ".join((ROOT / "docs" / "reading-the-report.md").read_text(encoding="utf-8").split())
    assert (
        "of 150 simulated runs with nothing wrong (two scenarios, 6 or 12 blocks), a test allows "
        f"{100 * MOST_CLEAN_RUNS_WITH_A_WARNING:.0f} in 100 to have one"
    ) in text


def test_the_command_writes_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = example()
    paths = write_run(run, tmp_path)
    out = tmp_path / "out" / "health.json"
    options = [f"--{name}={paths[name]}" for name in ("plan", "invocations", "timings")]
    monkeypatch.setattr(sys, "argv", ["check_health.py", *options, f"--out={out}"])
    check_health.main()
    assert json.loads(out.read_text(encoding="utf-8")) == health_of(run)
    paths["timings"].write_text("")
    with pytest.raises(SystemExit, match=r"check_health: .*timings\.csv: no header of timings\.csv"):
        check_health.main()
