"""What is recommended from known times, how sure it is, and the sentences that say so."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from invented_times import (
    ARENA,
    ARROW,
    FASTPARQUET,
    FORK,
    REFERENCE,
    THREADS,
    Times,
    plan_of,
    scenario_of,
    steady,
    tables,
)

from handoff import strategies
from handoff.advice import in_full
from handoff.recommend import recommend, table_rows
from handoff.records import INVOCATIONS, RECOMMENDATIONS, TIMINGS, Row, read_table, write_table
from handoff.scenarios import Plan, Scenario
from handoff.summaries import block_values, summarize
from handoff.tables import read_summary

FIELDS = {
    "scenario", "recommended", "runner_up", "tied_with", "saves_s", "saves_low_s", "saves_high_s", "saves_bytes",
    "ratio_to_reference", "ratio_low", "ratio_high",
    "confidence", "why", "changes_when", "rejected", "snippet", "measured_on",
}  # fmt: skip
NOISY = [0.10, 0.16, 0.08, 0.13, 0.07, 0.15]


def answers_of(plan: Plan, times: dict[str, Times]) -> list[dict[str, Any]]:
    invocations, timings = tables(plan, times)
    summary = summarize(invocations, timings, plan)
    return recommend(summary, block_values(invocations, timings), plan, invocations)


def answer_of(times: Times, blocks: int = 6, reference: str = REFERENCE, **needs: object) -> dict[str, Any]:
    """The answer of a run of one scenario."""
    scenario = scenario_of(*(name for name in times if "-" in name and "@" not in name))
    plan = plan_of(scenario, blocks=blocks, reference=reference, **needs)
    return answers_of(plan, {scenario.id: times})[0]


def because(answer: dict[str, Any], strategy: str) -> str:
    return next(entry["because"] for entry in answer["rejected"] if entry["strategy"] == strategy)


def test_a_clear_winner() -> None:
    answer = answer_of({THREADS: steady(0.0052), ARENA: steady(0.02, turn=1), REFERENCE: steady(0.098, turn=3)})
    assert set(answer) == FIELDS
    assert answer["recommended"] == THREADS
    assert answer["runner_up"] == ARENA
    assert answer["tied_with"] == []
    assert answer["confidence"] == "indicative"
    assert answer["saves_s"] == pytest.approx(0.098 - 0.0052, rel=0.01)
    assert answer["ratio_low"] < answer["ratio_to_reference"] < answer["ratio_high"]
    assert answer["snippet"] == "scripts/handoff/snippets/threads_reference.py"
    assert answer["changes_when"] == ""
    assert answer["why"] == (
        "threads-reference takes 5.21 ms where pool_spawn-pickle takes 98.0 ms "
        "(0.053 of its time, 95 % interval 0.053 to 0.054)."
    )
    assert because(answer, ARENA) == (
        "it takes 20.0 ms: 3.84 times as long as threads-reference, 95 % interval 3.82 to 3.89"
    )
    assert answer["measured_on"] == {
        "host": "example", "machine_id": "0123456789ab", "environment_id": "ba9876543210",
        "interpreter": "CPython 3.13.0", "blocks": 6,
    }  # fmt: skip


def test_ten_blocks_decide() -> None:
    answer = answer_of({THREADS: steady(0.0052, 10), REFERENCE: steady(0.098, 10, turn=3)}, blocks=10)
    assert answer["confidence"] == "decided"


def test_among_equals_the_simplest() -> None:
    """arena is 2 % faster, well within the tie zone; threads are simpler."""
    answer = answer_of({THREADS: steady(0.0102), ARENA: steady(0.0100, turn=1), REFERENCE: steady(0.1, turn=3)})
    assert strategies.find(THREADS).simplicity < strategies.find(ARENA).simplicity
    assert (answer["recommended"], answer["runner_up"], answer["tied_with"]) == (THREADS, ARENA, [ARENA])
    assert answer["confidence"] == "indicative"
    assert answer["why"].endswith(
        "process_spawn-arena is the fastest with 10.0 ms, but not shown to be more than 5 % faster, and less simple."
    )
    assert because(answer, ARENA) == (
        "it takes 10.0 ms (a tie, 0.98 times as long as threads-reference, 95 % interval 0.97 to 0.99) "
        "and is less simple"
    )


def test_a_tie_with_the_reference() -> None:
    answer = answer_of({THREADS: steady(0.1, turn=1), REFERENCE: steady(0.1)})
    assert (answer["recommended"], answer["tied_with"]) == (THREADS, [REFERENCE])
    assert answer["why"].endswith(": a tie, and it is simpler.")


def test_too_noisy_to_tell() -> None:
    """The simplest is not shown slower, so it stays; nobody claims that it is faster."""
    answer = answer_of({THREADS: NOISY, REFERENCE: NOISY[::-1]})
    assert answer["confidence"] == "unclear"
    assert answer["recommended"] == THREADS
    assert re.search(r"95 % interval 0\.\d\d to \d\.\d\d\)\. Not decided.*blocks\.$", answer["why"])


def test_unclear_names_the_number_of_blocks() -> None:
    answer = answer_of({THREADS: [0.085, 0.1, 0.082, 0.1, 0.08, 0.09], REFERENCE: [0.1] * 6})
    assert answer["confidence"] == "unclear"
    assert re.search(r"Not decided yet: it would take about \d+ more blocks?\.$", answer["why"])


def test_what_you_do_now_is_as_good_as_any() -> None:
    answer = answer_of({ARENA: steady(0.2), REFERENCE: steady(0.098, turn=3)})
    assert (answer["recommended"], answer["saves_s"], answer["ratio_to_reference"]) == (REFERENCE, 0.0, 1.0)
    assert answer["confidence"] == "indicative"
    assert answer["why"] == (
        "What you do now is as good as any: pool_spawn-pickle takes 98.0 ms, "
        "and nothing else that can be used here is more than 5 % faster."
    )


def test_what_you_do_now_stays_while_nothing_is_shown_better() -> None:
    answer = answer_of({ARENA: [value * 0.97 for value in NOISY], REFERENCE: NOISY[::-1]})
    assert (answer["recommended"], answer["confidence"]) == (REFERENCE, "unclear")
    assert answer["why"].startswith(
        "Nothing is shown to be better than what you do now: "
        "pool_spawn-pickle takes 115 ms, process_spawn-arena 112 ms ("
    )


def test_only_one_strategy() -> None:
    answer = answer_of({REFERENCE: steady(0.098)})
    assert (answer["recommended"], answer["runner_up"], answer["rejected"]) == (REFERENCE, "", [])
    assert answer["why"] == "pool_spawn-pickle takes 98.1 ms; there is no other that can be used here."


def test_only_one_that_works() -> None:
    answer = answer_of({THREADS: steady(0.005), REFERENCE: ["crashed"] * 6})
    assert answer["recommended"] == THREADS
    assert answer["saves_s"] is None
    assert answer["why"] == (
        "threads-reference takes 5.00 ms; pool_spawn-pickle has no time to compare with: it crashed: "
        "the reason of crashed. There is no other that can be used here."
    )


def test_a_reference_that_always_times_out_has_no_time_to_compare_with() -> None:
    answer = answer_of({THREADS: steady(0.005), ARENA: steady(0.02), REFERENCE: [math.inf] * 6})
    assert answer["recommended"] == THREADS
    assert answer["why"] == (
        "threads-reference takes 5.00 ms; pool_spawn-pickle has no time to compare with: "
        "it ran into its time limit: it ran longer than its limit of 60 s."
    )
    json.dumps(answer, allow_nan=False)


def test_all_failed() -> None:
    answer = answer_of({THREADS: ["error"] * 6, REFERENCE: ["crashed"] * 6})
    assert (answer["recommended"], answer["snippet"], answer["confidence"]) == ("", "", "unclear")
    assert answer["saves_s"] is None
    assert answer["why"] == (
        "Nothing can be recommended (failed or not possible: 2). threads-reference: it failed: the reason of error."
    )


def test_nothing_meets_the_needs() -> None:
    answer = answer_of({FORK: steady(0.01), REFERENCE: [math.inf] * 6}, safe=True)
    assert answer["recommended"] == ""
    assert answer["why"].startswith(
        "Nothing can be recommended (failed or not possible: 1, not safe or not meeting the needs: 1). "
    )


def test_one_failed_block_is_enough_not_to_be_recommended() -> None:
    answer = answer_of({THREADS: [*steady(0.005, 5), "crashed"], ARENA: steady(0.02), REFERENCE: steady(0.1)})
    assert answer["recommended"] == ARENA
    assert because(answer, THREADS) == "it crashed: in 1 of 6 blocks: the reason of crashed"


@pytest.mark.parametrize("safe", [True, False])
def test_fork_is_never_recommended(safe: bool) -> None:
    answer = answer_of({FORK: steady(0.001), REFERENCE: steady(0.1)}, safe=safe)
    assert answer["recommended"] == REFERENCE
    assert because(answer, FORK).startswith("it is not safe: ")


def test_below_the_floor_is_never_recommended() -> None:
    answer = answer_of({"inline": steady(0.01), THREADS: steady(0.001), REFERENCE: steady(0.1)})
    assert answer["recommended"] == REFERENCE
    assert because(answer, THREADS) == "it is faster than reading the payload can be, so it did not read it"


def test_a_need_to_write() -> None:
    times = {ARROW: steady(0.01), REFERENCE: steady(0.1)}
    scenario = scenario_of(*times, kind="frame")
    for writable, wanted in ((False, ARROW), (True, REFERENCE)):
        answer = answers_of(plan_of(scenario, writable=writable), {scenario.id: times})[0]
        assert answer["recommended"] == wanted
    assert because(answer, ARROW) == "its receiver may not write into the payload"


def test_the_standard_library_alone() -> None:
    times = {FASTPARQUET: steady(0.01), REFERENCE: steady(0.1)}
    scenario = scenario_of(*times, kind="frame")
    for dependencies, wanted in (("any", FASTPARQUET), ("stdlib", REFERENCE)):
        answer = answers_of(plan_of(scenario, dependencies=dependencies), {scenario.id: times})[0]
        assert answer["recommended"] == wanted
    assert because(answer, FASTPARQUET) == "it needs fastparquet, and only the standard library is allowed"


def test_what_the_payload_needs_anyway_is_no_dependency() -> None:
    assert "numpy" in strategies.find("process_spawn-npy-tmpfs").needs
    npy = "process_spawn-npy-tmpfs"
    assert answer_of({npy: steady(0.01), REFERENCE: steady(0.1)}, dependencies="stdlib")["recommended"] == npy


def test_a_reference_that_is_faster_and_unsafe() -> None:
    answer = answer_of({THREADS: steady(0.1, turn=1), ARENA: steady(0.2), FORK: steady(0.001)}, reference=FORK)
    assert answer["recommended"] == THREADS
    assert answer["why"].startswith(
        "threads-reference takes 100 ms where process_fork-inherit takes 1.00 ms (99.9 times its time, 95 % interval "
        "99.3 to 101); process_fork-inherit cannot be recommended: it is not safe: "
    )


def test_without_the_reference_nothing_is_compared_with_it() -> None:
    answer = answer_of({THREADS: steady(0.005), ARENA: steady(0.01)})
    assert (answer["recommended"], answer["saves_s"], answer["ratio_to_reference"]) == (THREADS, None, None)
    assert answer["confidence"] == "indicative"
    assert answer["why"] == "threads-reference takes 5.00 ms; pool_spawn-pickle is not among the strategies here."


@pytest.mark.parametrize("blocks, confidence", [(1, "unclear"), (2, "indicative"), (5, "indicative")])
def test_few_blocks_go_by_their_points(blocks: int, confidence: str) -> None:
    answer = answer_of({THREADS: steady(0.005, blocks), REFERENCE: steady(0.1, blocks)}, blocks=blocks)
    assert (answer["recommended"], answer["confidence"]) == (THREADS, confidence)
    assert "0.050 of its time, too few blocks for an interval" in answer["why"]
    assert (answer["ratio_low"], answer["ratio_high"]) == (None, None)


def test_few_blocks_that_disagree_are_unclear() -> None:
    answer = answer_of({THREADS: [0.05, 0.2, 0.1], REFERENCE: [0.1] * 3}, blocks=3)
    assert answer["confidence"] == "unclear"
    assert answer["why"].endswith("Not decided yet: it would take at least 3 more blocks.")


def test_one_claim_among_many_needs_holm() -> None:
    """Ten blocks, one of them against it: enough for its own interval, not for a claim among thirteen."""
    many = [
        s.id for s in strategies.TABLE
        if s.safe and not s.unsupported("array", "send") and s.id != REFERENCE
        and not strategies.transport_facts(s.transport).born_there  # ranked apart
    ]  # fmt: skip
    times = {name: steady(0.2, 10, turn=n) for n, name in enumerate(many)}
    times[THREADS] = [0.09, 0.0905, 0.091, 0.0885, 0.0895, 0.0915, 0.088, 0.0875, 0.0925, 0.102]
    alone = answer_of({THREADS: times[THREADS], REFERENCE: [0.1] * 10}, blocks=10)
    among = answer_of({**times, REFERENCE: [0.1] * 10}, blocks=10)
    assert alone["confidence"] == "decided"
    assert (among["recommended"], among["confidence"]) == (THREADS, "indicative")
    assert among["why"].endswith(f"As one claim among {len(many) + 1} it needs more blocks to be sure.")


def sized(sizes: dict[str, int]) -> list[Scenario]:
    return [scenario_of(THREADS, ARENA, REFERENCE, size=size, name=name) for name, size in sizes.items()]


def test_other_sizes_that_change_the_answer_are_named() -> None:
    small, middle, big = sized({"64KiB": 2**16, "1MiB": 2**20, "1GiB": 2**30})
    threads: Times = {THREADS: steady(0.001), ARENA: steady(0.1), REFERENCE: steady(0.2)}
    arena: Times = {THREADS: steady(0.4), ARENA: steady(0.1), REFERENCE: steady(0.2)}
    answers = answers_of(plan_of(big, small, middle), {small.id: threads, middle.id: threads, big.id: arena})
    changes = {answer["scenario"]: answer["changes_when"] for answer in answers}
    assert changes.keys() == {small.id, middle.id, big.id}
    assert changes[small.id] == f"at 1GiB: {ARENA}", "it is no neighbour"
    # Between the neighbours, at the size where straight lines through the medians meet; 64 KiB lies below it, too.
    about = re.fullmatch(rf"from about (\d+)\.\d MiB on \([^)]*\): {ARENA}", changes[middle.id])
    assert about
    assert 200 < int(about[1]) < 300
    assert re.fullmatch(rf"below about {about[1]}\.\d MiB \([^)]*\): {THREADS}", changes[big.id])


def eight(blocks: int) -> tuple[Plan, list[dict[str, Any]]]:
    scenarios = sized({f"{n}MiB": n * 2**20 for n in range(1, 9)})
    times: Times = {THREADS: steady(0.005, blocks), ARENA: steady(0.1, blocks), REFERENCE: steady(0.2, blocks, turn=1)}
    noisy: Times = {THREADS: (NOISY * 2)[:blocks], REFERENCE: (NOISY * 2)[::-1][:blocks], ARENA: steady(0.9, blocks)}
    plan = plan_of(*scenarios, blocks=blocks)
    return plan, answers_of(plan, {s.id: noisy if s is scenarios[-1] else times for s in scenarios})


def test_the_answers_in_words() -> None:
    plan, answers = eight(6)
    brief, _, full = in_full(answers, plan).partition("\n\n")
    assert brief.splitlines()[0] == (
        "What to use, compared with pool_spawn-pickle (indicative: 6 blocks, it takes 10 to be sure)"
    )
    lines = full.splitlines()
    assert lines[0] == "Scenario by scenario:"
    assert len(lines) == 1 + len(answers)
    assert lines[1].startswith(
        "  array-1MiB.read.send.w1: threads-reference takes 5.00 ms where pool_spawn-pickle takes 200 ms ("
    )


def test_with_ten_blocks_the_heading_says_so() -> None:
    plan, answers = eight(10)
    assert in_full(answers, plan).splitlines()[0] == "What to use, compared with pool_spawn-pickle (10 blocks)"


def test_rows_of_the_table_have_its_columns() -> None:
    rows = table_rows(eight(6)[1])
    assert all({"schema_version", *row} == set(RECOMMENDATIONS.names) for row in rows)


def test_the_two_programs_write_what_they_promise(tmp_path: Path) -> None:
    scenario = scenario_of(THREADS, REFERENCE)
    plan = plan_of(scenario)
    invocations, timings = tables(plan, {scenario.id: {THREADS: steady(0.005), REFERENCE: steady(0.1)}})
    write_run(tmp_path, plan, invocations, timings)
    summarise = ["--plan", "plan.json", "--invocations", "invocations.csv", "--timings", "timings.csv"]
    run("summarize_timings.py", [*summarise, "--out", "summary.csv", "--effort", "effort.json"], tmp_path)
    out = ["--out-json", "recommendations.json", "--out-csv", "recommendations.csv", "--out-text", "answer.txt"]
    run("recommend_strategy.py", [*summarise, "--summary", "summary.csv", *out], tmp_path)
    answers = json.loads((tmp_path / "recommendations.json").read_text(encoding="utf-8"))
    assert [answer["recommended"] for answer in answers] == [THREADS]
    assert read_table(tmp_path / "recommendations.csv", RECOMMENDATIONS)[0]["why"] == answers[0]["why"]
    assert (tmp_path / "answer.txt").read_text(encoding="utf-8") == in_full(
        answers, plan, read_summary(tmp_path / "summary.csv", plan)
    )
    (tmp_path / "summary.csv").write_text("", encoding="utf-8")
    failed = run("recommend_strategy.py", [*summarise, "--summary", "summary.csv", *out], tmp_path, 1)
    assert failed == (
        "recommend_strategy: summary.csv: no header of summary.csv; the file is empty or damaged. "
        "Delete it and run the same command again: it is made anew.\n"
    )


def write_run(directory: Path, plan: Plan, invocations: list[Row], timings: list[Row]) -> None:
    (directory / "plan.json").write_text(json.dumps(plan.to_json()), encoding="utf-8")
    write_table(directory / "invocations.csv", INVOCATIONS, invocations)
    write_table(directory / "timings.csv", TIMINGS, timings)


def run(script: str, arguments: list[str], directory: Path, code: int = 0) -> str:
    path = Path(__file__).parents[2] / "scripts" / script
    done = subprocess.run(
        [sys.executable, str(path), *arguments], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stderr
