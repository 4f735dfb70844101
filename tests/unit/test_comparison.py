"""Two invented runs beside each other: what is said about them, what is refused, and how the script ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from invented_times import ARENA, REFERENCE, THREADS, Times, plan_of, scenario_of, steady, tables

from handoff.comparison import Comparison, Line, compare, comparison_text
from handoff.recommend import recommend
from handoff.records import INVOCATIONS, SUMMARY, TIMINGS, BadTable, write_table
from handoff.results import CannotCompare, read_results
from handoff.scenarios import Payload, Plan, Scenario
from handoff.summaries import block_values, summarize

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_runs.py"
SCENARIO = scenario_of(THREADS, ARENA, REFERENCE)
INF = float("inf")
MACHINE = {
    "hardware": {"processor": "Example CPU", "cores": 2, "caches": [{"level": 1, "size_bytes": 32768}]},
    "kernel": {"release": "6.1.0", "transparent_huge_pages": "madvise", "boot": "one"},
    "limits": {"memory_available_bytes": 1, "dev_shm_bytes": 64},
    "python": {"version": "3.13.0", "gil": True},
    "packages": {"numpy": "2.4.0", "pandas": "3.1.0"},
}


def usual(blocks: int = 10, **factors: float) -> Times:
    """What the strategies took, times a factor; 'inline', 'threads', 'arena', 'reference'."""
    seconds = {"inline": 0.001, "threads": 0.005, "arena": 0.01, "reference": 0.1}
    names = {"inline": "inline", "threads": THREADS, "arena": ARENA, "reference": REFERENCE}
    return {
        names[key]: steady(value * factors.get(key, 1.0), blocks, turn)
        for turn, (key, value) in enumerate(seconds.items())
    }


def write(
    folder: Path, times: Times | Mapping[str, Times], plan: Plan | None = None, machine: Mapping[str, Any] = MACHINE,
    **of_invocations: str,
) -> Path:  # fmt: skip
    """The folder of a run of these times; by scenario id if the plan has several scenarios."""
    plan = plan or plan_of(SCENARIO, blocks=len(times["inline"]))
    by_scenario = {SCENARIO.id: times} if "inline" in times else times
    invocations, timings = tables(plan, by_scenario)  # type: ignore[arg-type]
    invocations = [row | of_invocations for row in invocations]
    summary = summarize(invocations, timings, plan)
    for name, table, rows in (
        ("invocations", INVOCATIONS, invocations),
        ("timings", TIMINGS, timings),
        ("summary", SUMMARY, summary),
    ):
        write_table(folder / f"{name}.csv", table, rows)
    answers = recommend(summary, block_values(invocations, timings), plan, invocations)
    machine_id = of_invocations.get("machine_id", "0123456789ab")
    for file, data in (
        ("plan.json", plan.to_json()),
        ("recommendations.json", answers),
        (f"machines/{machine_id}.json", machine),
    ):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(json.dumps(data), encoding="utf-8")
    return folder


def compared(before: Path, after: Path, *across: str, tie_zone: float | None = None) -> Comparison:
    return compare(read_results(before), read_results(after), tie_zone, across)


def line(found: Comparison, strategy: str) -> Line:
    return next(line for line in found.lines if line.strategy == strategy)


def verdicts(found: Comparison) -> dict[str, str]:
    return {line.strategy: line.verdict for line in found.candidates}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return write(tmp_path / "before", usual())


# What is said of times.


def test_a_run_that_says_the_same(tmp_path: Path, before: Path) -> None:
    again = {name: steady(values[0], 10, turn=5) for name, values in usual().items()}  # type: ignore[type-var]
    found = compared(before, write(tmp_path / "after", again))
    assert set(verdicts(found).values()) == {"tie"}
    assert found.exit_code == 0
    assert found.agreement.share == 1.0
    text = comparison_text(found)
    assert "Shown to be slower: 0.\n" in text
    assert "is shown to take the same time in 1 of 1 scenario, and to have moved in none.\n" in text
    assert "Verdicts against the reference: 2 in both runs, 2 decided in both, 2 of these agree (100 %).\n" in text
    assert "Recommended: the same in 1 of 1 scenario.\n" in text
    assert "ndicative" not in text


def test_what_became_slower_is_told_with_its_interval(tmp_path: Path, before: Path) -> None:
    found = compared(before, write(tmp_path / "after", usual(threads=1.2)))
    assert verdicts(found) == {THREADS: "slower", ARENA: "tie", REFERENCE: "tie"}
    change = line(found, THREADS).times
    assert change.ratio == pytest.approx(1.2, rel=0.01)
    assert change.low is not None
    assert change.high is not None
    assert 1.19 < change.low < change.ratio < change.high < 1.21
    assert line(found, THREADS).to_reference.ratio == pytest.approx(1.2, rel=0.01)
    assert found.exit_code == 1
    assert (
        f"Shown to be slower: 1:\n  array-1MiB.read.send.w1, {THREADS}: 1.20 [1.20, 1.20] (5.01 ms, then 6.01 ms)\n"
    ) in comparison_text(found)


def test_faster_is_no_alarm(tmp_path: Path, before: Path) -> None:
    found = compared(before, write(tmp_path / "after", usual(threads=0.8)))
    assert verdicts(found)[THREADS] == "faster"
    assert found.exit_code == 0


def test_the_reader_may_widen_the_tie_zone(tmp_path: Path, before: Path) -> None:
    after = write(tmp_path / "after", usual(threads=1.08))
    assert verdicts(compared(before, after))[THREADS] == "slower"
    assert verdicts(compared(before, after, tie_zone=0.1))[THREADS] == "tie"


def test_where_inline_moved_the_ratios_decide(tmp_path: Path, before: Path) -> None:
    """The machine is a third slower, threads a fifth more than that."""
    third = 1.33
    after = write(tmp_path / "after", usual(inline=third, threads=1.2 * third, arena=third, reference=third))
    found = compared(before, after)
    assert verdicts(found) == {THREADS: "slower", ARENA: "tie", REFERENCE: "tie"}
    assert line(found, ARENA).times.verdict == "slower"
    assert [line(found, name).judged_by for name in (THREADS, REFERENCE)] == ["to_reference", "to_floor"]
    assert line(found, THREADS).judged.ratio == pytest.approx(1.2, rel=0.01)
    text = comparison_text(found)
    assert "moved beyond the tie zone in 1 of 1 scenario: the machine changed between the runs." in text
    assert "itself moved against inline" not in text


def test_a_reference_that_moved_is_named_where_ratios_decide(tmp_path: Path, before: Path) -> None:
    found = compared(before, write(tmp_path / "after", usual(inline=1.3, threads=1.3, arena=1.3, reference=2.6)))
    assert verdicts(found) == {THREADS: "faster", ARENA: "faster", REFERENCE: "slower"}
    assert f"In 1 scenario {REFERENCE} itself moved against inline" in comparison_text(found)


def test_floors_alone_are_no_alarm(tmp_path: Path, before: Path) -> None:
    assert compared(before, write(tmp_path / "after", usual(inline=1.5))).exit_code == 0


def test_too_few_blocks_leave_everything_unclear(tmp_path: Path) -> None:
    found = compared(write(tmp_path / "a", usual(3)), write(tmp_path / "b", usual(3, threads=2.0)))
    assert verdicts(found)[THREADS] == "unclear"
    assert found.exit_code == 0
    text = comparison_text(found)
    assert "Indicative: as few as 3 blocks, it takes 10 to be sure." in text
    assert "Verdicts against the reference: 2 in both runs, 0 decided in both.\n" in text


def test_runs_of_unequal_length_are_compared(tmp_path: Path, before: Path) -> None:
    found = compared(before, write(tmp_path / "after", usual(6, arena=1.2)))
    assert (line(found, ARENA).before.blocks, line(found, ARENA).after.blocks) == (10, 6)
    assert verdicts(found)[ARENA] == "slower"


def test_more_is_asked_of_runs_that_stopped_when_they_liked_what_they_saw(tmp_path: Path, before: Path) -> None:
    plan = replace(plan_of(SCENARIO, blocks=10), effort="adaptive")
    assert compared(before, write(tmp_path / "after", usual(), plan)).level == 0.975


def test_a_timeout_counts_as_longer_than_anything(tmp_path: Path, before: Path) -> None:
    found = compared(before, write(tmp_path / "after", {**usual(), THREADS: [INF] * 10}))
    assert verdicts(found)[THREADS] == "slower"
    assert line(found, THREADS).times.ratio is None
    assert line(found, THREADS).newly_failing
    assert f"{THREADS}: - (5.01 ms, then timeout)\n" in comparison_text(found)


def test_two_runs_that_both_timed_out_have_no_ratio(tmp_path: Path) -> None:
    """Both took longer than their limit: by how much, nobody knows. 1.00 would be a tie."""
    folders = [write(tmp_path / name, {**usual(), THREADS: [INF] * 10}) for name in "ab"]
    found = compared(*folders)
    change = line(found, THREADS).times
    assert (change.ratio, change.low, change.high, change.verdict) == (None, None, None, "unclear")
    assert re.search(rf"\n  {THREADS} +timeout +timeout +- ", comparison_text(found))
    json.dumps(found.to_json(), allow_nan=False)


def test_half_of_the_blocks_timed_out_in_both_runs(tmp_path: Path) -> None:
    """A quarter of the differences is unknown: the middle one may be any, though there are known ones on both sides."""
    mixed = {**usual(), THREADS: [INF, 0.005] * 5}
    assert line(compared(write(tmp_path / "a", mixed), write(tmp_path / "b", mixed)), THREADS).times.ratio is None


# Failures.


def test_new_failures_are_changes_and_old_ones_are_not(tmp_path: Path) -> None:
    before = write(tmp_path / "a", {**usual(), ARENA: ["crashed"] * 10})
    after = write(tmp_path / "b", {**usual(), ARENA: ["error"] * 10, THREADS: [*steady(0.005, 9), "invalid"]})
    found = compared(before, after)
    assert [line.strategy for line in found.newly_failing] == [THREADS]
    assert found.exit_code == 1
    assert (
        "Newly failing: 1:\n"
        f"  array-1MiB.read.send.w1, {THREADS}: ok, then invalid (in 1 of 10 blocks: the reason of invalid)\n"
    ) in comparison_text(found)
    assert verdicts(found)[ARENA] == ""
    assert re.search(rf"\n  {ARENA} +crashed +error +- +- +- +- +-\n", comparison_text(found))


def test_what_no_longer_fails_is_told_and_is_no_alarm(tmp_path: Path, before: Path) -> None:
    found = compared(write(tmp_path / "a", {**usual(), ARENA: ["crashed"] * 10}), before)
    assert found.exit_code == 0
    assert f"{ARENA}: crashed, then ok (the reason of crashed)\n" in comparison_text(found)


def test_faster_than_reading_is_a_failure(tmp_path: Path, before: Path) -> None:
    found = compared(before, write(tmp_path / "after", {**usual(), ARENA: steady(0.0001, 10)}))
    assert [line.after.outcome for line in found.newly_failing] == ["below_floor"]


# Do they say the same?


def test_reversed_verdicts_and_other_recommendations_are_listed(tmp_path: Path, before: Path) -> None:
    found = compared(before, write(tmp_path / "after", usual(threads=40.0, arena=1.0)))
    assert (found.agreement.share, len(found.agreement.decided)) == (0.5, 2)
    assert [line.strategy for line in found.agreement.reversed] == [THREADS]
    text = comparison_text(found)
    assert "2 decided in both, 1 of these agree (50 %).\nReversed: 1:\n" in text
    assert f"{THREADS}: faster, then slower\n" in text
    assert f"array-1MiB.read.send.w1: {THREADS} (decided), then {ARENA} (decided)\n" in text


def test_what_only_one_run_has_is_listed(tmp_path: Path) -> None:
    other = scenario_of(THREADS, REFERENCE, kind="objects", name="1MiB")
    plans = plan_of(SCENARIO, other, blocks=10), plan_of(scenario_of(THREADS, REFERENCE), blocks=10)
    less = {name: times for name, times in usual().items() if name != ARENA}
    before = write(tmp_path / "a", {SCENARIO.id: usual(), other.id: less}, plans[0])
    found = compared(before, write(tmp_path / "b", {SCENARIO.id: less}, plans[1]))
    assert (SCENARIO.id, ARENA) in found.only_before
    assert (other.id, "inline") in found.only_before
    assert found.only_after == ()
    text = comparison_text(found)
    assert f"Only in {before}: 2:\n  {SCENARIO.id}, {ARENA}\n  {other.id}, all of it\n" in text


def test_the_table_has_every_strategy_below_its_scenario(tmp_path: Path, before: Path) -> None:
    table = comparison_text(compared(before, write(tmp_path / "after", usual()))).rpartition("\n\n")[2].splitlines()
    assert table[0].split()[:3] == ["before", "after", "time"]
    assert table[1] == SCENARIO.id
    assert [row.split()[0] for row in table[2:]] == ["inline", "memcpy", THREADS, REFERENCE, ARENA]
    assert table[-1].split()[-2:] == ["tie", "times"]


# What is refused.


def test_another_machine_is_refused_and_named_key_by_key(tmp_path: Path, before: Path) -> None:
    other = {**MACHINE, "hardware": {**MACHINE["hardware"], "processor": "Other CPU"}}  # type: ignore[dict-item]
    after = write(tmp_path / "after", usual(), machine=other, machine_id="ffffffffffff")
    with pytest.raises(CannotCompare) as refused:
        compared(before, after)
    assert str(refused.value) == (
        f"{before} and {after} are not equals:\n"
        "  machine_id: 0123456789ab against ffffffffffff\n"
        "  hardware.processor: Example CPU against Other CPU\n"
        "To compare them all the same: --across machines"
    )
    found = compared(before, after, "machines")
    text = comparison_text(found)
    assert text.startswith(f"{after} against {before}, across machines\n")
    assert "Different:\n" in text
    assert "\n  hardware.processor: Example CPU against Other CPU\n" in text
    assert {line.judged_by for line in found.candidates} == {"to_reference", "to_floor"}


def test_another_environment_is_refused_and_named_package_by_package(tmp_path: Path, before: Path) -> None:
    other = {**MACHINE, "packages": {"numpy": "2.5.0", "pandas": "3.1.0"}}
    changed = {"environment_id": "eeeeeeeeeeee", "interpreter": "CPython 3.14.0"}
    after = write(tmp_path / "after", usual(), machine=other, **changed)
    with pytest.raises(CannotCompare) as refused:
        compared(before, after)
    assert str(refused.value).splitlines()[1:] == [
        "  environment_id of array: ba9876543210 against eeeeeeeeeeee",
        "  interpreter: CPython 3.13.0 against CPython 3.14.0",
        "  packages.numpy: 2.4.0 against 2.5.0",
        "To compare them all the same: --across environments",
    ]
    assert {line.judged_by for line in compared(before, after, "environments").lines} == {"times"}


def test_another_code_is_an_environment_of_equal_packages(tmp_path: Path, before: Path) -> None:
    with pytest.raises(CannotCompare, match="Python and packages are alike: it is Handoff's own code"):
        compared(before, write(tmp_path / "after", usual(), environment_id="eeeeeeeeeeee"))


def test_both_at_once_need_both_options(tmp_path: Path, before: Path) -> None:
    after = write(tmp_path / "after", usual(), environment_id="eeeeeeeeeeee", machine_id="ffffffffffff")
    with pytest.raises(CannotCompare, match="--across machines --across environments"):
        compared(before, after)
    with pytest.raises(CannotCompare, match=r"all the same: --across environments$"):
        compared(before, after, "machines")
    assert compared(before, after, "machines", "environments").across == ("machines", "environments")


def test_a_machine_without_a_description_is_said_to_have_none(tmp_path: Path, before: Path) -> None:
    after = write(tmp_path / "after", usual(), machine_id="ffffffffffff")
    (after / "machines" / "ffffffffffff.json").unlink()
    with pytest.raises(CannotCompare, match=r"after/machines has no description of it"):
        compared(before, after)


@pytest.mark.parametrize(
    "plan, said",
    [
        (plan_of(SCENARIO, blocks=10, reference=ARENA), f"reference: {REFERENCE} against {ARENA}"),
        (
            plan_of(replace(SCENARIO, payload=replace(SCENARIO.payload, options=(("dtype", "int8"),))), blocks=10),
            f"scenario {SCENARIO.id}: payload.options.dtype: not there against int8",
        ),
    ],
)
def test_no_option_allows_another_config(tmp_path: Path, before: Path, plan: Plan, said: str) -> None:
    after = write(tmp_path / "after", usual(), plan)
    with pytest.raises(CannotCompare) as refused:
        compared(before, after, "machines", "environments")
    assert said in str(refused.value)
    assert "No option allows another config" in str(refused.value)


def own(path: str, size: int) -> tuple[Plan, Scenario]:
    """A run of a user's file that takes so many bytes in memory."""
    scenario = Scenario(Payload("mine", "mine", size, path=path), "read", "send", 1, strategies=(THREADS, REFERENCE))
    return plan_of(replace(scenario, payload=replace(scenario.payload, size=0)), blocks=10), scenario


def test_a_file_may_lie_elsewhere_but_not_hold_something_else(tmp_path: Path) -> None:
    folders = []
    for name, path, size in (("a", "/here/mine.npy", 800), ("b", "/there/mine.npy", 800), ("c", "/here/mine.npy", 900)):
        plan, measured = own(path, size)
        folder = write(tmp_path / name, {measured.id: usual()}, replace(plan, scenarios=(measured,)))
        (folder / "plan.json").write_text(json.dumps(plan.to_json()), encoding="utf-8")
        folders.append(folder)
    assert compared(*folders[:2]).exit_code == 0
    with pytest.raises(CannotCompare, match=r"payload mine: 800 bytes in memory against 900"):
        compared(folders[0], folders[2])


def test_what_forbids_nothing_is_remarked(tmp_path: Path, before: Path) -> None:
    kernel = {"release": "6.1.0", "transparent_huge_pages": "always", "boot": "two"}
    plan = replace(plan_of(SCENARIO, blocks=10), tie_zone=0.1)
    after = write(tmp_path / "after", usual(), plan, {**MACHINE, "kernel": kernel}, host="other")
    assert compared(before, after).remarks == (
        "Measured on different hosts: example, then other.",
        "The machine has the same id, but is described differently: "
        "kernel.transparent_huge_pages: madvise against always.",
        "The recommendations rest on different configs: tie_zone 0.05 against 0.1.",
    )


def test_nothing_in_common_is_refused(tmp_path: Path, before: Path) -> None:
    other = scenario_of(THREADS, REFERENCE, name="2MiB")
    after = write(tmp_path / "after", {other.id: usual()}, plan_of(other, blocks=10))
    with pytest.raises(CannotCompare, match="have no scenario with a strategy in common"):
        compared(before, after)


# The script.


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True, check=False)


def test_the_script_ends_with_0_or_1_and_writes_the_same_as_data(tmp_path: Path, before: Path) -> None:
    after, file = write(tmp_path / "after", usual(threads=1.2)), tmp_path / "new" / "comparison.json"
    ended = run_script(before, after, "--json", file)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == comparison_text(compared(before, after))
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["exit_code"] == 1
    assert data["agreement"] == {"both": 2, "decided": 2, "agreeing": 2, "share": 1.0, "reversed": []}
    threads = next(entry for entry in data["lines"] if entry["strategy"] == THREADS)
    assert (threads["verdict"], threads["judged_by"], threads["before"]["blocks"]) == ("slower", "times", 10)
    assert run_script(before, after, "--tie-zone", "0.3").returncode == 0


def test_the_script_refuses_with_2(tmp_path: Path, before: Path) -> None:
    after = write(tmp_path / "after", usual(), machine_id="ffffffffffff")
    ended = run_script(before, after)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("compare_runs: ")
    assert run_script(before, after, "--across", "machines").returncode == 0
    assert run_script(before, before, "--tie-zone", "-1").returncode == 2


def _cut(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8")[:-20], encoding="utf-8")


def _untimed(file: Path) -> None:
    """The first row that says ok loses its time."""
    header, *rows = file.read_text(encoding="utf-8").splitlines()
    place = header.split(",").index("total_s")
    cells = rows[0].split(",")
    cells[place] = ""
    file.write_text("\n".join([header, ",".join(cells), *rows[1:], ""]), encoding="utf-8")


@pytest.mark.parametrize(
    "name, damage, said",
    [
        ("summary.csv", Path.unlink, "no summary.csv; only a finished run"),
        ("recommendations.json", Path.unlink, "no recommendations.json; only a finished run"),
        ("summary.csv", _cut, "its last line has no end; the file was cut short"),
        ("timings.csv", _untimed, "is ok and has no time"),
        ("plan.json", _cut, "plan.json: cannot be read"),
        ("plan.json", lambda file: file.write_text("[]"), "plan.json: cannot be read"),
        ("recommendations.json", lambda file: file.write_text('{"a": 1}'), "{'a': 1} and not a list"),
        ("machines/0123456789ab.json", lambda file: file.write_text("7"), "it is 7 and not a mapping"),
        ("invocations.csv", lambda file: file.write_text(""), "no header of invocations.csv"),
    ],
)
def test_damage_is_one_line(tmp_path: Path, before: Path, name: str, damage: Any, said: str) -> None:
    after = write(tmp_path / "after", usual())
    damage(after / name)
    with pytest.raises(BadTable) as refused:
        read_results(after)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_damaged_or_missing_run_ends_the_script_with_one_line_and_2(tmp_path: Path, before: Path) -> None:
    after = write(tmp_path / "after", usual())
    (after / "summary.csv").unlink()
    for folder in (after, tmp_path / "nowhere"):
        ended = run_script(before, folder)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert len(ended.stderr.splitlines()) == 1
