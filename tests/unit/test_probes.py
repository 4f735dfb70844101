"""Probes: each says in one sentence what it found, whatever the function does to the process that it runs in."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff import payloads, probes
from handoff.configuration import complete
from handoff.measure.usage import MARK, marked
from handoff.probes.calling import Trial, same
from handoff.probes.finding import ABOUT, LEVELS, Finding
from handoff.probes.function import gil_verdict, probe_call, probe_pickling, probe_read_only
from handoff.probes.machine import probe_machine
from handoff.probes.order import CALLING, OF_THE_FUNCTION, PROBES, Order, still_possible
from handoff.probes.payload import probe_payload
from handoff.probes.results import Entry
from handoff.probes.supervise import Heard, loudness, obituary, sweep
from handoff.probes.touched import probe_touched
from handoff.records import BadTable, write_atomically
from handoff.scenarios import Payload, Plan, Scenario, make_plan

ROOT = Path(__file__).parents[2]
NAUGHTY = ROOT / "tests" / "probes"
ROWS = 1000
LIMIT_S = 30.0


def codes(findings: Any) -> dict[str, Finding]:
    """Findings by code."""
    return {finding.code: finding for finding in findings}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "numbers.npy"
    np.save(path, np.arange(ROWS, dtype=np.float64))
    return f"array:{path}"


def probed(source: str, function: str, left: Collection[str] = (), limit_s: float = LIMIT_S) -> dict[str, Finding]:
    """Findings of the naughty function; those of the probes in `left` are not asked for."""
    wanted = tuple(
        name for name in PROBES if name not in {"machine", "payload", "touched", "two_threads"}.difference(left)
    )
    task = function if ":" in function else f"naughty:{function}"
    return codes(probes.probe(Order(source, 8 * ROWS, 2, task, str(NAUGHTY), limit_s=limit_s, probes=wanted)))


# A function that behaves, and those that do not: something is said of each, and what else can be known is found.


def test_of_a_function_that_behaves_everything_is_found(source: str) -> None:
    found = probed(source, "total", {"machine", "payload", "touched", "two_threads"})
    assert {"kind", "memory", "pickled_by_name", "returns", "takes", "read_only"} <= set(found)
    assert {"holds_gil", "releases_gil", "gil_unclear", "gil_not_tried"} & set(found)
    assert "obstacle" not in {finding.level for finding in found.values()}
    assert found["takes"].facts["call_s"] > 0


ENDS = {
    "raises": ("raises", "ValueError: no\\nsuch column"),
    "crashes": ("crashes", "SIGSEGV"),
    "exits_at_once": ("exits", "status 3"),
    "exits": ("exits", "status enough"),
    "takes_all_memory": ("out_of_memory", "memory"),
    "exits_on_import:anything": ("exits", "status 4, while its module was imported"),
    "naughty:nothing": ("not_loaded", "no attribute 'nothing'"),
    "no_such_module:nothing": ("not_loaded", "No module named 'no_such_module'"),
}


@pytest.mark.parametrize("function", ENDS)
def test_a_function_that_has_no_result_is_told_by_what_it_did(source: str, function: str) -> None:
    code, words = ENDS[function]
    found = probed(source, function, {"machine", "payload"})
    assert words in found[code].sentence
    assert found[code].level == "obstacle"
    assert {"kind", "memory"} <= set(found), "what does not need the function is found all the same"
    assert not {"returns", "takes"} & set(found)


@pytest.mark.parametrize("function", ["never_returns", "stops"])
def test_a_function_that_never_returns_is_ended(source: str, function: str) -> None:
    found = probed(source, function, {"machine"}, limit_s=1.0)
    assert found["never_returns"].sentence == "It did not return within 1 s."
    assert "memory" in found


def test_what_was_found_before_a_death_is_kept_and_the_death_told(source: str) -> None:
    found = probed(source, "fails_in_threads", {"two_threads"})
    if "gil_not_tried" in found:
        pytest.skip("this machine has one core")
    assert found["crashes"].sentence == "It ended Python by SIGSEGV when two threads called it at once."
    assert {"returns", "takes", "pickled_by_name"} <= set(found)


def test_a_function_that_writes_is_found_out_and_works_on_no_read_only_payload(source: str) -> None:
    found = probed(source, "writes_input")
    assert found["writes_input"].level == "warning"
    assert "read-only" in found["needs_writable"].sentence
    assert "differs" not in found, "each further call gets the payload as it was"


def test_what_is_printed_is_counted_and_not_kept(source: str) -> None:
    found = probed(source, "prints_much")
    facts = found["prints"].facts
    assert facts["printed_bytes"] == (facts["calls"] - 1) * 50 * 10**6, "the import prints nothing"
    assert found["prints"].level == "warning"


def test_a_process_that_outlives_its_call_is_told_and_ended(source: str) -> None:
    found = probed(source, "starts_process", {"two_threads", "touched"})
    assert found["starts_processes"].facts == {"processes": 1, "processes_left": 1}
    assert "holds_gil" not in found, "what leaves processes is not called hundreds of times"
    assert marked(f"handoff-probes-{os.getuid()}-{os.getpid()}-") == []


def test_what_a_killed_run_of_probes_left_is_ended_and_what_a_living_one_has_is_not() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left, living = (
        subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: f"handoff-probes-{os.getuid()}-{owner}-1"})
        for owner in (gone.pid, os.getpid())
    )
    try:
        assert left.pid in sweep()
        assert left.wait() == -signal.SIGKILL
        assert living.poll() is None
    finally:
        for process in (left, living):
            process.kill()
            process.wait()


def test_a_function_that_forks_and_returns_in_both_is_probed_once(source: str) -> None:
    found = probed(source, "comes_back_twice")
    assert "starts_processes" in found
    assert "takes" in found


def test_threads_that_stay_are_told(source: str) -> None:
    found = probed(source, "starts_threads")
    assert found["starts_threads"].facts == {"threads": 3, "threads_left": 3}


@pytest.mark.parametrize("function", ["no_name", "closure"])
def test_a_function_that_pickle_cannot_take_is_told(source: str, function: str) -> None:
    found = probed(source, function)
    assert {"function_not_picklable", "cloudpickle_only"} & set(found)
    assert "takes" in found, "threads can run it"


def test_results_that_cannot_come_back_or_be_compared_are_told(source: str) -> None:
    assert probed(source, "returns_lambda")["result_not_picklable"].level == "obstacle"
    assert "differs" in probed(source, "returns_clock")


def test_whatever_is_written_into_the_pipe_of_findings_does_no_harm(source: str) -> None:
    assert "takes" in probed(source, "writes_into_every_pipe")


def test_a_payload_that_cannot_be_loaded_costs_no_other_finding(tmp_path: Path) -> None:
    found = probed(f"array:{tmp_path / 'none.npy'}", "total", {"machine", "payload"})
    assert found["not_loaded"].about == "payload"
    assert {"memory", "pickled_by_name"} <= set(found)
    assert "takes" not in found


def test_a_payload_whose_unpickling_ends_python_is_blamed_for_it(tmp_path: Path) -> None:
    class Ends:
        def __reduce__(self) -> Any:
            return os._exit, (5,)

    path = tmp_path / "ends.pkl"
    path.write_bytes(pickle.dumps(Ends()))
    found = probed(f"objects:{path}", "total", {"machine", "payload"})
    assert "status 5" in found["probe_died"].sentence
    assert found["probe_died"].about == "payload"
    assert {"memory", "pickled_by_name"} <= set(found)


def test_a_frame_from_a_file_gets_its_columns_line(tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    frame = payloads.load("frame").make(8 * 10 * 2000, 1, columns=10)
    frame.to_parquet(path)
    order = Order(f"frame:{path}", 8 * 10 * 2000, 1, "naughty:two_columns", str(NAUGHTY), own_file=True)
    found = codes(probes.probe(order))
    assert found["pass_less"].snippet == "frame[['float64_0', 'int64_3']]"
    assert found["pass_less"].facts["factor"] == pytest.approx(5, rel=0.05)
    assert "load_in_worker" in found["from_file"].consequence


def test_what_is_probed_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(10))
    code = (
        f"from handoff import probes; "
        f"probes.probe(probes.Order('array:{tmp_path / 'a.npy'}', 80, 1, 'naughty:never_returns', {str(NAUGHTY)!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as asking:
        mark = f"handoff-probes-{os.getuid()}-{asking.pid}-"
        wait_until(lambda: bool(marked(mark)))
        asking.kill()
        asking.wait()
    wait_until(lambda: not marked(mark))


def wait_until(holds: Callable[[], bool]) -> None:
    """Until it holds; the test's own time limit ends what never does."""
    while not holds():
        time.sleep(0.01)


# Which probes go on after a death.


@given(st.sampled_from(PROBES), st.booleans())
def test_after_a_death_less_is_left(died_in: str, calling: bool) -> None:
    left = still_possible(PROBES, died_in, calling)
    assert died_in not in left or died_in.startswith("load")
    assert len(left) < len(PROBES)
    if calling:
        assert not set(CALLING) & set(left)
    if died_in in ("load_payload", "load_function"):
        assert died_in not in left
    if "pickling" in left or set(CALLING) & set(left):
        assert "load_function" in left


def test_a_death_is_told_by_its_signal_status_or_limit() -> None:
    said = {
        "It ended Python by SIGABRT.": Heard(probe="call", calling=True, code=-signal.SIGABRT),
        "It called exit (status 0).": Heard(probe="call", calling=True, code=0),
        "It did not return within 2.5 s when it was called again.": Heard(
            probe="repeated", calling=True, how="when it was called again", timed_out=2.5, code=-9
        ),
        "The probe payload could not be made: it ended Python by SIGSEGV.": Heard(probe="payload", code=-11),
        "The probe payload could not be made: it ended Python with status 1: oh\\x1bno.": Heard(
            probe="payload", code=1, tail=b"a\noh\x1bno\n"
        ),
    }
    assert {obituary(heard).sentence.rstrip(".") for heard in said.values()} == {each.rstrip(".") for each in said}
    assert obituary(Heard(probe="call", calling=True, code=-9), hungry=True).code == "out_of_memory"


def test_a_death_in_an_unusual_call_rules_out_that_use_alone() -> None:
    part = obituary(Heard(probe="touched", calling=True, how="on a part of its payload", code=-11))
    assert (part.code, part.level) == ("touched_untold", "warning")
    assert part.sentence == "It ended Python by SIGSEGV on a part of its payload."
    both = obituary(Heard(probe="two_threads", calling=True, how="when two threads called it at once", timed_out=30.0))
    assert (both.code, both.consequence) == ("never_returns", "Threads are out, whatever their time.")


# Words.


@pytest.mark.parametrize(
    "speed_up, code", [(0.5, "holds_gil"), (1.0, "holds_gil"), (1.29, "holds_gil"), (1.31, "gil_unclear"),
                       (1.69, "gil_unclear"), (1.71, "releases_gil"), (2.0, "releases_gil")],
)  # fmt: skip
def test_the_gil_is_judged_where_the_speed_up_is_clear(speed_up: float, code: str) -> None:
    found = gil_verdict(speed_up * 0.5, 0.5, has_gil=True)
    assert found.code == code
    assert ("cannot tell" in found.sentence) == (code == "gil_unclear")
    assert found.facts["speed_up"] == pytest.approx(speed_up)


def test_without_a_gil_none_is_let_go_of() -> None:
    assert "no GIL" in gil_verdict(2.0, 1.0, has_gil=False).sentence
    assert "lets go" not in gil_verdict(2.0, 1.0, has_gil=False).sentence
    assert "holds" not in gil_verdict(1.0, 1.0, has_gil=False).sentence


def test_what_is_printed_is_told_with_its_unit() -> None:
    assert loudness(1_200_000_000, 1).sentence == "It printed 1.2 GB in 1 call."
    assert loudness(10, 5).level == "note"


def test_room_is_arithmetic() -> None:
    gib = 2**30
    (fits,) = probe_machine(gib, 2, 6 * gib, 4 * gib)
    assert (fits.code, fits.facts["need_bytes"]) == ("memory", 5 * gib)
    little, shared = probe_machine(gib, 4, 6 * gib, 2 * gib)
    assert little.sentence == "4 workers with a payload of 1 GiB each would need 9 GiB of memory; 6 GiB are available."
    assert (little.level, little.facts["room_for_workers"]) == ("warning", 2)
    assert "room for 2 of 4 payloads" in shared.sentence
    assert next(iter(probe_machine(2 * gib, 1, gib, 9 * gib))).level == "obstacle"
    assert [finding.code for finding in probe_machine(0, 1, 1, 0)] == ["memory"]


# The payload.


def test_an_array_goes_out_of_band_and_text_does_not() -> None:
    array = codes(probe_payload(np.zeros(10_000)))
    assert array["out_of_band"].facts["out_of_band_bytes"] == 80_000
    text = codes(probe_payload(pd.DataFrame({"a": pd.Series(["text"] * 5000, dtype=object), "b": range(5000)})))
    assert text["in_band"].facts["in_band_bytes"] > text["in_band"].facts["out_of_band_bytes"] / 9
    assert text["object_columns"].facts["object_columns"] == 1
    assert text["object_columns"].facts["object_share"] > 0.8


def test_strides_and_parents_are_told() -> None:
    whole = np.zeros((1000, 100))
    assert "strided" in codes(probe_payload(whole[:, ::3]))
    part = codes(probe_payload(whole[:50]))
    assert part["keeps_parent"].facts["factor"] == pytest.approx(20)
    assert not {"strided", "keeps_parent", "drags_parent"} & set(codes(probe_payload(whole)))


def test_a_slice_of_an_arrow_table_and_of_a_frame_keeps_its_parent() -> None:
    table = pa.table({"a": np.arange(100_000)})
    assert codes(probe_payload(table.slice(0, 1000)))["keeps_parent"].facts["factor"] == pytest.approx(100)
    frame = pd.DataFrame({"a": np.zeros(10_000), "b": np.ones(10_000)})
    assert codes(probe_payload(frame.iloc[:1000]))["keeps_parent"].facts["factor"] == pytest.approx(10)
    assert "keeps_parent" not in codes(probe_payload(frame))


def test_what_cannot_be_pickled_is_an_obstacle() -> None:
    found = codes(probe_payload({"a": lambda: 1}))
    assert found["not_picklable"].level == "obstacle"


def test_a_payload_from_a_file_can_be_loaded_by_the_worker() -> None:
    assert "load_in_worker" in codes(probe_payload(np.zeros(10), own_file=True))["from_file"].consequence


# Pass less.


def trial(run: Any, payload: Any) -> Trial:
    """As the child has it when the columns' turn comes."""
    made = Trial(run, lambda: payload, lambda event: None, LIMIT_S)
    made.result, made.works = run(payload), True
    return made


def needed(run: Any, payload: Any) -> dict[str, Finding]:
    return codes(probe_touched(trial(run, payload)))


@pytest.fixture(scope="module")
def wide() -> Any:
    return payloads.load("frame").make(8 * 40 * 3000, 1, columns=40)


def test_two_of_forty_columns_are_found_with_the_line_to_paste(wide: Any) -> None:
    found = needed(lambda frame: float((frame["float64_0"] * frame["int64_3"]).sum()), wide)["pass_less"]
    assert (found.facts["parts"], found.facts["needed"]) == (40, 2)
    assert found.facts["factor"] == pytest.approx(20, rel=0.1)
    assert "Send 2 of 40 columns: 20.0 times fewer bytes." in found.consequence
    assert found.snippet == "frame[['float64_0', 'int64_3']]"


@pytest.mark.parametrize("run", [
    lambda frame: float(frame.max().max()), lambda frame: float(frame.min().min()),
    lambda frame: int(frame.isna().sum().sum() + frame.shape[1]), lambda frame: float(frame.to_numpy().sum()),
    lambda frame: list(frame.columns),
], ids=["max", "min", "shape", "sum", "labels"])  # fmt: skip
def test_a_column_that_only_happens_not_to_matter_is_not_left_out(wide: Any, run: Any) -> None:
    assert "pass_less" not in needed(run, wide)


def test_text_dates_and_missing_values_matter_too() -> None:
    rows = 500
    frame = pd.DataFrame({
        "text": ["b"] * rows, "more": ["a"] * rows, "date": pd.date_range("2020", periods=rows), "none": [1.5] * rows,
        "whole": range(rows), "group": pd.Categorical(["x", "y"] * (rows // 2)),
    })  # fmt: skip
    most = needed(lambda f: max(str(f[c].max()) for c in ("text", "more") if c in f), frame)
    assert most["pass_less"].facts["needed"] == 2
    nulls = needed(lambda f: int(sum(f[c].isna().sum() for c in f if f[c].dtype.kind == "f")), frame)
    assert nulls["pass_less"].facts["needed"] == 1
    both = needed(lambda f: (str(f["date"].max()), int(f.groupby("group", observed=True)["whole"].sum()["x"])), frame)
    assert both["pass_less"].facts["needed"] == 3


def test_labels_that_occur_twice_are_taken_by_place() -> None:
    frame = pd.DataFrame(np.random.default_rng(1).random((50, 4)), columns=["a", "a", "b", "c"])
    found = needed(lambda f: float(f["b"].sum()), frame)["pass_less"]
    assert found.snippet == "frame.iloc[:, [2]]"


def test_tables_and_dicts_have_parts_too() -> None:
    numbers = {name: np.arange(1000.0) for name in "abcd"}
    table = needed(lambda t: t.column("b").to_pylist()[-1], pa.table(numbers))["pass_less"]
    assert table.snippet == "table.select(['b'])"
    by_key = needed(lambda d: float(d["c"].sum()), numbers)["pass_less"]
    assert by_key.facts["needed"] == 1


def test_what_depends_on_the_length_alone_needs_no_column(wide: Any) -> None:
    assert needed(len, wide)["pass_less"].facts["needed"] == 0


def test_what_a_sample_does_not_show_is_not_claimed(wide: Any) -> None:
    found = needed(lambda f: float(f["float64_0"].sum() if len(f) <= 1000 else f["float64_2"].sum()), wide)
    assert set(found) == {"touched_untold"}


def test_a_function_that_needs_all_rows_or_more_time_is_not_judged(wide: Any) -> None:
    def fussy(frame: Any) -> int:
        if len(frame) <= 1000:
            raise ValueError("too few")
        return 1

    assert set(needed(fussy, wide)) == {"touched_untold"}
    hurried = trial(lambda frame: float(frame["float64_0"].sum()), wide)
    hurried.limit_s = -1.0
    assert set(codes(probe_touched(hurried))) == {"touched_untold"}


def test_a_function_that_writes_gets_a_copy_each_time(wide: Any) -> None:
    frame = wide.copy()

    def write(given: Any) -> float:
        given["float64_0"] += 1
        return float(given["float64_0"].sum())

    made = Trial(write, frame.copy, lambda event: None, LIMIT_S)
    found = codes(probe_call(made))
    assert "writes_input" in found
    assert made.payload.equals(frame)
    assert codes(probe_touched(made))["pass_less"].facts["needed"] == 1
    assert made.payload.equals(frame)


def test_equal_results_are_equal_up_to_the_order_of_adding() -> None:
    assert same(0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1)
    assert same(float("nan"), float("nan"))
    assert same(np.array([1.0, float("nan")]), np.array([1.0, float("nan")]))
    assert not same(1.0, 1.001)


def test_a_function_by_name_is_picklable() -> None:
    assert codes(probe_pickling(len)).keys() == {"pickled_by_name"}


@pytest.mark.parametrize("can", [True, False])
def test_whether_cloudpickle_can_is_told_where_it_is_installed(can: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def dumps(_function: Any) -> bytes:
        if not can:
            raise TypeError("a lock")
        return b""

    monkeypatch.setitem(sys.modules, "cloudpickle", SimpleNamespace(dumps=dumps))
    (found,) = probe_pickling(lambda payload: 1)
    assert found.code == ("cloudpickle_only" if can else "function_not_picklable")
    assert ("only cloudpickle can." in found.sentence) == can
    assert ("nor can cloudpickle." in found.sentence) != can


def test_what_has_no_buffers_has_no_read_only_form() -> None:
    assert list(probe_read_only(trial(len, [1, 2]))) == []


# The file, and the step.


def entry() -> Entry:
    finding = Finding(
        "payload", "pass_less", "It needs 2 of 40.", "Send 2.", "warning", {"factor": 20.0}, "frame[['a']]"
    )
    return Entry("sales", "mine:score", "/home/me", (finding, *probe_machine(8, 1, 100, 100)))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    probes.write(tmp_path / "probes.json", [entry()])
    assert probes.read(tmp_path / "probes.json") == [entry()]


STRANGE = {"about": "moon", "code": "", "sentence": "", "consequence": ""}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"entries": [{"payload": 1}]}',
        json.dumps({"entries": [{"payload": "a", "task": "b", "task_home": "", "findings": [STRANGE]}]}),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    write_atomically(tmp_path / "probes.json", text)
    with pytest.raises(BadTable, match=r"probes\.json"):
        probes.read(tmp_path / "probes.json")


def test_findings_are_lines_for_a_terminal() -> None:
    lines = probes.text([entry(), entry()])
    assert lines[0] == "sales, mine:score:"
    assert lines[1] == "! payload:  It needs 2 of 40. Send 2."
    assert lines[2].strip() == "frame[['a']]"
    assert lines.count("") == 1


def small_plan() -> Plan:
    config = {"run": "r", "scenarios": [{
        "payload": {"kind": "array", "size": "64KiB"}, "task": ["read", "sum"], "pattern": "send", "workers": 1,
    }]}  # fmt: skip
    return make_plan(complete(config), ROOT)


def made_payload(plan: Plan, folder: Path) -> Payload:
    """The plan's one payload, made and described in that folder."""
    (payload,) = plan.payloads.values()
    made = payloads.load("array").make(payload.size, 1)
    payloads.load("array").write(made, folder / payload.file)
    payloads.write_description(
        payloads.description_path(payload, folder), payloads.describe(made, payload, folder / payload.file)
    )
    return payload


def test_a_plan_with_functions_of_the_users_is_probed_for_each(tmp_path: Path) -> None:
    plan = small_plan()
    payload = made_payload(plan, tmp_path)
    tasks = ("naughty:total", "naughty:raises")
    scenarios = tuple(Scenario(payload, task, "send", 1, task_home=str(NAUGHTY)) for task in (*tasks, tasks[0]))
    total, raises = probes.probe_plan(replace(plan, scenarios=scenarios), tmp_path)
    assert (total.task, total.task_home, raises.task) == (tasks[0], str(NAUGHTY), tasks[1])
    assert {"kind", "memory", "takes"} <= set(codes(total.findings))
    assert {"kind", "memory", "raises"} <= set(codes(raises.findings))


def own_plan(*tasks: str) -> Plan:
    """The small plan with functions of the user's as its tasks."""
    plan = small_plan()
    (payload,) = plan.payloads.values()
    return replace(plan, scenarios=tuple(Scenario(payload, task, "send", 1, task_home=str(NAUGHTY)) for task in tasks))


def test_a_payload_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(payloads.PayloadError):
        probes.probe_plan(own_plan("naughty:total"), tmp_path)


def test_of_what_handoff_brings_nothing_is_asked(tmp_path: Path) -> None:
    assert probes.probe_plan(small_plan(), tmp_path) == []


def test_the_step_writes_an_entry_for_each_payload_and_task(tmp_path: Path) -> None:
    plan = own_plan("naughty:total", "naughty:raises")
    payload = made_payload(plan, tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts" / "probe_scenarios.py", "--plan", tmp_path / "plan.json",
         "--payloads", tmp_path, "--out", tmp_path / "probes.json"], text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    entries = probes.read(tmp_path / "probes.json")
    assert [(each.payload, each.task) for each in entries] == [
        (payload.id, "naughty:total"), (payload.id, "naughty:raises"),
    ]  # fmt: skip
    for each in entries:
        assert {"kind", "out_of_band", "memory"} <= {finding.code for finding in each.findings}
    assert "It is of the kind array" in ended.stdout


def test_an_order_survives_its_journey() -> None:
    order = Order("array:a b", 5, 2, "m:f", "/x", True, 1.5, PROBES[:3], 7, 100)
    assert Order.from_json(order.to_json()) == order
    assert set(CALLING) < set(OF_THE_FUNCTION) < set(PROBES)


def test_levels_and_subjects_are_those_that_are_documented() -> None:
    assert ABOUT == ("payload", "function", "machine")
    assert LEVELS == ("note", "warning", "obstacle")


def test_a_pickle_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "mine.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    found = codes(probes.probe(Order(f"objects:{path}", 100, 1, own_file=True)))
    assert found["is_a_pickle"].level == "warning"
    assert "is_a_pickle" not in codes(probes.probe(Order(f"array:{tmp_path / 'mine.npy'}", 100, 1, own_file=True)))
