"""How the rates of a calibration are counted, and a planted slow-down in a real transfer."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from invented_times import REFERENCE, THREADS, plan_of, scenario_of, tables

from handoff import calibration
from handoff.configuration import complete, load
from handoff.measure.planted import Planted
from handoff.mistakes import ConfigError
from handoff.scenarios import make_plan
from handoff.strategies import UnknownStrategy, find
from handoff.summaries import block_values, summarize

CONFIGS = Path(__file__).parents[2] / "config"
OVERHEAD = {
    "null_payload_us": {"a": {"estimate": 6.0}, "b": {"estimate": 14.0}},
    "null_payload_reuse_us": {"a": {"estimate": 1.0}, "b": {"estimate": 2.5}},
    "busy_task_error_us": 9.0,
}


def run(spread: float, blocks: int = 10, scenarios: int = 20) -> dict[str, object]:
    """A calibration of that many scenarios whose times spread by so much."""
    random = np.random.default_rng(3)
    marked = (THREADS, f"{THREADS}@again", f"{THREADS}@slow10", f"{THREADS}@slow20", REFERENCE)
    made = [scenario_of(*marked, name=f"{n}MiB", size=n * 2**20) for n in range(1, scenarios + 1)]
    plan = plan_of(*made, blocks=blocks)

    def times(factor: float) -> list[float]:
        return (0.01 * factor * np.exp(random.normal(0, spread, size=blocks))).tolist()  # type: ignore[no-any-return]

    of_scenario = {
        each.id: {THREADS: times(1), f"{THREADS}@again": times(1), f"{THREADS}@slow10": times(1.1),
                  f"{THREADS}@slow20": times(1.2), REFERENCE: times(5), f"{REFERENCE}@again": times(5),
                  "inline": times(0.5), "inline@again": times(0.5)}
        for each in plan.scenarios
    }  # fmt: skip
    return calibration.judge(plan, block_values(*tables(plan, of_scenario)), OVERHEAD)


def test_quiet_times_tie_with_themselves_and_ten_percent_are_found() -> None:
    found = run(0.01)
    assert (found["pairs"], found["blocks"]) == (60, 10)  # threads, reference and inline in each of 20 scenarios
    assert found["false_verdict_rate"] == 0
    assert found["tie_rate"] == 1
    assert found["power"] == {"0.10": 1.0, "0.20": 1.0}
    assert found["quiet"]["pairs"] == 60  # type: ignore[index]
    assert (found["overhead_us"], found["overhead_reuse_us"], found["busy_task_error_us"]) == (14.0, 2.5, 9.0)


def test_noisy_times_are_unclear_and_hardly_ever_wrong() -> None:
    found = run(0.2)
    assert found["tie_rate"] < 0.1  # type: ignore[operator]
    assert found["false_verdict_rate"] <= 0.05  # type: ignore[operator]
    assert found["quiet"]["pairs"] == 0  # type: ignore[index]


def test_power_is_shown_by_spread_and_blocks() -> None:
    rows = run(0.03)["power_by_spread_and_blocks"]
    assert {row["blocks"] for row in rows} == {6, 7, 8, 9, 10}  # type: ignore[attr-defined]
    for row in rows:  # type: ignore[attr-defined]
        assert row["spread_below"] is None or row["spread_from"] < row["spread_below"]
        assert sum(row["planted_pairs"].values()) or row["pairs"]


def test_the_page_says_it_in_words() -> None:
    text = calibration.page(run(0.01))
    assert "60 strategies were compared with themselves over 10 blocks: 0 % were called faster or slower" in text
    assert "10 % in 100 %" in text
    assert "| 0 to 1.3 % | 6 |" in text


def test_too_few_blocks_are_said_to_be_too_few() -> None:
    assert calibration.sentences(run(0.01, blocks=3, scenarios=1)) == [
        "Nothing can be said yet: it takes 6 blocks in which both of a pair have a time."
    ]


def test_a_cold_pool_has_nothing_planted() -> None:
    entry = {"payload": {"kind": "array", "size": "64KiB"}, "pool": "cold"}
    config = {"scenarios": [entry], "strategies": [f"{THREADS}@slow10"]}
    with pytest.raises(ConfigError, match=r"scenarios\[0\].pool.*of which no share is known"):
        make_plan(complete(config), CONFIGS, cores=2)


def test_planted_ones_are_no_candidates() -> None:
    marked = (THREADS, f"{THREADS}@slow10", REFERENCE)
    plan = plan_of(scenario_of(*marked))
    of_scenario = {plan.scenarios[0].id: {name: [0.01] * 6 for name in marked}}
    roles = {row["strategy"]: row["role"] for row in summarize(*tables(plan, of_scenario), plan)}
    assert roles[f"{THREADS}@slow10"] == "planted"
    assert f"{THREADS}@again" not in roles


@pytest.mark.parametrize("name", [f"{THREADS}{mark}" for mark in ("@", "@slow", "@slow0", "@slow200", "@X", "@3.13")])
def test_unknown_marks_are_refused(name: str) -> None:
    with pytest.raises(UnknownStrategy, match="unknown mark"):
        find(name)


def test_a_planted_share_is_read_from_the_name() -> None:
    assert [find(f"{THREADS}{mark}").planted for mark in ("", "@again", "@slow5", "@slow20")] == [0, 0, 0.05, 0.2]


def test_the_config_plants_what_is_asked_for() -> None:
    plan = make_plan(complete(load(CONFIGS / "calibrate.yaml")), CONFIGS, cores=2)
    assert plan.calibrates
    twins = [twin for s in plan.scenarios for twin in plan.known(s.strategies) if plan.takes_part(s, twin)]
    assert sum(twin.is_sentinel for twin in twins) >= 100
    assert {twin.planted for twin in twins} == {0, 0.05, 0.1, 0.2}
    assert plan.blocks == 10


class Recorder:
    """A transport that counts its places."""

    def __init__(self) -> None:
        self.places = 0

    def reserve(self) -> int:
        self.places += 1
        return self.places


def test_a_planted_delay_falls_on_the_first_place_alone() -> None:
    planted = Planted(Recorder())  # type: ignore[arg-type]
    planted.delay_ns = 20_000_000
    begun = time.perf_counter_ns()
    assert planted.reserve() == 1
    first = time.perf_counter_ns() - begun
    assert planted.reserve() == 2
    assert (first >= 20_000_000, planted.delay_ns, planted.places) == (True, 0, 2)
