"""Every answer as a sentence, as the report and the terminal say it: the patterns one by one, then many scenarios.

The answers are made from known times, as a run's are, so that a sentence is tested with what really leads to it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from invented_times import (
    ARENA,
    ARROW,
    FASTPARQUET,
    FORK,
    NPY,
    REFERENCE,
    THREADS,
    Times,
    plan_of,
    scenario_of,
    steady,
    tables,
)

from handoff import terminal
from handoff.advice import in_brief, in_full
from handoff.interpreters import Interpreter
from handoff.recommend import recommend
from handoff.records import Row
from handoff.report.answers import headline, in_short, sureness, told_by_headline
from handoff.scenarios import Plan, Scenario
from handoff.schedule import Schedule
from handoff.summaries import block_values, summarize

NOISY = [0.10, 0.16, 0.08, 0.13, 0.07, 0.15, 0.11, 0.14, 0.09, 0.12]
MIB = 2**20
WANTED = "To send array-1MiB to 1 worker, "


def asked(
    plan: Plan, times: Mapping[str, Times], memory: Mapping[str, int] | None = None
) -> tuple[list[dict[str, Any]], list[Row]]:
    """The answers of such a run and its summary; memory in bytes, of strategies."""
    invocations, timings = tables(plan, times)
    summary = summarize(invocations, timings, plan)
    for row in summary:
        row["peak_extra_bytes"] = (memory or {}).get(str(row["strategy"]), row["peak_extra_bytes"])
    return recommend(summary, block_values(invocations, timings), plan, invocations), summary


def said(times: Times, memory: Mapping[str, int] | None = None, **plan: Any) -> tuple[str, dict[str, Any]]:
    """The headline of a run of one scenario, without its beginning, and the answer."""
    scenario = scenario_of(*(name for name in times if "-" in name))
    made = replace(plan_of(scenario, blocks=len(next(iter(times.values())))), **plan)
    answer = asked(made, {scenario.id: times}, memory)[0][0]
    use = answer["recommended"]
    sentence = headline(scenario, answer, made.reference, made.python(use) if use else "")
    assert sentence.startswith(WANTED)
    assert sentence.endswith(".")
    return sentence.removeprefix(WANTED), answer


# One scenario, one sentence.


def test_plainly_faster() -> None:
    sentence, answer = said({THREADS: steady(0.005, 10), REFERENCE: steady(0.1, 10, 3)})
    assert sentence == (
        "use threads-reference: it saves 95.0 ms a transfer and takes 0.050 [0.050, 0.050] of pool_spawn-pickle's time."
    )
    assert sureness(answer) == "decided, 10 blocks"
    assert told_by_headline(answer)


def test_few_blocks_are_indicative() -> None:
    sentence, answer = said({THREADS: steady(0.005, 3), REFERENCE: steady(0.1, 3, 3)})
    assert sentence.endswith("it saves 95.2 ms a transfer and takes 0.050 of pool_spawn-pickle's time.")
    assert sureness(answer) == "indicative, 3 blocks"


@pytest.mark.parametrize(
    "mine, theirs, end",
    [
        (0, 128 * MIB, "'s time and 128 MiB less memory."),
        (140 * MIB, 12 * MIB, "'s time and 128 MiB more memory."),
        (MIB // 2, 0, "a transfer and takes 0.050 [0.050, 0.050] of pool_spawn-pickle's time."),
    ],
)
def test_memory_is_told_where_it_matters(mine: int, theirs: int, end: str) -> None:
    times = {THREADS: steady(0.005, 10), REFERENCE: steady(0.1, 10, 3)}
    assert said(times, {THREADS: mine, REFERENCE: theirs})[0].endswith(end)


def test_as_fast_and_simpler() -> None:
    sentence, _ = said({THREADS: steady(0.101, 10), REFERENCE: steady(0.1, 10, 3)})
    assert sentence == (
        "use threads-reference: it is as fast as pool_spawn-pickle (1.01 [1.00, 1.01] times its time) and simpler."
    )


def test_what_one_does_is_the_best() -> None:
    assert said({ARENA: steady(0.2, 10), REFERENCE: steady(0.1, 10, 3)})[0] == (
        "keep pool_spawn-pickle: nothing that can be used here is shown to be faster."
    )
    assert said({FASTPARQUET: NOISY, REFERENCE: NOISY[::-1]})[0] == (
        "keep pool_spawn-pickle for now: nothing that can be used here is shown to be faster yet."
    )


@pytest.mark.parametrize("times", [{}, {ARENA: ["error"] * 10}], ids=["asked for alone", "left alone"])
def test_what_one_does_is_all_there_is(times: Times) -> None:
    sentence, _ = said({**times, REFERENCE: steady(0.1, 10)})
    assert sentence == "keep pool_spawn-pickle: nothing else can be used here."


def test_undecided_whether_it_is_faster() -> None:
    sentence, answer = said({THREADS: [value * 0.95 for value in NOISY], REFERENCE: NOISY[::-1]})
    assert sentence == (
        "use threads-reference for now: it seems to save 5.75 ms a transfer (0.95 [0.65, 1.39] of pool_spawn-pickle's "
        "time). That is not decided yet."
    )
    assert sureness(answer) == "unclear, 10 blocks"
    assert said({THREADS: [value * 1.03 for value in NOISY], REFERENCE: NOISY[::-1]})[0] == (
        "use threads-reference for now: it takes 1.03 [0.71, 1.50] times as long as pool_spawn-pickle. "
        "That is not decided yet."
    )


def test_faster_than_the_reference_and_undecided_against_another() -> None:
    times = {THREADS: [value * 0.1 for value in NOISY], ARENA: [value * 0.095 for value in NOISY[::-1]]}
    assert said({**times, REFERENCE: steady(0.5, 10)})[0] == (
        "use threads-reference for now: it saves 489 ms a transfer and takes 0.022 [0.018, 0.028] of "
        "pool_spawn-pickle's time; process_spawn-arena may be faster still."
    )


def test_everything_failed() -> None:
    sentence, answer = said({ARENA: ["crashed"] * 10, REFERENCE: ["error"] * 10})
    assert sentence == "nothing can be recommended: none of the 2 ways can be used here."
    assert "pool_spawn-pickle: it failed: the reason of error." in answer["why"]
    assert said({REFERENCE: ["error"] * 10})[0] == (
        "nothing can be recommended: the one way that was asked for cannot be used here."
    )


def test_nothing_meets_the_needs() -> None:
    needs = {"writable": False, "safe": True, "dependencies": "stdlib"}
    times = {FASTPARQUET: steady(0.02, 10), FORK: steady(0.01, 10)}
    assert said(times, needs=needs, reference=FORK)[0] == (
        "nothing can be recommended: none of the 2 ways can be used here."
    )


def test_nothing_to_compare_it_with() -> None:
    failed: Times = {THREADS: steady(0.005, 10), REFERENCE: ["error"] * 10}
    assert said(failed)[0] == (
        "use threads-reference, the only one that can be used here; pool_spawn-pickle has no time to compare it with."
    )
    assert said({**failed, ARENA: steady(0.01, 10, 2)})[0] == (
        "use threads-reference; pool_spawn-pickle has no time to compare it with."
    )


def test_slower_and_the_only_one_that_is_safe() -> None:
    assert said({ARENA: steady(0.101, 10), FORK: steady(0.01, 10, 3)}, reference=FORK)[0] == (
        "use process_spawn-arena: it takes 10.1 [10.0, 10.1] times as long as process_fork-inherit, "
        "which cannot be used here."
    )


def test_another_python_is_named() -> None:
    other = Interpreter("py314", "/opt/python3.14", "CPython 3.14.0", ("CPython 3.14.0",))
    quick = f"{THREADS}@py314"
    scenario = scenario_of(THREADS, quick, REFERENCE)
    plan = replace(plan_of(scenario, blocks=10), interpreters=(other,))
    times = {THREADS: steady(0.02, 10), quick: steady(0.005, 10, 1), REFERENCE: steady(0.1, 10, 3)}
    answers, summary = asked(plan, {scenario.id: times})
    for line in (headline(scenario, answers[0], REFERENCE, plan.python(quick)), *in_brief(answers, plan, summary)[1:2]):
        assert "use threads-reference@py314 (under CPython 3.14.0): it saves 95.0 ms a transfer" in line


# Many scenarios, few lines.


def many(count: int, *strategies: str) -> list[Scenario]:
    return [scenario_of(*strategies, size=n * MIB, name=f"{n}MiB") for n in range(1, count + 1)]


def brief(times: Mapping[int, Times], usual: Times, count: int = 20, blocks: int = 10) -> tuple[list[str], str]:
    """in_brief and in_short of a run of so many scenarios, all of the usual times but for those by their number."""
    scenarios = many(count, *usual)
    plan = plan_of(*scenarios, blocks=blocks)
    answers, summary = asked(plan, {s.id: times.get(n, usual) for n, s in enumerate(scenarios, start=1)})
    return in_brief(answers, plan, summary), in_short(answers)


USUAL: Times = {
    THREADS: steady(0.005, 10), ARENA: steady(0.03, 10, 1), ARROW: steady(0.04, 10, 2), NPY: steady(0.05, 10, 4),
    FASTPARQUET: steady(0.06, 10, 5), REFERENCE: steady(0.1, 10, 3),
}  # fmt: skip


def first(name: str, seconds: float = 0.001) -> Times:
    return {**USUAL, name: steady(seconds, 10, 7)}


def test_many_scenarios_with_one_answer() -> None:
    lines, short = brief({7: {**USUAL, REFERENCE: steady(0.2, 10, 3)}}, USUAL)
    assert lines == [
        "What to use, compared with pool_spawn-pickle (10 blocks)",
        "  Use threads-reference in all 20 scenarios: it saves up to 195 ms a transfer "
        "(0.025 [0.025, 0.025] of the time, array-7MiB.read.send.w1).",
    ]
    assert short == "Use threads-reference in all 20 scenarios."


def test_many_scenarios_with_many_answers() -> None:
    times = {
        1: first(ARENA), 2: first(ARROW), 3: first(NPY), 4: first(FASTPARQUET), 5: first(ARENA), 6: first(REFERENCE),
        7: dict.fromkeys(USUAL, ["crashed"] * 10),
    }  # fmt: skip
    lines, short = brief(times, USUAL)
    assert lines == [
        "What to use, compared with pool_spawn-pickle (10 blocks)",
        "  Use threads-reference in 13 of 20 scenarios: it saves up to 95.0 ms a transfer "
        "(0.050 [0.050, 0.050] of the time, array-8MiB.read.send.w1).",
        "  Use process_spawn-arena in 2 of 20 scenarios: it saves up to 99.0 ms a transfer "
        "(0.010 [0.010, 0.010] of the time, array-1MiB.read.send.w1).",
        "  4 other ways in the 4 other scenarios: process_spawn-arrow-tmpfs, process_spawn-npy-tmpfs, "
        "process_spawn-fastparquet-tmpfs, pool_spawn-pickle.",
        "  Nothing can be recommended in 1 of 20 scenarios: array-7MiB.read.send.w1.",
        "Failed: threads-reference in 1 scenario, pool_spawn-pickle in 1 and 4 more ways.",
    ]
    assert short == (
        "Use threads-reference in 13 of 20 scenarios, process_spawn-arena in 2, process_spawn-arrow-tmpfs in 1, "
        "process_spawn-npy-tmpfs in 1, 2 other ways in the other 2; nothing can be recommended in 1."
    )


def test_how_to_go_on() -> None:
    noisy = {THREADS: NOISY, REFERENCE: NOISY[::-1]}
    plain = {THREADS: steady(0.005, 10), REFERENCE: steady(0.1, 10)}
    assert brief({2: noisy}, plain, 5)[0][-1] == (
        "Not decided yet: 1 of 5. Raise `blocks` in the config and run it again; what is measured stays."
    )
    lines, _ = brief({}, {name: values[:6] for name, values in plain.items()}, 5, blocks=6)
    assert lines[0] == "What to use, compared with pool_spawn-pickle (indicative: 6 blocks, it takes 10 to be sure)"
    assert lines[-1] == "To be sure, set `blocks: 10` in the config and run it again; what is measured stays."


def test_where_the_workflow_chooses_the_blocks_it_is_time_that_helps() -> None:
    scenario = scenario_of(THREADS, REFERENCE)
    plan = replace(plan_of(scenario), effort="adaptive")
    noisy: Times = {THREADS: NOISY[:6], REFERENCE: NOISY[5::-1]}
    plain: Times = {THREADS: steady(0.005), REFERENCE: steady(0.1)}
    unclear, clear = (in_brief(asked(plan, {scenario.id: times})[0], plan) for times in (noisy, plain))
    assert unclear[-1] == ("Not decided yet: 1 of 1. Give it more time and run it again; what is measured stays.")
    assert clear[1:] == [
        "  In array-1MiB.read.send.w1, use threads-reference: it saves 95.1 ms a transfer and takes "
        "0.050 of pool_spawn-pickle's time."
    ]


def test_what_failed_everywhere_is_one_line() -> None:
    lines, short = brief({}, dict.fromkeys(USUAL, ["crashed"] * 10))
    assert lines[1] == "  Nothing can be recommended in all 20 scenarios."
    assert short == "Nothing can be recommended in this run."


def test_every_answer_stands_in_the_file() -> None:
    scenarios = many(20, *USUAL)
    plan = plan_of(*scenarios, blocks=10)
    answers, summary = asked(plan, {scenario.id: USUAL for scenario in scenarios})
    text = in_full(answers, plan, summary)
    assert text.split("\n\n")[0].splitlines() == in_brief(answers, plan, summary)
    assert all(f"  {answer['scenario']}: {answer['why']}\n" in text for answer in answers)
    assert "\x1b" not in text


# In the terminal.


def closing(folder: Path, monkeypatch: pytest.MonkeyPatch, width: int = 300, **environment: str) -> list[str]:
    """What is printed at the end of a run of twenty scenarios in which nearly everything happened."""
    times: dict[int, Times] = {n: first(name) for n, name in enumerate((ARENA, ARROW, NPY, FASTPARQUET), start=1)}
    times |= {5: dict.fromkeys(USUAL, ["crashed"] * 10), 6: {**USUAL, THREADS: ["skipped"] * 10}}
    times[7] = {**dict.fromkeys(USUAL, NOISY), REFERENCE: NOISY[::-1]}
    scenarios = many(20, *USUAL)
    plan = plan_of(*scenarios, blocks=10)
    answers, summary = asked(plan, {s.id: times.get(n, USUAL) for n, s in enumerate(scenarios, start=1)})
    (folder / "answer.txt").write_text(in_full(answers, plan, summary), encoding="utf-8")
    wary = "57 warnings about this run: times drift (32), times spread widely (20), times jump (5); see the report"
    (folder / "health.json").write_text(f'{{"in_short": "{wary}"}}', encoding="utf-8")
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"COLUMNS": str(width), **environment}.items():
        monkeypatch.setenv(name, value)
    return Schedule(plan, folder).closing().splitlines()


@pytest.mark.parametrize("width, widest", [(300, 100), (100, 100), (80, 80), (60, 60)])
def test_the_end_of_a_run_is_short_and_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, widest: int
) -> None:
    lines = closing(tmp_path, monkeypatch, width)
    assert len(lines) <= 15
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= widest
    assert lines[0] == ""
    assert lines[1] == "What to use, compared with pool_spawn-pickle (10 blocks)"
    assert lines[2].startswith("  Use threads-reference in 14 of 20 scenarios: it saves up")
    said = " ".join(map(str.strip, lines))
    if width < 100:
        assert f"… {tmp_path / 'answer.txt'} goes on." in said
    else:
        assert "Not decided yet: 1 of 20." in said
        assert "Failed: threads-reference in 1 scenario, pool_spawn-pickle in 1 and 4 more ways. Skipped: thr" in said
    assert "57 warnings about this run" in said
    assert lines[-1] == f"Report: {tmp_path / 'report.html'}"
    assert "\x1b" not in said


def test_colours_are_for_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = closing(tmp_path, monkeypatch, FORCE_COLOR="1")
    assert coloured[1] == "\x1b[1mWhat to use, compared with pool_spawn-pickle (10 blocks)\x1b[0m"
    assert re.sub(r"\x1b\[\d+m", "", "\n".join(coloured)) == "\n".join(closing(tmp_path, monkeypatch))


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "stream, environment, coloured",
    [
        (Screen(), {}, True),
        (Screen(), {"TERM": "xterm"}, True),
        (Screen(), {"TERM": "dumb"}, False),
        (Screen(), {"NO_COLOR": "1"}, False),
        (Screen(), {"NO_COLOR": ""}, True),
        (Screen(), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (Screen(), {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
    ],
)
def test_who_gets_colours(stream: io.StringIO, environment: dict[str, str], coloured: bool) -> None:
    assert terminal.has_colours(stream, environment) is coloured


def test_an_interval_is_not_torn_apart() -> None:
    lines = terminal.folded(["it takes 0.050 [0.050, 0.051] of the time"], 23)
    assert lines == ["it takes 0.050", "[0.050, 0.051] of the", "time"]


def test_long_paragraphs_are_cut_and_control_characters_are_not_obeyed() -> None:
    lines = terminal.folded([f"  {'word ' * 200}", "", "a\x1b[2Jb\u202ec"], 50)
    assert len(lines) == 5
    assert lines[3].endswith(" …")
    assert all(len(line) <= 50 for line in lines)
    assert lines[1].startswith("      word")
    assert lines[4] == "a\ufffd[2Jb\ufffdc"
