"""What the built-in tasks do, and that they do it the same wherever they run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from handoff import payloads, scenarios, tasks

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_task_of_the_config_can_be_loaded_and_no_other() -> None:
    for name in scenarios.TASKS:
        assert callable(tasks.load(name))
    with pytest.raises(LookupError, match="'reed' is not a task; there are: read, sum, loop, noop, busy"):
        tasks.load("reed")


@pytest.mark.parametrize("kind", scenarios.KINDS)
@pytest.mark.parametrize("task", scenarios.TASKS)
def test_a_task_answers_the_same_for_an_equal_payload(kind: str, task: str) -> None:
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
