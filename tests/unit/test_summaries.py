"""What a row of summary.csv says about blocks whose times are known."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from invented_times import ARENA, NPY, REFERENCE, THREADS, Times, plan_of, scenario_of, steady, tables

from handoff import statistics
from handoff.health.twice import sentinels
from handoff.records import SUMMARY, BadTable, Row, read_table, write_table
from handoff.scenarios import Plan
from handoff.summaries import block_values, fastest, summarize

INF = math.inf


def rows_of(times: Times, blocks: int = 6, **options: object) -> dict[str, Row]:
    """Strategy -> its summary row, in a run of one scenario."""
    scenario = scenario_of(*(name for name in times if "-" in name and "@" not in name), **options)  # type: ignore[arg-type]
    plan = plan_of(scenario, blocks=blocks)
    return {str(row["strategy"]): row for row in summarize(*tables(plan, {scenario.id: times}), plan)}


def test_each_scenario_and_strategy_has_one_row_with_every_column() -> None:
    scenarios = scenario_of(THREADS, ARENA, REFERENCE), scenario_of(ARENA, REFERENCE, kind="objects", name="objects")
    plan = plan_of(*scenarios)
    times: Times = {THREADS: steady(0.005), REFERENCE: steady(0.1), ARENA: steady(0.01)}
    summary = summarize(*tables(plan, {scenario.id: times for scenario in scenarios}), plan)
    shared = ["inline", "memcpy", REFERENCE, ARENA, "inline@again", f"{REFERENCE}@again"]
    assert sorted((row["scenario"], row["strategy"]) for row in summary) == sorted(
        [(scenarios[0].id, name) for name in (*shared, THREADS)] + [(scenarios[1].id, name) for name in shared]
    )
    assert all(set(row) == set(SUMMARY.names) for row in summary)


def test_a_summary_can_be_written_and_read(tmp_path: Path) -> None:
    rows = list(rows_of({THREADS: steady(0.005), REFERENCE: steady(0.1), ARENA: [INF] * 6}).values())
    write_table(tmp_path / "summary.csv", SUMMARY, rows)
    again = read_table(tmp_path / "summary.csv", SUMMARY)
    for row, read in zip(rows, again, strict=True):
        for name in SUMMARY.names:
            assert (read[name] or None) == (
                pytest.approx(row[name]) if isinstance(row[name], float) else row[name] or None
            )


def test_the_value_of_a_block_is_its_steady_median() -> None:
    """Neither the first transfer (three times as slow) nor the instrumented one (seven times) counts."""
    scenario = scenario_of(THREADS, REFERENCE)
    values = block_values(*tables(plan_of(scenario), {scenario.id: {THREADS: [1.0, 2.0], REFERENCE: [3.0, 4.0]}}))
    assert values[scenario.id, THREADS] == {("c1", 1): 1.0, ("c1", 2): 2.0}


def test_the_value_of_a_cold_block_is_its_first_transfer() -> None:
    scenario = scenario_of(THREADS, REFERENCE, cold=True)
    values = block_values(*tables(plan_of(scenario), {scenario.id: {THREADS: [1.0], REFERENCE: [3.0]}}))
    assert values[scenario.id, THREADS] == {("c1", 1): 3.0}


def test_medians_intervals_ratios_and_verdict() -> None:
    fast, slow = steady(0.005), steady(0.1, turn=3)
    row = rows_of({THREADS: fast, REFERENCE: slow})[THREADS]
    assert row["n_blocks"] == 6
    assert row["median_s"] == pytest.approx(median(fast))
    assert (row["low_s"], row["high_s"]) == pytest.approx((min(fast), max(fast)))
    assert row["first_s"] == pytest.approx(3 * median(fast))
    ratios = [f / s for f, s in zip(fast, slow, strict=True)]
    assert (row["ratio_low"], row["ratio_high"]) == pytest.approx((min(ratios), max(ratios)))
    assert row["ratio_to_reference"] == pytest.approx(0.05, rel=0.01)
    assert row["verdict"] == "faster"
    assert row["bandwidth_bytes_per_s"] == pytest.approx(2**20 / median(fast))
    assert row["peak_extra_bytes"] == 1004
    assert (row["status"], row["reason"], row["flags"]) == ("ok", "", "indicative")


def test_bandwidth_counts_what_all_workers_got() -> None:
    row = rows_of({THREADS: [0.5] * 6, REFERENCE: [1.0] * 6}, workers=2)[THREADS]
    assert row["bandwidth_bytes_per_s"] == pytest.approx(2 * 2**20 / 0.5)


def test_the_reference_has_ratio_one_and_no_verdict_on_itself() -> None:
    row = rows_of({THREADS: steady(0.005), REFERENCE: steady(0.1)})[REFERENCE]
    assert (row["ratio_to_reference"], row["ratio_low"], row["ratio_high"], row["verdict"]) == (1.0, None, None, None)


def test_ratio_to_the_best_and_to_the_floor() -> None:
    rows = rows_of({"inline": [0.001] * 6, THREADS: [0.002] * 6, REFERENCE: [0.1] * 6})
    assert rows[THREADS]["ratio_to_best"] == 1.0
    assert rows[REFERENCE]["ratio_to_best"] == pytest.approx(50)
    assert rows[THREADS]["floor_fraction"] == pytest.approx(0.5)
    assert rows["inline"]["floor_fraction"] == pytest.approx(1.0)
    assert rows["inline"]["role"] == "floor"


def test_five_blocks_have_a_ratio_but_no_interval() -> None:
    row = rows_of({THREADS: steady(0.005, 5), REFERENCE: steady(0.1, 5)}, blocks=5)[THREADS]
    assert row["ratio_to_reference"] == pytest.approx(0.05)
    assert (row["low_s"], row["ratio_low"], row["verdict"]) == (None, None, "unclear")


def test_ten_blocks_are_no_longer_indicative() -> None:
    assert rows_of({THREADS: steady(0.005, 10), REFERENCE: steady(0.1, 10)}, blocks=10)[THREADS]["flags"] == ""


def test_blocks_of_two_campaigns_are_two_blocks() -> None:
    """The same block number after a restart must not be paired with the first campaign's."""
    scenario = scenario_of(THREADS, REFERENCE)
    plan = plan_of(scenario)
    first = tables(plan, {scenario.id: {THREADS: [1.0], REFERENCE: [2.0]}}, campaigns=["c1"] * 6)
    second = tables(plan, {scenario.id: {THREADS: [8.0], REFERENCE: [80.0]}}, campaigns=["c2"] * 6)
    for table in second:
        for row in table:
            row["invocation"] = f"again/{row['invocation']}"
    both = [*first[0], *second[0]], [*first[1], *second[1]]
    assert block_values(*both)[scenario.id, THREADS] == {("c1", 1): 1.0, ("c2", 1): 8.0}
    row = next(row for row in summarize(*both, plan) if row["strategy"] == THREADS)
    assert row["n_blocks"] == 2
    assert row["ratio_to_reference"] == pytest.approx(math.exp((math.log(0.5) + math.log(0.1)) / 2))


def test_a_timeout_counts_as_at_least_its_limit() -> None:
    row = rows_of({THREADS: [*steady(0.5, 8), INF, INF], REFERENCE: steady(0.1, 10)}, blocks=10)[THREADS]
    assert row["n_blocks"] == 8
    assert row["median_s"] == pytest.approx(0.5, rel=0.01)
    assert row["low_s"] == pytest.approx(0.5, rel=0.01)
    assert row["high_s"] is None
    assert row["verdict"] == "slower"
    assert (row["status"], row["reason"]) == ("timeout", "in 2 of 10 blocks: it ran longer than its limit of 60 s")


def test_nothing_but_timeouts_has_no_time_and_yet_a_verdict() -> None:
    row = rows_of({THREADS: [INF] * 6, REFERENCE: steady(0.1)})[THREADS]
    assert (row["n_blocks"], row["median_s"], row["ratio_to_reference"], row["ratio_low"]) == (0, None, None, None)
    assert (row["status"], row["verdict"]) == ("timeout", "slower")
    assert row["reason"] == "it ran longer than its limit of 60 s"


def test_the_reference_timing_out_makes_others_faster() -> None:
    rows = rows_of({THREADS: steady(0.1), REFERENCE: [INF] * 6})
    assert (rows[THREADS]["verdict"], rows[THREADS]["ratio_to_reference"]) == ("faster", None)
    assert rows[REFERENCE]["status"] == "timeout"


def test_the_most_telling_status_stands_for_all_blocks() -> None:
    row = rows_of({THREADS: [0.1, "error", "invalid", "timeout", 0.1, 0.1], REFERENCE: steady(0.1)})[THREADS]
    assert (row["status"], row["reason"]) == ("invalid", "in 1 of 6 blocks: the reason of invalid")
    assert row["n_blocks"] == 3


@pytest.mark.parametrize("status", ["error", "crashed", "skipped", "out_of_memory", "unsupported", "raced_out"])
def test_without_any_time_a_row_says_why(status: str) -> None:
    row = rows_of({THREADS: [status] * 6, REFERENCE: steady(0.1)})[THREADS]
    assert (row["status"], row["reason"], row["median_s"]) == (status, f"the reason of {status}", None)
    assert row["flags"] == ""


def test_a_leak_is_told_though_the_transfers_were_right() -> None:
    scenario = scenario_of(THREADS, REFERENCE)
    plan = plan_of(scenario)
    invocations, timings = tables(plan, {scenario.id: {THREADS: steady(0.1), REFERENCE: steady(0.1)}})
    leaky = next(row for row in invocations if row["strategy"] == THREADS)
    leaky |= {"status": "leaked", "swept": "segment abc of 1 MiB"}
    row = next(row for row in summarize(invocations, timings, plan) if row["strategy"] == THREADS)
    assert (row["status"], row["reason"]) == ("leaked", "in 1 of 6 blocks: segment abc of 1 MiB")
    assert row["n_blocks"] == 6


def test_faster_than_the_task_alone_is_flagged_and_never_the_best() -> None:
    rows = rows_of({"inline": steady(0.01), THREADS: steady(0.005), ARENA: steady(0.011), REFERENCE: steady(0.1)})
    assert rows[THREADS]["flags"] == "indicative below_floor"
    assert rows[ARENA]["flags"] == "indicative"
    assert fastest(rows.values()) == ARENA
    assert rows[ARENA]["ratio_to_best"] == 1.0


def test_another_library_s_task_is_not_held_against_the_floor_of_the_payload_s_own() -> None:
    scenario = scenario_of("caller-polars", REFERENCE, kind="text_frame")
    scenario = dataclasses.replace(scenario, task="group_sum")
    plan = plan_of(scenario)
    times: Times = {"inline": steady(0.01), "caller-polars": steady(0.002), REFERENCE: steady(0.1)}
    rows = {str(row["strategy"]): row for row in summarize(*tables(plan, {scenario.id: times}), plan)}
    assert rows["caller-polars"]["flags"] == "indicative"
    assert fastest(rows.values()) == "caller-polars"


def test_a_single_block_below_the_floor_proves_nothing() -> None:
    noisy = [0.005, 0.012, 0.011, 0.012, 0.011, 0.012]
    assert "below_floor" not in str(
        rows_of({"inline": [0.01] * 6, THREADS: noisy, REFERENCE: [0.1] * 6})[THREADS]["flags"]
    )


def test_below_the_floor_in_each_of_three_blocks_is_flagged_too() -> None:
    rows = rows_of({"inline": [0.01] * 3, THREADS: [0.005] * 3, REFERENCE: [0.1] * 3}, blocks=3)
    assert "below_floor" in str(rows[THREADS]["flags"])


def test_a_sentinel_that_differs_from_its_twin_is_unstable() -> None:
    times = {THREADS: steady(0.01), REFERENCE: steady(0.1), f"{REFERENCE}@again": [0.2] * 6}
    rows = rows_of(times)
    assert "unstable" in str(rows[f"{REFERENCE}@again"]["flags"]).split()
    assert rows[f"{REFERENCE}@again"]["ratio_to_reference"] == pytest.approx(2, rel=0.01)
    assert "unstable" not in str(rows["inline@again"]["flags"])
    assert rows["inline@again"]["role"] == "sentinel"


@pytest.mark.parametrize("effort", ["fixed", "adaptive"])
def test_both_judges_of_a_sentinel_agree(effort: str) -> None:
    """Of ten blocks eight lie above 1: the interval of 95 % does not hold it, one of 97.5 % does."""
    factors = (1.010, 1.012, 1.013, 1.014, 1.015, 1.016, 1.017, 1.018, 0.9875, 0.9874)
    scenario = scenario_of(THREADS, REFERENCE)
    plan = replace(plan_of(scenario, blocks=10), effort=effort)
    again = {f"{REFERENCE}@again": [0.1 * factor for factor in factors]}
    invocations, timings = tables(plan, {scenario.id: {THREADS: steady(0.01, 10), REFERENCE: [0.1] * 10, **again}})
    logs = [math.log(factor) for factor in factors]
    lows = [(statistics.signed_rank_interval(logs, level) or (0.0, 0.0))[0] for level in (0.95, 0.975)]
    assert lows[0] > 0 > lows[1]
    (row,) = [row for row in summarize(invocations, timings, plan) if row["strategy"] == f"{REFERENCE}@again"]
    (sentinel,) = [each for each in sentinels(plan, block_values(invocations, timings)) if each.strategy == REFERENCE]
    assert ("unstable" in str(row["flags"]).split()) is (sentinel.agrees is False)
    assert sentinel.agrees is False


def test_what_the_facts_rule_out_has_a_row_even_without_a_line_in_timings() -> None:
    scenario = scenario_of(THREADS, NPY, REFERENCE, kind="objects")
    plan = plan_of(scenario)
    invocations, timings = tables(plan, {scenario.id: {THREADS: [0.1], NPY: ["unsupported"], REFERENCE: [0.1]}})
    # No job is made for it either.
    invocations, timings = ([row for row in rows if row["strategy"] != NPY] for rows in (invocations, timings))
    row = next(row for row in summarize(invocations, timings, plan) if row["strategy"] == NPY)
    assert row["status"] == "unsupported"
    assert str(row["reason"]).startswith("npy cannot carry objects: ")


def test_without_the_reference_there_is_no_ratio_and_no_sentinel_of_it() -> None:
    rows = rows_of({THREADS: steady(0.005), ARENA: steady(0.01)})
    assert set(rows) == {"inline", "memcpy", THREADS, ARENA, "inline@again"}
    assert (rows[ARENA]["ratio_to_reference"], rows[ARENA]["verdict"]) == (None, None)
    assert rows[ARENA]["ratio_to_best"] == pytest.approx(2)


def test_half_a_table_is_refused() -> None:
    plan, invocations, timings = one_run()
    with pytest.raises(BadTable, match=r"timings\.csv has no row of threads-reference in array-1MiB\.read\.send\.w1"):
        summarize(invocations, [row for row in timings if row["strategy"] != THREADS], plan)


def test_a_table_that_ends_too_early_is_refused() -> None:
    plan, invocations, timings = one_run()
    cut = [row for row in timings if row["invocation"] != timings[-1]["invocation"]]
    with pytest.raises(BadTable, match=r"timings\.csv has no row of invocation .*, which invocations\.csv has"):
        summarize(invocations, cut, plan)


def test_tables_of_two_runs_are_refused() -> None:
    plan, invocations, timings = one_run()
    with pytest.raises(BadTable, match=r"is not in invocations\.csv; the two tables are not of one run"):
        summarize(invocations[1:], timings, plan)


def one_run() -> tuple[Plan, list[Row], list[Row]]:
    scenario = scenario_of(THREADS, REFERENCE)
    plan = plan_of(scenario)
    return plan, *tables(plan, {scenario.id: {THREADS: steady(0.1), REFERENCE: steady(0.1)}})


def test_a_block_with_more_transfers_counts_as_many_as_the_others() -> None:
    """The pilot's blocks make more; the later ones of them, quicker here, must not make these blocks look quick."""
    scenario = scenario_of(THREADS, REFERENCE)
    plan = plan_of(scenario)
    invocations, timings = tables(plan, {scenario.id: {THREADS: [1.0] * 6, REFERENCE: [3.0] * 6}})
    mine = [row for row in timings if row["strategy"] == THREADS and row["block"] in (1, 2)]
    late = [row | {"transfer": 10 + n, "warm": 1, "instrumented": 0, "total_s": 0.1} for row in mine for n in range(5)]
    values = block_values(invocations, [*late, *timings])
    assert set(values[scenario.id, THREADS].values()) == {1.0}
