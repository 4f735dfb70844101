"""Executors of the user's own: their names, what is refused before anything is measured, and what later."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

from handoff import executors, own_functions
from handoff.configuration import complete
from handoff.executors.own import UnfitExecutor
from handoff.mistakes import ConfigError
from handoff.scenarios import make_plan
from handoff.strategies import UnknownStrategy, find

MODULE = """
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
print("a module may print")
number = 3
def make(workers): return ProcessPoolExecutor(workers)
def threads(workers): return ThreadPoolExecutor(workers)
def nonsense(workers): return workers
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of the user's."""
    (tmp_path / "users_pool.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "broken_pool.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    (tmp_path / "leaving_pool.py").write_text("raise SystemExit(4)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_an_id_says_whose_executor_it_is() -> None:
    strategy = find("package.users_pool:make-npy-tmpfs@again")
    assert strategy.parts == ("package.users_pool:make", "npy", "tmpfs")
    assert strategy.role == "sentinel"
    assert strategy.snippet.name == "process_spawn_npy_tmpfs.py"
    assert strategy.files[0].name == "own.py"
    assert strategy.safe


@pytest.mark.parametrize(
    "name, said",
    [
        ("users_pool:make-pickel", "'pickel' is no way for one of your own. Did you mean 'pickle'?"),
        ("users_pool:make-npy", "'npy' is no way for one of your own. Did you mean 'npy-"),
        ("users_pool:make-inherit", "'inherit' is no way for one of your own"),
        ("users_pool:make", "is not a strategy"),
        ("users pool:make-pickle", "is not a strategy"),
    ],
)
def test_what_is_no_such_id_is_refused(name: str, said: str) -> None:
    with pytest.raises(UnknownStrategy) as refusal:
        find(name)
    assert said in str(refusal.value)


def planned(strategy: str, folder: Path) -> tuple[str, ...]:
    scenario = {"payload": {"kind": "objects", "size": "1KiB"}, "task": "noop", "pattern": "send", "workers": 1}
    config: dict[str, Any] = {"scenarios": [scenario], "strategies": [strategy]}
    plan = make_plan(complete(config), folder)
    return tuple(each.id for each in plan.strategies("objects"))


def test_it_takes_part_in_a_plan(folder: Path) -> None:
    assert "users_pool:make-pickle" in planned("users_pool:make-pickle", folder)


@pytest.mark.parametrize(
    "name, said",
    [
        ("absent_pool:make", "the module absent_pool cannot be imported: ModuleNotFoundError: No module named"),
        ("broken_pool:make", "cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("leaving_pool:make", "the module leaving_pool cannot be imported: SystemExit: 4"),
        ("users_pool:mak", "users_pool has no mak. Did you mean 'make'?"),
        ("users_pool:number", "is no function that takes the number of workers and returns an executor"),
    ],
)
def test_what_cannot_be_found_is_one_clear_error_before_anything_is_measured(
    name: str, said: str, folder: Path
) -> None:
    with pytest.raises(ConfigError) as refusal:
        planned(f"{name}-pickle", folder)
    assert str(refusal.value).startswith(f"config: strategies: the executor '{name}': ")
    assert said in str(refusal.value)
    assert str(folder) in str(refusal.value)


def test_an_import_that_does_not_end_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "slow_pool.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    monkeypatch.setattr(own_functions, "PATIENCE_S", 0.5)
    with pytest.raises(ConfigError, match="'slow_pool:make': its import takes over"):
        own_functions.check_executors(["slow_pool:make"], folder)


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    "factory, said",
    [("nonsense", r"has given 2, which is no concurrent\.futures\.Executor"), ("threads", "threads of")],
)
def test_what_is_no_executor_of_processes_is_refused_as_it_starts(factory: str, said: str, folder: Path) -> None:
    start = executors.load(f"users_pool:{factory}")
    with pytest.raises(UnfitExecutor, match=said), start(2, str(folder), nothing, ()) as executor:
        assert not isinstance(executor, Executor), "it has started"
