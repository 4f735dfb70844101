"""What the built-in tasks do, and that they do it the same wherever they run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from handoff import payloads, scenarios, tasks

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_task_of_the_config_can_be_loaded_and_no_other() -> None:
    for name in scenarios.TASKS:
        assert callable(tasks.load(name))
    with pytest.raises(LookupError, match="'reed' is not a task; there are: read, sum, noop, busy"):
        tasks.load("reed")


@pytest.mark.parametrize("kind", scenarios.KINDS)
@pytest.mark.parametrize("task", scenarios.TASKS)
def test_a_task_answers_the_same_for_an_equal_payload(kind: str, task: str) -> None:
    payload = payloads.load(kind).make(10_000, 1)
    assert tasks.load(task)(payload) == tasks.load(task)(payloads.copy(payload))


@pytest.mark.parametrize("kind", scenarios.KINDS)
def test_read_sees_every_stamp(kind: str) -> None:
    payload = payloads.load(kind).make(10_000, 1)
    assert len({payloads.stamp(payload, number) and tasks.load("read")(payload) for number in range(256)}) == 256


def test_read_sees_every_byte() -> None:
    payload = np.zeros(100, np.uint8)
    for place in range(100):
        before = tasks.load("read")(payload)
        payload[place] ^= 1
        assert tasks.load("read")(payload) != before


def test_sum_is_the_sum() -> None:
    assert tasks.load("sum")(np.arange(101)) == 5050
    assert tasks.load("sum")({"a": [1, 2], "b": "3"}) == 3


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
