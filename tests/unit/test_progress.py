"""The line that each measuring job prints: how far the run is, how long it will still take, and what went wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handoff.measure.progress import finished


def job(folder: Path, file: str, seconds: float, **outcome: Any) -> None:
    """A job of array by threads that took these seconds has finished."""
    order: Any = SimpleNamespace(
        payloads=folder / "payloads", out=folder / file, campaign="c1", block=2, kind="array", strategy="threads"
    )
    result: Any = SimpleNamespace(**{"status": "ok", "fail_reason": "", **outcome})
    finished(order, result, seconds)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    expected = {"a.csv": 100.0, "b.csv": 100.0, "c.csv": 200.0}
    (tmp_path / "progress.json").write_text(json.dumps({"campaign": "c1", "expected_s": expected}), encoding="utf-8")
    return tmp_path


def test_the_time_left_is_what_is_expected_times_what_was_seen(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job(folder, "a.csv", 200.0)
    job(folder, "b.csv", 100.0)
    job(folder, "c.csv", 300.0)
    assert capsys.readouterr().err.splitlines() == [
        "1/3, about 10 min left: block 2, array, threads: 200.0 s",
        "2/3, about 5 min left: block 2, array, threads: 100.0 s",
        "3/3: block 2, array, threads: 300.0 s",
    ]


def test_a_failure_is_still_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job(folder, "a.csv", 1.0, status="error", fail_reason=f"ValueError in the worker:\n  {'long ' * 100}")
    (line,) = capsys.readouterr().err.splitlines()
    assert "[error: ValueError in the worker: long long" in line
    assert line.endswith("…]")
    assert len(line) < 140


def test_another_start_of_the_workflow_is_not_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "progress.json").write_text('{"campaign": "c2", "expected_s": {}}', encoding="utf-8")
    job(folder, "a.csv", 1.0)
    assert capsys.readouterr().err == "block 2, array, threads: 1.0 s\n"
