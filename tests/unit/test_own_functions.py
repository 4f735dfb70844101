"""A user's own functions as tasks and as makers of payloads: found, refused, measured, and what they may do wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from naughty_transports import OwnPlaces

from handoff import payloads, tasks
from handoff.blocks import expected
from handoff.configuration import complete
from handoff.measure import supervisor
from handoff.mistakes import ConfigError
from handoff.payloads import PayloadError, user_files
from handoff.payloads.generation import generate
from handoff.scenarios import Payload, Plan, Scenario, make_plan, plan_from_json
from handoff.strategies import find

MODULE = """
import beside
import numpy as np
import pandas as pd

print("a module may print")
number = 3
def make(n=100): return pd.DataFrame({name: np.random.default_rng(1).random(n) for name in "abcd"})
def chance(): return np.random.default_rng().random(100)
def broken(): raise KeyError("no such table")
def table(frame): return frame[["a", "b"]] * beside.FACTOR
def writes(frame):
    frame["a"] = 0.0
    return float(frame.sum().sum())
def random(frame): return np.random.default_rng().random()
def raises(frame): raise ValueError("a bad row")
def nothing(frame): pass
class Odd:
    def __reduce__(self): raise TypeError("cannot be looked at")
def odd(frame): return Odd() if beside.FACTOR == 3 else None
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of the user's, and one beside it."""
    name = f"users_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(MODULE.replace("beside", f"beside_{name}"), encoding="utf-8")
    (tmp_path / f"beside_{name}.py").write_text("FACTOR = 2\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def module(folder: Path) -> str:
    return next(path.stem for path in folder.glob("users_*.py"))


def plan(folder: Path, *entries: Mapping[str, Any], **keys: Any) -> Plan:
    return make_plan(
        complete({"scenarios": list(entries), "strategies": ["threads-reference"], **keys}), folder, cores=2
    )


# Found, or refused before anything is measured.


def test_a_task_may_be_named_by_module_or_by_file(folder: Path, module: str) -> None:
    entry = {"payload": {"kind": "frame", "size": "1MB"}}
    by_module = plan(folder, {**entry, "task": f"{module}:table"}).scenarios[0]
    by_file = plan(folder, {**entry, "task": f"{folder}/{module}.py:table"}).scenarios[0]
    assert by_module == by_file
    assert (by_module.task, by_module.task_home) == (f"{module}:table", str(folder))
    assert by_module.id == f"frame-1MB.{module}_table.send.w1"
    frame = pd.DataFrame({name: [1.0, 2.0] for name in "abcd"})
    assert tasks.load(by_module.task, by_module.task_home)(frame).equals(frame[["a", "b"]] * 2)


@pytest.mark.parametrize(
    "task, said",
    [
        ("{0}:tabel", "has no tabel. Did you mean 'table'?"),
        ("{0}:number", "is no function that takes the payload"),
        ("nowhere:work", "the module nowhere cannot be imported: ModuleNotFoundError"),
        ("sub/nowhere.py:work", "there is no file"),
        ("./{0}.txt:work", "is not a function of yours"),
        ("{0}:table()", "is not a function of yours"),
        ("~nobody_of_that_name/x.py:work", "begins with a home that nobody has here"),
    ],
)
def test_a_task_that_is_not_there_is_refused(folder: Path, module: str, task: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        plan(folder, {"payload": {"kind": "frame", "size": "1MB"}, "task": task.format(module)})
    assert "scenarios[0].task" in str(refusal.value)
    assert said in str(refusal.value)


def test_a_maker_is_called_with_each_of_its_arguments(folder: Path, module: str) -> None:
    made = plan(folder, {"payload": {"function": f"{module}:make", "argument": [10, 1000]}})
    assert [payload.id for payload in made.payloads.values()] == ["make-10", "make-1000"]
    assert made.kinds == ("make",)
    assert {payload.file for payload in made.payloads.values()} == {""}
    assert plan_from_json(made.to_json()) == made


@pytest.mark.parametrize(
    "payload, said",
    [
        ({"function": "{0}:maek"}, "payload.function: the maker of a payload"),
        ({"function": "{0}:make", "size": "1MB"}, "payload.size: there is no such key"),
        ({"function": "{0}:make", "argument": []}, "payload.argument: is an empty list"),
        ({"file": "x.pkl", "size": "1MB"}, "payload.size: no shorter payload can be made of a .pkl file"),
    ],
)
def test_a_payload_that_is_not_possible_is_refused(
    folder: Path, module: str, payload: dict[str, Any], said: str
) -> None:
    (folder / "x.pkl").write_bytes(b"x")
    given = {key: value.format(module) if key == "function" else value for key, value in payload.items()}
    with pytest.raises(ConfigError) as refusal:
        plan(folder, {"payload": given})
    assert said in str(refusal.value)


def test_who_writes_by_itself_has_no_function_of_the_users(folder: Path, module: str) -> None:
    entry = {"payload": {"kind": "frame", "size": "1MB"}, "task": f"{module}:writes", "pattern": "mutate_private"}
    with pytest.raises(ConfigError, match="writes into the payload by itself"):
        plan(folder, entry)


def test_a_block_is_measured_again_when_the_functions_file_changes(folder: Path, module: str) -> None:
    entry = {"payload": {"kind": "frame", "size": "1MB"}, "task": f"{module}:table"}
    before = expected(plan(folder, entry), "frame")
    file = folder / f"{module}.py"
    file.write_text(f"{file.read_text(encoding='utf-8')}\n# changed\n", encoding="utf-8")
    after = expected(plan(folder, entry), "frame")
    assert {key for key in before if before[key] != after[key]} == {"functions"}


# Payloads.


def described(payload: Payload, folder: Path) -> payloads.Description:
    out = folder / "payloads" / payload.file if payload.file else None
    return generate(payload, 1, out, folder / "payloads" / payload.description)


def test_what_a_function_returns_is_described_and_made_anew(folder: Path, module: str) -> None:
    payload = next(iter(plan(folder, {"payload": {"function": f"{module}:make", "argument": 50}}).payloads.values()))
    found = described(payload, folder)
    assert (found.kind, found.file, found.file_bytes) == ("frame", f"{module}:make", 0)
    read = payloads.read(payload, folder / "payloads")
    assert len(read) == 50
    assert payloads.digest(read) == found.digest


@pytest.mark.parametrize("name, said", [("chance", "returns another payload at each call"), ("broken", "KeyError")])
def test_a_function_that_gives_no_payload_is_refused(folder: Path, module: str, name: str, said: str) -> None:
    payload = next(iter(plan(folder, {"payload": {"function": f"{module}:{name}"}}).payloads.values()))
    with pytest.raises(PayloadError, match=said):
        described(payload, folder)


FRAME = pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000), "c": [f"row {n % 7}" for n in range(1000)]})


def written(folder: Path, suffix: str) -> Path:
    """A user's file of that type, written by the library that people write it with."""
    path = folder / f"mine{suffix}"
    match suffix:
        case ".npy":
            np.save(path, np.arange(4000.0).reshape(1000, 4))
        case ".npz":
            np.savez(path, x=np.arange(10.0), y=np.ones((3, 3)))
        case ".parquet":
            FRAME.to_parquet(path)
        case ".feather":
            FRAME.to_feather(path)
        case ".csv":
            FRAME.to_csv(path, index=False)
        case ".arrow":
            pa = pytest.importorskip("pyarrow")
            table = pa.Table.from_pandas(FRAME)
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".feather", ".csv", ".arrow"])
def test_shorter_payloads_are_the_first_rows_of_the_file(folder: Path, suffix: str) -> None:
    path = written(folder, suffix)
    whole = user_files.read(path)
    sizes = [payloads.nbytes(whole) // 10, payloads.nbytes(whole)]
    made = plan(folder, {"payload": {"file": str(path), "size": sizes}})
    tenth, all_of_it = (described(payload, folder) for payload in made.payloads.values())
    assert made.kinds == ("mine",)
    assert all_of_it.digest == payloads.digest(whole)
    assert tenth.nbytes == pytest.approx(sizes[0], rel=0.1)
    read = payloads.read(next(iter(made.payloads.values())), folder / "payloads")
    assert payloads.digest(read) == payloads.digest(payloads.copy(whole[:100])) == tenth.digest


def test_no_file_is_made_longer(folder: Path) -> None:
    payload = next(
        iter(plan(folder, {"payload": {"file": str(written(folder, ".csv")), "size": "1GB"}}).payloads.values())
    )
    with pytest.raises(PayloadError, match=r"holds [0-9,]+ bytes in memory"):
        described(payload, folder)


def test_arrays_of_an_npz_are_a_dict(folder: Path) -> None:
    found = user_files.read(written(folder, ".npz"))
    assert list(found) == ["x", "y"]
    assert payloads.kind_of(found) == "objects"


# Measured: real invocations, without the machine's lock.


def measured(folder: Path, strategy: str, scenario: Scenario) -> list[dict[str, Any]]:
    described(scenario.payload, folder)
    own = OwnPlaces(f"{folder.name}-{os.getpid()}", folder / "scratch")
    outcome = supervisor.Supervisor(find(strategy), folder / "payloads", own, 0.01, True, 1).run([scenario])
    return [dict(row) for row in outcome.rows]


def scenario(folder: Path, module: str, task: str, **keys: Any) -> Scenario:
    pattern, workers = keys.pop("pattern", "send"), keys.pop("workers", 1)
    entry = {"payload": {"function": f"{module}:make", "argument": 500}, "task": f"{module}:{task}",
             "pattern": pattern, "workers": workers}  # fmt: skip
    return plan(folder, entry, **keys).scenarios[0]


WAYS = ("inline", "threads-reference", "process_spawn-pickle5", "process_spawn-arena")


@pytest.mark.parametrize("strategy", WAYS)
@pytest.mark.parametrize("pattern", ["send", "return", "reuse", "scatter"])
def test_a_function_that_returns_a_frame_is_measured(folder: Path, module: str, strategy: str, pattern: str) -> None:
    rows = measured(folder, strategy, scenario(folder, module, "table", pattern=pattern, workers=2))
    assert {row["status"] for row in rows} == {"ok"}, rows[0]["reason"]
    assert all(row["digest_ok"] == 1 for row in rows)


@pytest.mark.parametrize("task", ["random", "nothing", "odd"])
@pytest.mark.parametrize("pattern", ["send", "scatter"])
def test_what_cannot_be_compared_is_no_mistake(folder: Path, module: str, task: str, pattern: str) -> None:
    rows = measured(folder, "threads-reference", scenario(folder, module, task, pattern=pattern, workers=2))
    assert {row["status"] for row in rows} == {"ok"}


@pytest.mark.parametrize("strategy", WAYS)
def test_a_function_that_raises_is_an_error_with_its_words(folder: Path, module: str, strategy: str) -> None:
    rows = measured(folder, strategy, scenario(folder, module, "raises"))
    assert {row["status"] for row in rows} == {"error"}
    assert "ValueError: a bad row" in rows[0]["reason"]


@pytest.mark.parametrize(
    "strategy, status, said",
    [
        ("inline", "ok", ""),
        ("threads-reference", "invalid", "writes into the payload, and here that is the caller's own"),
        ("process_spawn-pickle5", "ok", ""),
    ],
)
def test_a_function_that_writes_unannounced(folder: Path, module: str, strategy: str, status: str, said: str) -> None:
    rows = measured(folder, strategy, scenario(folder, module, "writes"))
    assert {row["status"] for row in rows} == {status}
    assert all(said in row["reason"] for row in rows)


@pytest.mark.parametrize("strategy", [*WAYS, "memcpy"])
def test_a_function_that_says_so_may_write(folder: Path, module: str, strategy: str) -> None:
    rows = measured(folder, strategy, scenario(folder, module, "writes", needs={"writable": True}))
    assert {row["status"] for row in rows} <= {"ok", "unsupported"}, rows[0]["reason"]
    if strategy != "process_spawn-arena":
        assert {row["status"] for row in rows} == {"ok"}, rows[0]["reason"]


def test_who_hands_over_what_nobody_may_write_into_is_ruled_out(folder: Path, module: str) -> None:
    entry = {"payload": {"kind": "frame", "size": "1MB"}, "task": f"{module}:writes"}
    arrow = find("process_spawn-arrow-tmpfs")
    for writable, said in ((False, ""), (True, "may not be written into")):
        made = plan(folder, entry, needs={"writable": writable})
        assert made.scenarios[0].writes == writable
        found = made.unsupported(made.scenarios[0], arrow)
        assert said in found if said else not found


def test_a_function_that_returns_another_payload_later_is_told(folder: Path, module: str) -> None:
    asked = scenario(folder, module, "table")
    described(asked.payload, folder)
    (folder / f"{module}.py").write_text(MODULE.replace("beside", f"beside_{module}").replace("rng(1)", "rng(2)"))
    own = OwnPlaces(f"{folder.name}-{os.getpid()}", folder / "scratch")
    outcome = supervisor.Supervisor(find("threads-reference"), folder / "payloads", own, 0.01, False, 1).run([asked])
    assert outcome.rows[0]["status"] == "error"
    assert "returns another payload than when it was described" in str(outcome.rows[0]["reason"])
