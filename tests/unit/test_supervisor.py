"""The supervisor with real processes: whatever a transport does, there is a row, and nothing stays behind."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from copied_library import copied_library, measured

from handoff import machine
from handoff.interpreters import Interpreter
from handoff.measure import supervisor
from handoff.measure.job import calls_of_own
from handoff.payloads.generation import generate
from handoff.scenarios import Payload, Scenario, available_cores
from handoff.strategies import find, transport_facts

TRICKS = {
    "honest": "",
    "worker_dies": "if receiving: os.kill(os.getpid(), signal.SIGKILL)",
    "sender_dies": "if not receiving: os.kill(os.getpid(), signal.SIGKILL)",
    "worker_raises": "if receiving: raise ValueError('a torn page')",
    "sender_raises": "if not receiving: raise ValueError('a torn page')",
    "wrong_bytes": "if receiving: payload = payload + 1.0",
    "leaves_a_file": "if not receiving: Path(self.spec.directory, 'forgotten').write_text('x')",
    "hangs": "if receiving: time.sleep(1000)",
}
"""What each transport does to the smaller payload, in the sender or (receiving) in the worker."""

MODULE = """
import os, signal, time
from contextlib import contextmanager
from pathlib import Path
from handoff.transports import Transport

FACTS = {{"about": "for a test", "simplicity": 9, "kinds": ("any",)}}


class Way(Transport):
    def trick(self, payload, receiving):
        if payload.nbytes == 4096:
            {act}
        return payload

    def publish(self, payload, place):
        return self.trick(payload, False)

    @contextmanager
    def attach(self, ticket, access):
        yield self.trick(ticket, True)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of scripts/ with transports that misbehave."""
    tricks = {trick: MODULE.format(act=act or "pass") for trick, act in TRICKS.items()}
    return copied_library(tmp_path_factory.mktemp("library"), tricks, ("pool_spawn", "process_spawn"))


def outcome(library: Path, folder: Path, trick: str, limit: float = 0, executor: str = "pool_spawn") -> dict[str, Any]:
    """What became of a scenario of 4096 bytes, in which the trick is done, and of one of 8192 bytes after it."""
    strategy = f"{executor}-{trick}"
    scenarios = [(size, "send", [strategy]) for size in (4096, 8192)]
    found = measured(library, folder / "payloads", [strategy], scenarios, limit)
    only: dict[str, Any] = found["outcomes"][strategy]
    return only


def statuses(found: dict[str, Any], size: int) -> set[str]:
    return {row["status"] for row in found["rows"] if row["payload"] == f"array-{size}B"}


def test_an_honest_transport_is_ok(library: Path, tmp_path: Path) -> None:
    found = outcome(library, tmp_path, "honest")
    assert (found["status"], found["fail_reason"], found["swept"], found["still_there"]) == ("ok", "", [], [])
    assert all(row["digest_ok"] == 1 and row["total_s"] > 0 for row in found["rows"])


@pytest.mark.parametrize(
    "executor, trick, status, reason",
    [
        ("process_spawn", "worker_dies", "crashed", "a worker ended by SIGKILL"),
        # A Pool itself would wait for ever (bpo-22393).
        ("pool_spawn", "worker_dies", "crashed", "a worker ended by SIGKILL"),
        ("pool_spawn", "sender_dies", "crashed", "ended by SIGKILL in phase 'transfer'"),
        ("pool_spawn", "worker_raises", "error", "ValueError: a torn page"),
        ("pool_spawn", "sender_raises", "error", "ValueError: a torn page"),
        ("pool_spawn", "wrong_bytes", "invalid", "what arrived is not what was sent"),
        ("process_spawn", "hangs", "timeout", "ended by its time limit"),
    ],
)
def test_a_failure_is_a_row_and_the_next_scenario_goes_on(
    library: Path, tmp_path: Path, executor: str, trick: str, status: str, reason: str
) -> None:
    found = outcome(library, tmp_path, trick, 8 if status == "timeout" else 0, executor)
    assert (found["status"], statuses(found, 4096), statuses(found, 8192)) == (status, {status}, {"ok"})
    assert reason in found["fail_reason"]
    assert all(row.get("total_s") is None and row["reason"] for row in found["rows"] if row["status"] != "ok")
    assert found["still_there"] == []
    assert not any((tmp_path / "payloads" / "scratch").glob("*"))


def test_what_is_left_behind_is_named_and_swept(library: Path, tmp_path: Path) -> None:
    found = outcome(library, tmp_path, "leaves_a_file")
    assert (found["status"], statuses(found, 4096)) == ("leaked", {"leaked"})
    assert [Path(path).name for path in found["swept"]] == ["forgotten"]
    assert found["still_there"] == []


def test_a_death_s_signal_and_phase_are_recorded(library: Path, tmp_path: Path) -> None:
    found = outcome(library, tmp_path, "sender_dies")
    assert (found["signal"], found["fail_phase"]) == ("SIGKILL", "transfer")


# --- its environment ---


def test_threads_of_libraries_are_pinned_but_for_those_that_a_way_is_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_MAX_THREADS", "7")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    pinned = supervisor.environment(1, "mark", find("process_spawn-arrow-tmpfs").own_threads)
    assert {pinned[name] for name in supervisor.PINNED} == {"1"}
    own = supervisor.environment(1, "mark", find("caller-polars").own_threads)
    assert own["POLARS_MAX_THREADS"] == str(available_cores())
    assert {own[name] for name in supervisor.PINNED if name != "POLARS_MAX_THREADS"} == {"1"}


# --- what is not even started ---


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    payload = Payload("array-1MB", "array", 1_000_000, (("dtype", "float64"), ("content", "random")))
    generate(payload, 1, tmp_path / payload.file, tmp_path / payload.description)
    return Scenario(payload, "read", "send", 2)


def test_too_little_memory_is_skipped_with_the_arithmetic(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 5_000_000)
    assert supervisor.obstacle(find("pool_spawn-pickle"), scenario, tmp_path, tmp_path) == (
        "skipped",
        "needs about 0.5 GB of memory (1.0 MB x (2 held + 2 x 5 copies) + processes), 5.0 MB are available",
    )
    there_and_back = replace(scenario, pattern="roundtrip")
    assert "(2 held + 4 x 5 copies)" in supervisor.obstacle(
        find("pool_spawn-pickle"), there_and_back, tmp_path, tmp_path
    )[1]  # fmt: skip
    written = replace(scenario, pattern="mutate_private")
    assert "(3 held + 2 x 5 copies)" in supervisor.obstacle(find("pool_spawn-pickle"), written, tmp_path, tmp_path)[1]


def test_too_little_room_is_skipped(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_room", lambda _: 1000)
    status, reason = supervisor.obstacle(find("process_spawn-npy-disk"), scenario, tmp_path, tmp_path)
    assert (status, reason) == ("skipped", f"needs about 2.0 MB in files, 1.0 kB are free in {tmp_path.parent}")


def test_too_large_a_payload_for_a_slow_way_is_skipped(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = find("process_spawn-manager")
    assert supervisor.obstacle(manager, scenario, tmp_path, tmp_path) == ("", "")
    facts = replace(transport_facts("manager"), most_bytes=500_000)
    monkeypatch.setattr(supervisor, "transport_facts", lambda name: facts)
    assert supervisor.obstacle(manager, scenario, tmp_path, tmp_path) == (
        "skipped",
        "manager is measured with payloads of up to 500.0 kB; this one has 1.0 MB",
    )


def test_a_missing_package_is_named(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    status, reason = supervisor.obstacle(find("process_spawn-npy-disk"), scenario, tmp_path, tmp_path)
    assert (status, reason) == ("unsupported", "needs the package numpy, which is not installed")


def test_an_older_python_than_the_executor_needs_is_named(scenario: Scenario, tmp_path: Path) -> None:
    strategy = find("interpreters-pickle")
    older, newer = (Interpreter("", "python", f"CPython {version}", ()) for version in ("3.13.2", "3.14.0rc1"))
    assert supervisor.obstacle(strategy, scenario, tmp_path, tmp_path, older) == (
        "unsupported",
        "needs Python 3.14; this is CPython 3.13.2",
    )
    assert supervisor.obstacle(strategy, scenario, tmp_path, tmp_path, newer) == ("", "")


def test_a_missing_program_is_named(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)  # the package may be missing here, too
    monkeypatch.setattr(shutil, "which", lambda program: None)
    status, reason = supervisor.obstacle(find("process_spawn-redis"), scenario, tmp_path, tmp_path)
    assert (status, reason) == ("unsupported", "needs the program redis-server, which is not installed")


def own(task: str, payload: str = "p", workers: int = 1) -> Scenario:
    return Scenario(Payload(payload, "array", 8), task, "send", workers, task_home="/home/me")


def test_a_users_function_has_as_long_as_it_takes() -> None:
    quick, slow = own("m:quick"), own("m:slow", workers=2)
    limits = {
        name: supervisor.time_limit([scenario], {"p": 8}, 0.1, {quick.id: 0.01, slow.id: 30.0})
        for name, scenario in (("quick", quick), ("slow", slow), ("built in", replace(quick, task="read")))
    }
    assert limits["quick"] < limits["built in"] + 1
    assert limits["slow"] > 20 * 2 * 30
    assert supervisor.time_limit([quick], {"p": 8}, 0.1) > limits["quick"]


def test_how_long_a_function_takes_is_what_the_probes_say(tmp_path: Path) -> None:
    takes = {"code": "takes", "about": "function", "level": "note", "facts": {"call_s": 2.5}}
    raises = {"code": "raises", "about": "function", "level": "obstacle", "facts": {}}
    entries = [
        {"payload": "p", "task": task, "task_home": "/home/me", "findings": findings}
        for task, findings in (("m:slow", [takes]), ("m:bad", [raises]), ("m:other", []))
    ]
    file = tmp_path / "probes.json"
    file.write_text(json.dumps({"entries": entries}), encoding="utf-8")
    asked = [own("m:slow"), own("m:bad"), own("m:other"), own("m:slow", "q"), replace(own("m:slow"), task="read")]
    assert calls_of_own(asked, file) == {asked[0].id: 2.5, asked[1].id: 1.0}
    for damaged in ("", "[]", "{}", '{"entries": 3}', '{"entries": [{"findings": [1]}]}'):
        file.write_text(damaged, encoding="utf-8")
        assert calls_of_own(asked, file) == {}
    assert calls_of_own(asked, tmp_path / "none.json") == {}
