"""Where the time of a hand-over goes: parts that are told apart, and what is said of them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.breakdown import Breakdown, breakdown, said, share_for_task, start_said
from handoff.records import Row
from handoff.scenarios import PATTERNS, Payload, Scenario

ARRAY = Payload("array-64MiB", "array", 64 * 2**20)
SEND = Scenario(ARRAY, "read", "send", 1)


def row(block: int = 1, transfer: int = 1, **fields: Any) -> Row:
    times = {"publish_s": 0.1, "dispatch_s": 0.5, "attach_s": 0.1, "task_s": 0.2, "reply_s": 0.1} | {
        name: value for name, value in fields.items() if name.endswith("_s")
    }
    made: Row = {
        "invocation": f"job {block}", "block": block, "transfer": transfer, "warm": int(transfer > 0),
        "instrumented": 0, "status": "ok", "serialize_s": None, "deserialize_s": None,
    }  # fmt: skip
    total = sum(value for name, value in times.items() if name in ("publish_s", "dispatch_s", "attach_s", "task_s",
                                                                   "reply_s"))  # fmt: skip
    return {**made, **times, "total_s": total, **fields}


def probed(block: int = 1, serialize_s: float = 0.3, deserialize_s: float = 0.2) -> Row:
    return row(block, 9, instrumented=1, serialize_s=serialize_s, deserialize_s=deserialize_s, dispatch_s=50.0)


def split(scenario: Scenario, *rows: Row, starts: tuple[float, ...] = ()) -> Breakdown:
    found = breakdown(scenario, rows, starts)
    assert found
    return found


def test_the_parts_of_one_transfer() -> None:
    found = split(SEND, row(transfer=0, dispatch_s=9.0), row(), probed(), starts=(0.4, 0.6))
    assert (found.serialize_s, found.deserialize_s) == (pytest.approx(0.3), pytest.approx(0.2))
    assert found.move_s == pytest.approx(0.7 - 0.5), "publish, dispatch and attach without pickling"
    assert (found.task_s, found.reply_s, found.total_s) == (0.2, 0.1, pytest.approx(1.0))
    assert (found.start_s, found.n) == (0.5, 1)
    assert found.at_most == pytest.approx(5.0)


def test_without_an_instrumented_transfer_pickling_is_a_part_of_moving() -> None:
    found = split(SEND, row())
    assert (found.serialize_s, found.deserialize_s, found.start_s) == (None, None, None)
    assert found.move_s == pytest.approx(0.7)


def test_medians_are_over_blocks_and_the_task_s_share_has_a_spread() -> None:
    rows = [row(block, task_s=task_s) for block, task_s in ((1, 0.2), (2, 0.8), (3, 3.2))]
    found = split(SEND, *rows)
    assert (found.n, found.task_s, found.total_s) == (3, 0.8, pytest.approx(1.6))
    assert (found.task_low, found.task_high) == (pytest.approx(0.2), pytest.approx(0.8))


def test_only_what_is_compared_counts() -> None:
    others = row(transfer=0, task_s=7.0), row(transfer=2, task_s=7.0, status="invalid")
    assert split(SEND, row(), *others).task_s == 0.2
    assert split(dataclasses.replace(SEND, cold=True), row(transfer=0, task_s=7.0)).task_s == 7.0
    assert breakdown(SEND, [row(status="error")]) is None
    assert breakdown(SEND, []) is None


def test_probes_cannot_tell_more_than_there_is() -> None:
    found = split(SEND, row(), probed(serialize_s=3.0, deserialize_s=4.0))
    assert found.move_s == pytest.approx(0.0)
    assert (found.serialize_s, found.deserialize_s) == (pytest.approx(0.3), pytest.approx(0.4))


def test_several_workers_unpickle_at_the_same_time() -> None:
    found = split(dataclasses.replace(SEND, workers=2), row(), probed(serialize_s=0.2, deserialize_s=0.4))
    assert (found.serialize_s, found.deserialize_s) == (pytest.approx(0.2), pytest.approx(0.2))


@pytest.mark.parametrize("pattern", [name for name, pattern in PATTERNS.items() if pattern.back])
def test_what_comes_back_moves_in_the_reply(pattern: str) -> None:
    found = split(dataclasses.replace(SEND, pattern=pattern), row(reply_s=0.6))
    assert (found.reply_s, found.move_s) == (0.0, pytest.approx(0.7 + 0.6))


def test_earlier_calls_on_the_same_worker_are_the_task_s_time() -> None:
    # Four calls on two workers: the last one waited in dispatch for the task before it.
    found = split(dataclasses.replace(SEND, pattern="reuse", calls=4, workers=2), row())
    assert (found.task_s, found.move_s) == (pytest.approx(0.4), pytest.approx(0.5))


seconds_or_less = st.floats(0, 10)


@given(st.lists(st.tuples(*[seconds_or_less] * 5), min_size=1, max_size=5), seconds_or_less, seconds_or_less)
def test_whatever_was_measured_no_part_is_negative_and_something_is_said(
    blocks: list[tuple[float, ...]], pickling: float, unpickling: float
) -> None:
    names = ("publish_s", "dispatch_s", "attach_s", "task_s", "reply_s")
    rows = [row(block, **dict(zip(names, times, strict=True))) for block, times in enumerate(blocks, 1)]
    found = split(SEND, *rows, probed(1, pickling, unpickling))
    parts = found.serialize_s, found.deserialize_s, found.move_s, found.task_s, found.reply_s
    assert all(part is not None and part >= 0 for part in parts)
    assert 0 <= found.task_low <= found.task_high <= 1 + 1e-9
    if len(blocks) == 1 and found.total_s:
        assert sum(part for part in parts if part) == pytest.approx(found.total_s, abs=1e-9)
    assert said(found).endswith(".")


PARTS = Breakdown(0.128, 0.09, 0.083, 0.103, 0.008, 0.412, 0.3, 6, 0.24, 0.27)


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, "Of 412 ms, pickling takes 31 %, moving 20 %, unpickling 22 %, the task 25 % (24 to 27 % over 6 "
             "blocks), the reply 2 %: 75 % is the hand-over. If that took no time, and "
             "the task as long as now, it would be 4.00 times as fast."),
        ({"serialize_s": None, "deserialize_s": None, "move_s": 0.301, "n": 1, "reply_s": 0.0},
         "Of 412 ms, moving takes 73 %, the task 25 %: 75 % is the hand-over. If that took no time, and "
         "the task as long as now, it would be 4.00 times as fast."),
        ({"task_s": 0.0}, "Of 412 ms, pickling takes 31 %, moving 20 %, unpickling 22 %, the reply 2 %: the task takes "
                          "next to nothing of it."),
        ({"task_s": 0.4, "task_low": 0.96, "task_high": 0.98},
         "Handing the data over is not your problem: of 412 ms, the task itself takes 97 % (96 to 98 % over 6 blocks); "
         "while it takes as long, no way of handing over can make it more than 3 % faster."),
        ({"task_s": 0.412, "n": 1}, "Handing the data over is not your problem: of 412 ms, the task itself takes "
                                    "100 %; while it takes as long, no way of handing over can make it faster."),
        ({"total_s": 0.0}, "Nothing here takes any time."),
    ],
)  # fmt: skip
def test_what_is_said(fields: dict[str, Any], expected: str) -> None:
    assert said(dataclasses.replace(PARTS, **fields)) == expected


def test_a_function_of_the_user_s_own_is_theirs() -> None:
    assert "your function 25 %" in said(PARTS, "your function")
    assert start_said(PARTS) == "Starting the workers took 300 ms before, once."
    assert start_said(dataclasses.replace(PARTS, start_s=None)) == ""


def test_what_can_be_gained_is_bounded_by_the_task() -> None:
    assert math.isinf(dataclasses.replace(PARTS, task_s=0.0).at_most)
    assert dataclasses.replace(PARTS, task_s=0.5).at_most == 1.0, "a median of parts may exceed that of the whole"
    assert share_for_task(3.0, 597.0) == pytest.approx(0.005)
