"""make mine: from what is said on the command line to a config, and which strategies are measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from example_run import answers, example

from handoff.configuration import complete
from handoff.mine import (
    Choice,
    Question,
    asked,
    choose,
    code_of,
    config_text,
    left_out_said,
    seconds_left,
    told_by_probes,
    where_it_goes,
)
from handoff.payloads.generation import generate
from handoff.probes import Entry, Finding
from handoff.scenarios import Plan, make_plan
from handoff.strategies import expand

BASE = {
    "run": "mine",
    "reference": "pool_spawn-pickle",
    "scenarios": [{"payload": {"kind": "frame", "size": "1MiB"}, "task": "sum", "pattern": "return", "workers": 1}],
    "strategies": ["all"],
}


@pytest.mark.parametrize(
    "question, run, entry",
    [
        (
            Question("data/sales.parquet", "cleaning:clean"),
            "mine-sales-clean",
            {"payload": {"file": "data/sales.parquet"}, "task": "cleaning:clean", "pattern": "send", "workers": "max"},
        ),
        (
            Question("mymodule:make(1000)", "src/work.py:work", "return", "3"),
            "mine-make_1000-work-return-3",
            {
                "payload": {"function": "mymodule:make", "argument": 1000},
                "task": "src/work.py:work",
                "pattern": "return",
                "workers": 3,
            },
        ),
        (
            Question("", "cleaning:clean"),
            "mine-clean",
            {
                "payload": {"kind": "frame", "size": "1MiB"},
                "task": "cleaning:clean",
                "pattern": "send",
                "workers": "max",
            },
        ),
        (
            Question("notes.txt"),
            "mine-notes",
            {"payload": {"file": "notes.txt"}, "task": "sum", "pattern": "send", "workers": "max"},
        ),
    ],
)
def test_what_is_said_takes_the_place_of_the_scenarios(question: Question, run: str, entry: dict[str, object]) -> None:
    config = asked(question, BASE)
    assert (config["run"], config["scenarios"]) == (run, [entry])
    assert (config["blocks"], config["effort"]) == (1, "adaptive")
    assert BASE["run"] == "mine"


def test_who_says_nothing_asks_what_the_config_asks() -> None:
    assert asked(Question(), BASE)["scenarios"] == BASE["scenarios"]


def test_the_config_that_is_written_is_the_one_that_is_read() -> None:
    config = asked(Question('it\'s: a "strange" näme.parquet', "a:b"), BASE)
    assert yaml.safe_load(config_text(config, "About it.")) == config


def planned(folder: Path, payload: dict[str, object], **keys: object) -> Plan:
    config = complete({"scenarios": [{"payload": payload}], **keys})
    plan = make_plan(config, folder, cores=2)
    for each in plan.payloads.values():
        out = folder / "payloads" / each.file if each.file else None
        generate(each, 1, out, folder / "payloads" / each.description)
    return plan


def test_only_those_are_measured_that_can_carry_it(tmp_path: Path) -> None:
    names = ["threads-reference", "process_spawn-npy-tmpfs", "process_spawn-manager", "process_fork-inherit",
             "interpreters-pickle"]  # fmt: skip
    choice = choose(planned(tmp_path, {"kind": "objects", "size": "1MB"}), expand(names), tmp_path)
    assert choice.measured == ("threads-reference", "pool_spawn-pickle")
    assert "npy cannot carry objects" in choice.left_out["process_spawn-npy-tmpfs"]
    assert "many times slower" in choice.left_out["process_spawn-manager"]
    assert "not safe" in choice.left_out["process_fork-inherit"]
    said = left_out_said(choice)
    assert said.startswith("2 strategies are measured. Left out: ")
    assert "1 because they cannot do it with this payload" in said
    assert "1 because they are not safe" in said


def test_of_two_that_differ_in_the_files_place_the_one_in_memory_is_measured(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"kind": "array", "size": "1MB"})
    both = ["process_spawn-npy-tmpfs", "process_spawn-npy-disk"]
    choice = choose(plan, expand(both), tmp_path)
    assert choice.measured == ("process_spawn-npy-tmpfs", "pool_spawn-pickle")
    assert "1 because they are others with files on disk" in left_out_said(choice)
    assert "process_spawn-npy-disk" in choose(plan, expand(both[1:]), tmp_path).measured


def test_a_small_payload_may_go_by_a_manager(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"kind": "objects", "size": "10KB"})
    assert "process_spawn-manager" in choose(plan, expand(["process_spawn-manager"]), tmp_path).measured


def test_who_may_not_be_recommended_is_not_measured(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"kind": "array", "size": "1MB"}, needs={"dependencies": "stdlib"})
    choice = choose(plan, expand(["process_spawn-arrow-tmpfs", "process_spawn-shared_memory_born"]), tmp_path)
    assert choice.measured == ("pool_spawn-pickle",)
    assert "only the standard library is allowed" in choice.left_out["process_spawn-arrow-tmpfs"]
    assert "made in place" in choice.left_out["process_spawn-shared_memory_born"]
    assert "2 because they need what you do not have or allow" in left_out_said(choice)


def test_who_does_not_ask_for_safety_may_fork(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"kind": "objects", "size": "1MB"}, needs={"safe": False})
    assert "process_fork-inherit" in choose(plan, expand(["process_fork-inherit"]), tmp_path).measured


def test_what_comes_from_a_file_may_be_loaded_by_the_worker(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    made = planned(tmp_path, {"kind": "frame", "size": "1MB"})
    own = planned(tmp_path, {"file": str(tmp_path / "mine.csv")})
    assert "process_spawn-load_in_worker" not in choose(made, expand(["threads-reference"]), tmp_path).measured
    assert "process_spawn-load_in_worker" in choose(own, expand(["threads-reference"]), tmp_path).measured


def test_nothing_is_said_of_nobody() -> None:
    assert left_out_said(Choice(("a",), {})) == ""


def test_the_time_left_counts_what_the_workflow_takes_for_itself() -> None:
    assert seconds_left(100, 40, [], 20) == 40
    assert seconds_left(100, 40, [(30, 15), (10, 5)], 20) == 20
    assert seconds_left(100, 90, [(30, 15)], 20) == 0


def entry(*codes: str) -> Entry:
    return Entry("p", "m:f", "/home", tuple(Finding("function", code, "It does.", "So.") for code in codes))


def test_a_function_that_writes_is_given_a_copy() -> None:
    for code in ("writes_input", "needs_writable"):
        assert told_by_probes({"needs": {"safe": True}}, [entry(code)]) == {"needs": {"safe": True, "writable": True}}
    assert told_by_probes({"needs": {}}, [entry("takes")]) == {"needs": {}}


def test_a_function_that_cannot_work_is_shown_to_fail_in_a_few_ways() -> None:
    base = {"strategies": ["all"], "effort": "adaptive"}
    assert told_by_probes(base, [entry("raises")])["strategies"] == ["threads-reference", "process_spawn-pickle5"]
    assert told_by_probes(base, [entry("raises"), entry("takes")]) == base
    assert told_by_probes(base, []) == base


def test_what_is_shown_below_the_answer() -> None:
    run = example()
    code = code_of(run, answers(run))
    assert list(code)[:1] == ["use_this.py"]
    for name, program in code.items():
        compile(program, name, "exec")
    said = where_it_goes(run)
    assert len(said) <= len(run.plan.scenarios)
    assert all("by pool_spawn-pickle: " in line for line in said)
    assert said
