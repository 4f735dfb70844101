"""One task written for two libraries, through the whole workflow: one result, or a row that says what is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from running import PATIENCE, Workflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]

WAY = "caller-polars"


def test_polars_gets_the_result_that_pandas_gets_or_is_unsupported_for_want_of_it(tmp_path: Path) -> None:
    entry = {"payload": {"kind": "text_frame", "size": "64KiB"}, "pattern": ["send", "return", "reuse"],
             "task": ["group_sum", "read"], "workers": [1, 2]}  # fmt: skip
    flow = Workflow(tmp_path, {
        "run": "libraries", "blocks": 1, "seconds_per_invocation": 0.01, "scenarios": [entry],
        "strategies": ["threads-reference", WAY],
    })  # fmt: skip
    flow.start()
    rows = {task: [row for row in flow.timings if row["task"] == task] for task in ("group_sum", "read")}
    assert {row["status"] for row in rows["group_sum"] if row["strategy"] != WAY} == {"ok"}
    # A transfer is ok only if the task's result is the one that the sender gets from its own frame.
    mine = [row for row in rows["group_sum"] if row["strategy"] == WAY]
    if importlib.util.find_spec("polars") is None:
        assert {(row["status"], row["reason"]) for row in mine} == {
            ("unsupported", "needs the package polars, which is not installed")
        }
    else:
        assert {(row["status"], row["digest_ok"]) for row in mine} == {("ok", 1)}
    assert len({row["scenario"] for row in mine}) == 6
    assert {(row["status"], row["reason"]) for row in rows["read"] if row["strategy"] == WAY} == {
        ("unsupported", "the task read is not written for polars: noop, busy, group_sum are")
    }
