"""What is still open after a start of the workflow, and what the next one measures."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from invented_times import ARENA, ARROW, FORK, REFERENCE, THREADS, Times, plan_of, scenario_of, steady, tables

from handoff import effort
from handoff.blocks import blocks_of, continued, run_order
from handoff.records import BadTable
from handoff.scenarios import Extra, Plan, plan_from_json
from handoff.schedule import Schedule
from handoff.summaries import block_values, summarize

NOISY = [0.08, 0.13, 0.1, 0.15, 0.07, 0.12, 0.09, 0.14, 0.11, 0.1]


def adaptive(plan: Plan, **changes: object) -> Plan:
    return dataclasses.replace(plan, **{"effort": "adaptive", "budget_s": 10_000.0, **changes})  # type: ignore[arg-type]


def decided(plan: Plan, *times: Times) -> effort.Effort:
    """The state of a run whose scenarios took these times."""
    of_scenario = {scenario.id: each for scenario, each in zip(plan.scenarios, times, strict=True)}
    invocations, timings = tables(plan, of_scenario)
    return effort.decide(plan, summarize(invocations, timings, plan), block_values(invocations, timings), invocations)


def one(blocks: int = 10, **changes: object) -> Plan:
    return adaptive(plan_of(scenario_of(THREADS, REFERENCE, ARENA), blocks=blocks), **changes)


CLEAR: Times = {THREADS: steady(0.01, 10), REFERENCE: steady(0.1, 10), ARENA: steady(0.05, 10)}
OPEN: Times = {
    THREADS: [0.9 * value for value in reversed(NOISY)],
    REFERENCE: NOISY,
    ARENA: [1.1 * value for value in NOISY[3:] + NOISY[:3]],
}


def test_what_is_decided_needs_nothing() -> None:
    found = decided(one(), CLEAR)
    (scenario,) = found.scenarios
    assert (scenario.stop_reason, scenario.more_blocks, found.next, found.next_s) == ("decided", 0, (), 0)


def test_below_ten_blocks_nothing_is_decided() -> None:
    found = decided(one(6), {name: values[:6] for name, values in CLEAR.items()})
    assert (found.scenarios[0].stop_reason, found.scenarios[0].more_blocks) == ("", 4)
    assert [extra.block for extra in found.next] == [7, 8, 9, 10]


def test_an_open_scenario_gets_more_blocks_of_who_may_still_win() -> None:
    slow = {**OPEN, "process_spawn-arrow-tmpfs": steady(1.0, 10)}
    plan = adaptive(plan_of(scenario_of(THREADS, REFERENCE, ARENA, ARROW), blocks=10))
    found = decided(plan, slow)
    assert found.scenarios[0].raced_out == (ARROW,)
    assert found.next
    assert found.next[0].block == 11
    wanted = {"inline", "memcpy", "inline@again", REFERENCE, f"{REFERENCE}@again", THREADS, ARENA}
    assert set(found.next[0].strategies) == wanted
    assert found.next_s == pytest.approx(len(wanted) * len(found.next))  # an invented invocation takes 1 s


def test_only_open_scenarios_are_measured_again() -> None:
    scenarios = scenario_of(THREADS, REFERENCE, ARENA), scenario_of(THREADS, REFERENCE, ARENA, name="2MiB", size=2**21)
    found = decided(adaptive(plan_of(*scenarios, blocks=10)), CLEAR, OPEN)
    assert {name for extra in found.next for name in extra.scenarios} == {scenarios[1].id}


def test_what_is_not_safe_is_not_measured_again() -> None:
    plan = adaptive(plan_of(scenario_of(THREADS, REFERENCE, ARENA, FORK), blocks=10))
    found = decided(plan, {**OPEN, FORK: steady(0.001, 10)})
    assert FORK not in found.next[0].strategies


def test_the_reference_is_never_raced_out() -> None:
    plan = adaptive(plan_of(scenario_of(THREADS, REFERENCE, ARENA), blocks=10))
    found = decided(plan, {REFERENCE: steady(1.0, 10), THREADS: NOISY, ARENA: list(reversed(NOISY))})
    assert found.scenarios[0].raced_out == ()


def test_lost_blocks_do_not_ask_for_numbers_beyond_the_last(tmp_path: Path) -> None:
    """At max_blocks with a block that the reference lost: 9 are paired, and there is no 11th."""
    times: Times = {**OPEN, REFERENCE: [*NOISY[:9], "crashed"]}
    found = decided(one(max_blocks=10), times)
    assert (found.scenarios[0].blocks, found.scenarios[0].stop_reason, found.next) == (9, "max", ())


def test_a_kind_that_is_too_dear_does_not_stop_a_cheaper_one() -> None:
    cheap = scenario_of(THREADS, REFERENCE, kind="objects")
    plan = adaptive(plan_of(scenario_of(THREADS, REFERENCE, ARENA), cheap, blocks=10))
    times = OPEN, {name: OPEN[name] for name in (THREADS, REFERENCE)}
    spent = decided(plan, *times).spent_s
    cost = len(decided(plan, *times).next[1].strategies)
    found = decided(dataclasses.replace(plan, budget_s=spent + cost + 0.5), *times)
    assert [extra.kind for extra in found.next] == ["objects"]
    assert [each.stop_reason for each in found.scenarios] == ["budget", ""]


@pytest.mark.parametrize("changes, reason", [({"max_blocks": 10}, "max"), ({"budget_s": 1.0}, "budget")])
def test_limits_stop_what_is_open(changes: dict[str, float], reason: str) -> None:
    found = decided(one(**changes), OPEN)
    assert (found.scenarios[0].stop_reason, found.next) == (reason, ())


def test_a_budget_for_one_block_gives_one() -> None:
    spent = 10 * 7.0
    found = decided(one(budget_s=spent + 7.5), OPEN)
    assert len(found.next) == 1


def test_precise_enough_is_enough() -> None:
    """A tie zone that the ratio lies on the edge of is never decided; precision stops it."""
    edge: Times = {THREADS: steady(0.095, 10), REFERENCE: steady(0.1, 10, 5), ARENA: steady(0.2, 10)}
    found = decided(one(precision=0.05), edge)
    assert found.scenarios[0].stop_reason in ("precision", "decided")
    assert found.scenarios[0].half_width is not None
    assert math.expm1(found.scenarios[0].half_width) <= 0.05


def test_where_nothing_is_feasible_more_blocks_do_not_help() -> None:
    found = decided(one(), dict.fromkeys((THREADS, REFERENCE, ARENA), ["crashed"] * 10))
    assert (found.scenarios[0].stop_reason, found.next) == ("failed", ())


def test_fixed_effort_asks_for_nothing_but_says_what_it_would_take() -> None:
    found = decided(dataclasses.replace(one(), effort="fixed"), OPEN)
    assert (found.scenarios[0].stop_reason, found.next) == ("blocks", ())
    assert found.scenarios[0].more_blocks != 0


def test_stop_reasons_stand_in_the_summary() -> None:
    plan = adaptive(plan_of(scenario_of(THREADS, REFERENCE, ARENA, ARROW), blocks=10, dependencies="any"))
    times: Times = {**CLEAR, ARROW: steady(1.0, 10)}
    invocations, timings = tables(plan, {plan.scenarios[0].id: times})
    summary = summarize(invocations, timings, plan)
    found = effort.decide(plan, summary, block_values(invocations, timings), invocations)
    reasons = {row["strategy"]: row["stop_reason"] for row in effort.with_stop_reasons(summary, found)}
    assert (reasons[THREADS], reasons[ARROW]) == ("decided", "raced_out")
    assert "Nothing more to measure" in effort.said(found.to_json(plan))


# --- the next start ---


def written(folder: Path, plan: Plan, found: effort.Effort) -> None:
    (folder / plan.run).mkdir(parents=True)
    (folder / plan.run / "plan.json").write_text(json.dumps(plan.to_json()), "utf-8")
    (folder / plan.run / "effort.json").write_text(json.dumps(found.to_json(plan)), "utf-8")


def test_the_next_start_measures_what_is_open_and_keeps_it(tmp_path: Path) -> None:
    plan = one()
    written(tmp_path, plan, decided(plan, OPEN))
    grown = continued(plan, tmp_path)
    assert [extra.block for extra in grown.extra][:1] == [11]
    assert blocks_of(grown)[-1] == ("array", 10 + len(grown.extra))
    assert plan_from_json(json.loads(json.dumps(grown.to_json()))) == grown
    jobs = run_order(grown)
    assert jobs[: len(run_order(plan))] == run_order(plan)
    assert {job.strategy.id for job in jobs if job.block == 11} == set(grown.extra[0].strategies)
    assert Schedule(grown, tmp_path / plan.run).wanted_in("array", 11) == Schedule(
        grown, tmp_path / plan.run
    ).wanted_in("array", 1)  # the same strategies and scenarios: here nobody is raced out


def test_a_fixed_start_keeps_what_was_measured_and_asks_for_no_more(tmp_path: Path) -> None:
    plan = one()
    written(tmp_path, plan, decided(plan, OPEN))
    fixed = dataclasses.replace(plan, effort="fixed")
    assert continued(fixed, tmp_path).extra == ()
    grown = continued(plan, tmp_path)
    (tmp_path / plan.run / "plan.json").write_text(json.dumps(grown.to_json()), "utf-8")
    assert continued(fixed, tmp_path).extra == ()  # asked for, and interrupted before anything of it was measured
    for extra in grown.extra[:2]:
        file = tmp_path / plan.run / "timings" / extra.kind / THREADS / f"block~{extra.block}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", "utf-8")
    assert continued(fixed, tmp_path).extra == grown.extra[:2]


def test_more_full_blocks_take_the_place_of_extra_ones(tmp_path: Path) -> None:
    plan = one()
    written(tmp_path, dataclasses.replace(plan, extra=(Extra(11, "array", (plan.scenarios[0].id,), (THREADS,)),)),
            decided(plan, CLEAR))  # fmt: skip
    assert [extra.block for extra in continued(plan, tmp_path).extra] == [11]
    assert continued(dataclasses.replace(plan, blocks=12), tmp_path).extra == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"next": 3}', '{"next": [{"block": 11}]}', "null"])
@pytest.mark.parametrize("effort", ["adaptive", "fixed"])
def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path, text: str, effort: str) -> None:
    """Taken for none, it would end the run with answers still open."""
    plan = dataclasses.replace(one(), effort=effort)
    (tmp_path / plan.run).mkdir(parents=True)
    (tmp_path / plan.run / "effort.json").write_text(text, "utf-8")
    with pytest.raises(BadTable, match=r"effort\.json: cannot be read .*Delete it and run the same command again"):
        continued(plan, tmp_path)


def test_extra_blocks_of_another_plan_are_left_out(tmp_path: Path) -> None:
    plan = one()
    strange = (Extra(11, "frame", (), ()), Extra(12, "array", ("gone",), ()), Extra(13, "array", (), ("gone",)))
    written(tmp_path, dataclasses.replace(plan, extra=strange), decided(plan, CLEAR))
    assert continued(plan, tmp_path).extra == ()


def test_adaptive_runs_report_the_wider_interval() -> None:
    plan = one()
    assert (plan.level, dataclasses.replace(plan, effort="fixed").level) == (0.975, 0.95)
    extra = (Extra(11, "array", (), ()),)
    assert dataclasses.replace(plan, effort="fixed", extra=extra).level == 0.975
