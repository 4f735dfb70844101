"""Other Pythons: their names, what they say of themselves, and what is measured under them."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from invented_times import REFERENCE, THREADS, plan_of, scenario_of, steady, tables

from handoff import interpreters, provenance
from handoff.blocks import expected, run_order
from handoff.collection import collect
from handoff.configuration import complete
from handoff.interpreters import Interpreter
from handoff.measure import job, supervisor
from handoff.mistakes import ConfigError, HandoffError
from handoff.payloads.generation import generate
from handoff.recommend import recommend
from handoff.records import BadTable, InvocationFile, Row, write_invocation
from handoff.report.answers import headline, snippets
from handoff.scenarios import Payload, Plan, Scenario, make_plan, plan_from_json
from handoff.schedule import Schedule
from handoff.strategies import UnknownStrategy, find
from handoff.summaries import block_values, summarize

OTHER = Interpreter("py314", "/opt/python3.14", "CPython 3.14.0", ("CPython 3.14.0", "numpy 9"))


def program(path: Path, script: str) -> str:
    """A program that may be taken for a Python by its name."""
    path = path if path.name.startswith("python") or path.name == "conda" else path.with_name(f"python-{path.name}")
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def answering(path: Path, **answer: Any) -> str:
    """A program that gives the answer of some Python."""
    said = {"implementation": "CPython", "version": [3, 14, 0], "about": "CPython 3.14.0", "facts": ["numpy 1"],
            "missing": [], **answer}  # fmt: skip
    return program(path, f"cat <<'END'\n{json.dumps(said)}\nEND")


def this_python(path: Path) -> str:
    """Another program that starts the Python of the tests."""
    return program(path, f'exec "{sys.executable}" "$@"')


def plan(given: dict[str, Any], **keys: Any) -> Plan:
    entry = {"payload": {"kind": "objects", "size": "4KiB"}}
    config = {"run": "tiny", "blocks": 1, "scenarios": [entry], "strategies": [THREADS], "interpreters": given, **keys}
    return make_plan(complete(config), Path("/"), cores=2)


def told(given: dict[str, Any], **keys: Any) -> str:
    with pytest.raises(ConfigError) as error:
        plan(given, **keys)
    return str(error.value)


# --- names and ids ---


@pytest.mark.parametrize("name", ["py313", "a", "slower", "again_", "py_3_13_abcd"])
def test_a_name_makes_an_id_of_the_same_parts(name: str) -> None:
    marked = find(f"process_spawn-npy-tmpfs@{name}")
    assert marked.interpreter == name
    assert marked.parts == find("process_spawn-npy-tmpfs").parts
    assert (marked.role, marked.planted, marked.twin) == ("candidate", 0.0, marked.id)
    assert find(marked.floor).role == "floor"
    assert marked.floor == f"inline@{name}"


NO_NAMES = ["again", "slow", "slow10", "slow100", "Py", "3py", "py-13", "py.13", "p" * 13, "", "é", "py\n"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_could_be_another_mark_is_none(name: str) -> None:
    assert "interpreters: " in told({name: "python3"})


def test_other_marks_name_no_interpreter() -> None:
    for mark in ("again", "slow10"):
        marked = find(f"{REFERENCE}@{mark}")
        assert (marked.interpreter, marked.twin, marked.floor) == ("", REFERENCE, "inline")
    with pytest.raises(UnknownStrategy, match="unknown mark"):
        find(f"{REFERENCE}@py313@again")


def test_what_runs_under_the_python_one_has_is_simpler() -> None:
    both = [find(f"{THREADS}@py313"), find("process_spawn-fastparquet-disk")]
    assert sorted(both, key=lambda strategy: strategy.simplicity) == both[::-1]


# --- from the config to the plan ---


def test_every_strategy_is_measured_under_each_and_so_are_the_floors(tmp_path: Path) -> None:
    a, b = answering(tmp_path / "a"), answering(tmp_path / "b", about="CPython 3.13.1")
    made = plan({"one": a, "two": b}, strategies=[THREADS, f"{REFERENCE}@slow10"])
    asked = (THREADS, f"{REFERENCE}@slow10", f"{THREADS}@one", f"{THREADS}@two", REFERENCE)
    assert made.scenarios[0].strategies == asked
    measured = {strategy.id for strategy in made.strategies("objects")}
    assert measured == {*asked, "inline", "inline@again", f"{REFERENCE}@again", "inline@one", "inline@two"}
    assert made.pythons_said == (
        "@one is CPython 3.14.0; @two is CPython 3.13.1; without a mark it is the Python of the workflow."
    )
    assert (made.python(f"{THREADS}@two"), made.python(THREADS)) == ("CPython 3.13.1", "")
    assert plan_from_json(json.loads(json.dumps(made.to_json()))) == made


def test_a_list_that_names_one_itself_is_taken_as_it_stands(tmp_path: Path) -> None:
    given = {"one": answering(tmp_path / "a"), "two": answering(tmp_path / "b")}
    entries = [
        {"payload": {"kind": "objects", "size": "4KiB"}, "strategies": [THREADS, f"{REFERENCE}@two"]},
        {"payload": {"kind": "objects", "size": "8KiB"}},
    ]
    made = plan(given, scenarios=entries)
    assert made.scenarios[0].strategies == (THREADS, f"{REFERENCE}@two")
    assert made.scenarios[1].strategies == (THREADS, f"{THREADS}@one", f"{THREADS}@two", REFERENCE)
    ids = {strategy.id for strategy in made.known(made.scenarios[0].strategies) if "inline" in strategy.id}
    assert ids == {"inline", "inline@again", "inline@two"}


def test_an_interpreter_that_the_config_lacks_is_named_with_the_nearest(tmp_path: Path) -> None:
    given = {"py313": answering(tmp_path / "a")}
    assert told(given, strategies=[f"{THREADS}@py33"]) == (
        "config: strategies: '@py33' is not one of the config's interpreters. Did you mean 'py313'? There are: py313."
    )
    assert told({}, strategies=[f"{THREADS}@py33"]).endswith("interpreters. There are: none.")


def test_a_plan_without_its_interpreter_is_damaged(tmp_path: Path) -> None:
    data = plan({"one": answering(tmp_path / "a")}).to_json()
    with pytest.raises(ValueError, match="there is no interpreter for 'threads-reference@one'"):
        plan_from_json({**data, "interpreters": []})


# --- what a Python is asked ---


def test_a_python_says_what_it_is_and_what_it_cannot_import(tmp_path: Path) -> None:
    found = interpreters.ask("py", this_python(tmp_path / "python"))
    assert (found.about, found.facts) == (interpreters.own().about, interpreters.own().facts)
    assert found.missing(("json", "no_such_module", "no_such_module.inside")) == [
        "no_such_module", "no_such_module.inside",
    ]  # fmt: skip
    assert found.environment_id("code") == interpreters.own().environment_id("code")


def test_what_is_no_python_to_measure_is_one_clear_error(tmp_path: Path) -> None:
    old = answering(tmp_path / "old", version=[3, 10, 2])
    assert told({"py": old}) == f"config: interpreters.py: '{old}' is Python 3.10.2; it takes 3.11 or newer."
    other = answering(tmp_path / "pypy", implementation="PyPy")
    assert told({"py": other}) == f"config: interpreters.py: '{other}' is PyPy 3.14.0; Handoff measures CPython alone."
    broken = program(tmp_path / "broken", "echo 'shim: nothing behind it' >&2; echo more >&2; exit 127")
    assert told({"py": broken}) == (
        f"config: interpreters.py: '{broken}' is not a Python that runs: shim: nothing behind it"
    )
    mute = program(tmp_path / "mute", "true")
    assert told({"py": mute}).endswith("is not a Python that runs: it does not answer as one")
    assert told({"py": "python-no-such"}).startswith(
        "config: interpreters.py: there is no command 'python-no-such' on the PATH. Name a Python as python3.13"
    )
    assert told({"py": "no/such/python"}) == (
        "config: interpreters.py: there is no program '/no/such/python'. It is looked for from '/'."
    )


def test_a_program_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "PATIENCE_S", 0.2)
    silent = program(tmp_path / "slow", "exec sleep 600")
    assert told({"py": silent}).endswith("is not a Python that runs: silent for 0 s.")


@pytest.mark.parametrize(
    "value", [3.13, None, [], {}, {"conda": 3}, {"pip": "a"}, "", "a\x00b", "python3.13\n", "rm", "a/python/x"]
)
def test_what_can_be_no_command_is_refused_by_the_schema(value: object) -> None:
    assert told({"py": value}).startswith("config: interpreters.py")


def test_conda_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "MADE_HERE", tmp_path / ".venvs")
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "py.yaml"
    given = {"py": {"conda": str(file)}}
    assert told(given) == f"config: interpreters.py.conda: there is no file '{file}' that can be read."
    file.write_text("dependencies: [python =3.14]\n", encoding="utf-8")
    assert "none of mamba, conda, micromamba is on the PATH" in told(given)
    program(tmp_path / "conda", "exit 1")
    assert told(given).endswith(f"Make it: make interpreter NAME=py CONDA={file}")
    python = tmp_path / ".venvs" / "py" / "bin" / "python"
    python.parent.mkdir(parents=True)
    answering(python)
    (tmp_path / ".venvs" / "py" / ".made-of.yaml").write_bytes(file.read_bytes())
    monkeypatch.undo()  # the program is a script that needs the usual PATH
    monkeypatch.setattr(interpreters, "MADE_HERE", tmp_path / ".venvs")
    assert plan(given).interpreters[0].command == str(python)
    file.write_text("dependencies: [python =3.13]\n", encoding="utf-8")
    monkeypatch.setattr(interpreters, "CONDAS", ("sh",))
    assert "or the file has changed since" in told(given)


# --- what results hold ---


def test_an_upgraded_interpreter_measures_its_blocks_again(tmp_path: Path) -> None:
    command = answering(tmp_path / "python")
    before = expected(plan({"py": command}), "objects")
    assert before == expected(plan({"py": command}), "objects")
    answering(tmp_path / "python", facts=["numpy 2"])
    after = expected(plan({"py": command}), "objects")
    assert {key for key in before if before[key] != after[key]} == {"interpreters"}


def test_a_job_is_told_which_program_to_start(tmp_path: Path) -> None:
    command = answering(tmp_path / "python")
    schedule = Schedule(plan({"py": command}), tmp_path)
    assert f"--python={command}" in schedule.arguments("objects", f"{THREADS}@py", 1)
    assert f"--python={command}" in schedule.arguments("objects", "inline@py", 1)
    assert not any(each.startswith("--python") for each in schedule.arguments("objects", THREADS, 1))


def _order(strategy: str, python: str = "") -> job.Order:
    return job.Order("r", "objects", strategy, 1, 0, 0, "c", 0.1, {}, (), Path(), Path(), python)


def test_a_job_by_hand_needs_the_program_and_takes_none_without_a_name(tmp_path: Path) -> None:
    command = answering(tmp_path / "python")
    assert job._interpreter(_order(f"{THREADS}@py", command)).about == "CPython 3.14.0"
    assert job._interpreter(_order(THREADS)) == interpreters.own()
    with pytest.raises(HandoffError, match="say which program that is: --python"):
        job._interpreter(_order(f"{THREADS}@py"))
    with pytest.raises(HandoffError, match="goes with an id that names an interpreter, as threads-reference@py313"):
        job._interpreter(_order(THREADS, command))


def test_a_package_that_the_other_python_lacks_is_named_with_it(tmp_path: Path) -> None:
    payload = Payload("array-1MB", "array", 1_000_000, (("dtype", "float64"), ("content", "random")))
    generate(payload, 1, tmp_path / payload.file, tmp_path / payload.description)
    other = interpreters.ask("py", answering(tmp_path / "python", missing=["numpy"]))
    found = supervisor.obstacle(find(f"{THREADS}@py"), Scenario(payload, "read", "send", 1), tmp_path, tmp_path, other)
    assert found == ("unsupported", "needs the package numpy, which is not installed in @py")


def test_only_rows_of_one_python_are_pooled(tmp_path: Path) -> None:
    made = plan({"py": answering(tmp_path / "python")})
    payload = made.scenarios[0].payload
    folder = tmp_path / "run"
    generate(payload, 1, folder / "payloads" / payload.file, folder / "payloads" / payload.description)

    def write(*theirs: str) -> None:
        environments = itertools.cycle(theirs)
        for each in run_order(made):
            environment = next(environments) if each.strategy.interpreter else "ours"
            row: Row = {"block": each.block, "slot": each.slot, "order_seed": each.order_seed, "kind": each.kind,
                        "strategy": each.strategy.id, "machine_id": "m", "campaign": "c",
                        "environment_id": environment}  # fmt: skip
            transfer: Row = {"scenario": made.scenarios[0].id, "strategy": each.strategy.id, "status": "ok"}
            write_invocation(folder / each.file, InvocationFile(row, {}, [transfer]))

    write("theirs")
    invocations, _ = collect(made, folder)
    assert {row["environment_id"] for row in invocations} == {"ours", "theirs"}
    write("one", "another")
    with pytest.raises(BadTable, match=r"2 different environment_ids \(another, one; kind: objects@py\)"):
        collect(made, folder)


# --- what is made of them ---


def answer_of(times: dict[str, list[float]]) -> tuple[Plan, dict[str, Any], list[Row]]:
    scenario = scenario_of(*(name for name in times if "-" in name))
    invented = plan_of(scenario)
    made = Plan(**{**invented.__dict__, "interpreters": (OTHER,)})
    invocations, timings = tables(made, {scenario.id: times})
    summary = summarize(invocations, timings, made)
    return made, recommend(summary, block_values(invocations, timings), made, invocations)[0], summary


def test_the_recommended_one_may_run_under_another_python_and_says_so() -> None:
    quick = f"{THREADS}@py314"
    made, answer, _ = answer_of({THREADS: steady(0.02), quick: steady(0.005, turn=1), REFERENCE: steady(0.1, turn=3)})
    assert answer["recommended"] == quick
    assert answer["why"].endswith(" threads-reference@py314 runs under CPython 3.14.0.")
    assert answer["snippet"] == "scripts/handoff/snippets/threads_reference.py"
    assert [snippet.strategy for snippet in snippets([answer])] == [quick]
    said = headline(made.scenarios[0], answer, REFERENCE, made.python(quick))
    assert "use threads-reference@py314 (under CPython 3.14.0): it saves" in said


def test_of_two_as_fast_the_one_in_the_python_one_has_is_recommended() -> None:
    quick = f"{THREADS}@py314"
    _, answer, _ = answer_of({THREADS: steady(0.0051), quick: steady(0.005, turn=1), REFERENCE: steady(0.1, turn=3)})
    assert answer["recommended"] == THREADS
    assert "CPython 3.14.0" not in answer["why"]


def test_each_python_has_the_floor_that_it_is_held_against() -> None:
    quick = f"{THREADS}@py314"
    times = {THREADS: steady(0.02), quick: steady(0.005, turn=1), REFERENCE: steady(0.1, turn=3)}
    *_, summary = answer_of({**times, "inline": steady(0.01), "inline@py314": steady(0.004)})
    flags = {str(row["strategy"]): str(row["flags"]).split() for row in summary}
    assert "below_floor" not in flags[quick], "it was held against the task under another Python"
    *_, summary = answer_of({**times, "inline": steady(0.001), "inline@py314": steady(0.01)})
    assert "below_floor" in next(str(row["flags"]) for row in summary if row["strategy"] == quick)


def test_a_gil_that_an_import_brought_back_is_told() -> None:
    free = "CPython 3.14.0 without the GIL"
    assert provenance.as_measured(free, gil=False) == free
    assert provenance.as_measured(free, gil=True) == "CPython 3.14.0 with the GIL that an import brought back"
    assert provenance.as_measured("CPython 3.14.0", gil=True) == "CPython 3.14.0"
