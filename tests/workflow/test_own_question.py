"""make mine, as a user asks: his file, his function, and functions that misbehave."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
import yaml
from running import PATIENCE, ROOT, environment, living

from handoff import probes
from handoff.records import TIMINGS, read_table

WAYS = ["threads-reference", "process_spawn-pickle5", "process_spawn-arena", "process_spawn-npy-tmpfs"]

MODULE = """
import ctypes, os, sys, time
import factors

def mean(frame): return float(frame["a"].mean()) * factors.TWO
def raises(frame): raise ValueError("a bad row")
def crashes(frame): ctypes.string_at(0)
def exits(frame): sys.exit(3)
def writes(frame):
    frame.loc[:, "a"] = 1.0
    return float(frame["a"].sum())
def prints(frame): print("x" * 50_000_000); return len(frame)
def forks(frame):
    if not os.fork():
        time.sleep(1000)
    return len(frame)
unnamed = lambda frame: len(frame)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: a table, a module, one beside it, and few strategies, so that it does not take long."""
    pd.DataFrame({name: range(20_000) for name in "abcdef"}).astype(float).to_parquet(tmp_path / "table.parquet")
    (tmp_path / "cleaning.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "factors.py").write_text("TWO = 2\n", encoding="utf-8")
    base = yaml.safe_load((ROOT / "config" / "mine.yaml").read_text(encoding="utf-8"))
    (tmp_path / "base.yaml").write_text(yaml.safe_dump({**base, "strategies": WAYS}), encoding="utf-8")
    return tmp_path


def ask(folder: Path, payload: str, task: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, str(ROOT / "scripts" / "measure_mine.py"), "--configfile", "base.yaml", "--payload", payload,
        "--task", task, "--workers", "1", "--seconds", "1s", "--", "--cores", "2",
        "--snakefile", str(ROOT / "Snakefile"),
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=folder, env=environment(), text=True, check=False, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=PATIENCE,
    )  # fmt: skip


def rows_of(run: Path) -> dict[str, set[str]]:
    """Strategy -> the statuses of its rows."""
    found: dict[str, set[str]] = {}
    for row in read_table(run / "timings.csv", TIMINGS):
        found.setdefault(str(row["strategy"]), set()).add(str(row["status"]))
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_question_is_answered_with_code_that_runs(folder: Path) -> None:
    ended = ask(folder, "table.parquet", "cleaning:mean")
    assert ended.returncode == 0, ended.stdout
    run = folder / "results" / "mine-table-mean-1"
    assert "Send 1 of 6 columns" in ended.stdout or "1 of 6 columns" in ended.stdout
    assert "load_in_worker" in ended.stdout
    assert "What to use" in ended.stdout
    assert "by pool_spawn-pickle: " in ended.stdout
    assert "THOROUGH=1" in ended.stdout
    found = rows_of(run)
    # What cannot carry a frame is not measured; what loads the file itself is, without having been asked for.
    assert "process_spawn-npy-tmpfs" not in found
    assert found["process_spawn-load_in_worker"] == {"ok"}
    assert found["inline"] == {"ok"}
    (answer,) = json.loads((run / "recommendations.json").read_text(encoding="utf-8"))
    assert answer["recommended"] in found
    pasted = folder / "use_this.py"
    pasted.write_bytes((run / "use_this.py").read_bytes())
    done = subprocess.run(
        [sys.executable, pasted.name], cwd=folder, env=environment(), text=True, capture_output=True, check=True
    )
    assert float(done.stdout) == 2 * 19_999 / 2
    # The same command again measures no block twice.
    before = {path: path.stat().st_mtime_ns for path in run.rglob("block~*.csv")}
    assert ask(folder, "table.parquet", "cleaning:mean").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


MISBEHAVING = {
    "raises": ("raises", "error"),
    "crashes": ("crashes", "crashed"),
    "exits": ("exits", "error"),
    "writes": ("writes_input", "ok"),
    "prints": ("prints", "ok"),
    "unnamed": ("cloudpickle_only" if find_spec("cloudpickle") else "function_not_picklable", "ok"),
}
"""Function -> the code of its finding, and the status of its rows under processes."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_function_that_misbehaves_is_a_finding_and_nothing_is_lost(folder: Path) -> None:
    base = yaml.safe_load((folder / "base.yaml").read_text(encoding="utf-8"))
    tasks = [f"cleaning:{name}" for name in MISBEHAVING]
    scenario = {"payload": {"file": "table.parquet"}, "task": tasks, "pattern": "send", "workers": 1}
    (folder / "base.yaml").write_text(yaml.safe_dump({**base, "scenarios": [scenario]}), encoding="utf-8")
    ended = ask(folder, "", "")
    assert ended.returncode == 0, ended.stdout
    run = folder / "results" / "mine"
    found = {entry.task: {finding.code for finding in entry.findings} for entry in probes.read(run / "probes.json")}
    rows = read_table(run / "timings.csv", TIMINGS)
    for name, (code, status) in MISBEHAVING.items():
        assert code in found[f"cleaning:{name}"], name
        for strategy in ("pool_spawn-pickle", "process_spawn-pickle5"):
            of_both = [row for row in rows if (row["task"], row["strategy"]) == (f"cleaning:{name}", strategy)]
            assert {row["status"] for row in of_both} == {status}, (name, strategy)
    assert (run / "report.html").is_file()
    # One of them writes into what it gets: they all get a copy, and who cannot give one is left out.
    assert yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["needs"]["writable"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_function_that_cannot_work_is_shown_to_fail_and_leaves_nothing(folder: Path) -> None:
    ended = ask(folder, "table.parquet", "cleaning:raises")
    assert ended.returncode == 0, ended.stdout
    assert "It raises ValueError: a bad row." in ended.stdout
    assert "nothing can be recommended" in ended.stdout
    found = rows_of(folder / "results" / "mine-table-raises-1")
    assert found["threads-reference"] == found["pool_spawn-pickle"] == {"error"}
    assert "process_spawn-arena" not in found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_function_that_leaves_processes_is_told_and_they_are_ended(folder: Path) -> None:
    ended = ask(folder, "table.parquet", "cleaning:forks")
    assert ended.returncode == 0, ended.stdout
    run = folder / "results" / "mine-table-forks-1"
    (entry,) = probes.read(run / "probes.json")
    assert "starts_processes" in {finding.code for finding in entry.findings}
    assert rows_of(run)["pool_spawn-pickle"] == {"leaked"}
    assert not living(folder)
