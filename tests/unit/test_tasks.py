"""What the built-in tasks do, and that they do it the same wherever they run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from handoff import payloads, scenarios, strategies, tasks
from handoff.payloads.converted import Converted

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_task_of_the_config_can_be_loaded_and_no_other() -> None:
    for name in scenarios.TASKS:
        assert callable(tasks.load(name))
    with pytest.raises(LookupError, match="'reed' is not a task; there are: read, sum, loop, noop, busy, group_sum"):
        tasks.load("reed")


@pytest.mark.parametrize("kind", scenarios.KINDS)
@pytest.mark.parametrize("task", scenarios.TASKS)
def test_a_task_answers_the_same_for_an_equal_payload(kind: str, task: str) -> None:
    if kind not in scenarios.TASK_KINDS.get(task, scenarios.KINDS):
        pytest.skip(f"{task} is not for {kind}: the config refuses it")
    payload = payloads.load(kind).make(10_000, 1)
    assert tasks.load(task)(payload) == tasks.load(task)(payloads.copy(payload))


@pytest.mark.parametrize("kind", scenarios.KINDS)
def test_read_sees_every_stamp(kind: str) -> None:
    payload = payloads.load(kind).make(10_000, 1)
    numbers = (0, 1, 2, 127, 128, 255)
    assert len({tasks.load("read")(payloads.stamped(payload, number)) for number in numbers}) == len(numbers)


def test_read_sees_every_byte() -> None:
    payload = np.zeros(100, np.uint8)
    for place in range(100):
        before = tasks.load("read")(payload)
        payload[place] ^= 1
        assert tasks.load("read")(payload) != before


def test_sum_is_the_sum() -> None:
    assert tasks.load("sum")(np.arange(101)) == 5050
    assert tasks.load("sum")({"a": [1, 2], "b": "3"}) == 3


def test_loop_is_the_sum_of_the_first_numbers() -> None:
    assert tasks.load("loop")(np.arange(101)) == 5050
    assert tasks.load("loop")({"a": [1, 2], "b": "3"}) == 3
    assert tasks.load("loop")(np.ones(payloads.LOOPED + 10, np.uint8)) == payloads.LOOPED
    columns = pd.DataFrame({name: np.ones(payloads.LOOPED) for name in "ab"} | {"c": "text"})
    assert tasks.load("loop")(columns) == payloads.LOOPED


def test_loop_takes_numbers_in_an_order_that_is_no_matter_of_memory() -> None:
    array = np.random.default_rng(1).random((300, 400))
    assert tasks.load("loop")(np.asfortranarray(array)) == tasks.load("loop")(array)
    frame = pd.DataFrame(array)
    assert tasks.load("loop")(pd.DataFrame({name: frame[name] for name in frame})) == tasks.load("loop")(frame)


def test_loop_leaves_out_what_is_no_number() -> None:
    assert tasks.load("loop")(np.array([1.0, np.nan, 2.0])) == 3.0
    assert tasks.load("loop")(np.array(["1", "2"])) == 0
    assert tasks.load("loop")(pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": ["x", "y"]})) == 1


# --- one implementation a library ---


FRAMES = {
    "one of each group": {"n": [1, 2, 3], "k": ["a", "b", "c"]},
    "groups": {"n": [1, 2, 3, 4], "k": ["a", "b", "a", "b"]},
    "the last text, the first whole number": {"n": [1, 2], "m": [7, 8], "j": ["a", "b"], "k": ["x", "x"]},
    "no group for what is null": {"n": [1, 2, 4], "k": ["a", None, "a"]},
    "too large to add up": {"n": [2**62, 2**62, 2**62, 5], "k": ["a", "a", "b", "é"]},
    "no rows": {"n": np.zeros(0, np.int64), "k": pd.array([], "str")},
}


def squares(frame: pd.DataFrame) -> int:
    """What group_sum is to give, worked out in Python's own whole numbers."""
    sums: dict[str, int] = {}
    for key, value in zip(frame.iloc[:, -1], frame.iloc[:, 0], strict=True):
        if isinstance(key, str):
            sums[key] = sums.get(key, 0) + value
    return (sum(each * each for each in sums.values()) + 2**63) % 2**64 - 2**63


@pytest.mark.parametrize("columns", FRAMES.values(), ids=FRAMES)
def test_group_sum_is_the_same_by_every_library(columns: dict[str, list[object]]) -> None:
    frame = pd.DataFrame(columns)
    assert tasks.load("group_sum")(frame) == squares(frame)
    polars = pytest.importorskip("polars", reason="needs the package polars")
    assert tasks.load("group_sum")(polars.from_pandas(frame)) == squares(frame)


def test_group_sum_sees_every_stamp_and_every_group() -> None:
    payload = payloads.load("text_frame").make(10_000, 1)
    assert len({payloads.stamp(payload, number) and tasks.load("group_sum")(payload) for number in range(256)}) == 256
    before = tasks.load("group_sum")(payload)
    payload["city"] = payload["city"].to_numpy()[::-1]
    assert tasks.load("group_sum")(payload) != before


def test_group_sum_says_what_it_needs() -> None:
    needed = "needs a column of text to group by, and one of 64-bit whole numbers to add up"
    for columns in ({"n": [1]}, {"k": ["a"]}, {"n": [1.5], "k": ["a"]}):
        with pytest.raises(tasks.UnfitPayload, match=needed):
            tasks.load("group_sum")(pd.DataFrame(columns))
    with pytest.raises(tasks.UnfitPayload, match="written for pandas and polars, and this is of numpy"):
        tasks.load("group_sum")(np.zeros(1))


def test_every_library_of_a_task_has_its_implementation_and_no_other() -> None:
    assert set(scenarios.TASK_KINDS) <= set(scenarios.TASKS)
    assert set(scenarios.TASK_LIBRARIES) <= set(scenarios.TASKS)
    written = scenarios.TASK_LIBRARIES["group_sum"]
    for library in written:
        with pytest.raises((AttributeError, ModuleNotFoundError)):  # it is tried
            tasks.load("group_sum")(Converted(library, object(), lambda held: held))
    with pytest.raises(tasks.UnfitPayload):
        tasks.load("group_sum")(Converted("another", object(), lambda held: held))


def test_a_way_into_another_library_is_for_tasks_that_are_written_for_it() -> None:
    way = strategies.find("caller-polars")
    assert scenarios.unsupported(way, "text_frame", "send", "group_sum") == ""
    assert scenarios.unsupported(way, "text_frame", "send", "read") == (
        "the task read is not written for polars: noop, busy, group_sum are"
    )
    no_frame = "polars cannot carry array: Polars has frames alone"
    assert scenarios.unsupported(way, "array", "send", "group_sum") == no_frame
    for name in ("threads-reference", "inline"):
        assert scenarios.unsupported(strategies.find(name), "text_frame", "send", "group_sum") == ""


# --- the others ---


def test_noop_looks_at_nothing() -> None:
    assert tasks.load("noop")(object()) is None


def test_busy_never_ends_early() -> None:
    begun = time.perf_counter_ns()
    assert tasks.load("busy")(None) == tasks.BUSY_NS
    assert time.perf_counter_ns() - begun >= tasks.BUSY_NS


def test_loading_a_task_imports_no_package() -> None:
    program = (
        "import sys; from handoff import tasks; tasks.load('read'); assert not {'numpy', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=SCRIPTS)
