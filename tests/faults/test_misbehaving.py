"""Code of a user's that misbehaves where the payload arrives, and deaths in each phase of an invocation.

Whatever it does, there is a row with the reason, the next scenario is measured, and nothing stays behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from victims import ROOT, THOROUGH, renew_page

sys.path.insert(0, str(ROOT / "tests" / "unit"))
from copied_library import copied_library, measured

from handoff.measure.usage import marked

EXECUTORS: Final = ("threads", "pool_spawn", "process_spawn")
LIMIT_S: Final = 10.0

TASKS: Final = {
    "returns": "pass",
    "never_returns": "time.sleep(1000)",
    "never_returns_and_ignores_signals": "ignore_signals(); time.sleep(1000)",
    "never_returns_in_a_session_of_its_own": "os.fork() or (os.setsid(), time.sleep(1000)); time.sleep(1000)",
    "raises": "raise ValueError('a torn page')",
    "raises_100_megabytes": "raise ValueError('x' * 10**8)",
    "raises_what_cannot_be_unpickled": "raise Stubborn(1, 2)",
    "segfaults": "ctypes.string_at(0)",
    "aborts": "os.abort()",
    "exits": "sys.exit(3)",
    "exits_at_once": "os._exit(5)",
    "forks": "os.fork() or time.sleep(1000)",
    "leaves_a_daemon": "daemon()",
    "prints_a_gigabyte": "flood()",
    "wants_more_memory_than_there_is": "bytearray(2**46)",
    "closes_all_files": "os.closerange(0, 4096)",
}
"""What is done with the smaller payload where it arrives."""

CRASHES: Final = {"segfaults": "SIGSEGV", "aborts": "SIGABRT", "exits_at_once": "code 5"}

PHASES: Final = {
    "sender_dies_as_it_begins": ("__init__", "not worker"),
    "sender_dies_before_it_starts_workers": ("luggage", "not worker"),
    "sender_dies_as_it_reserves": ("reserve", "not worker"),
    "sender_dies_as_it_publishes": ("publish", "not worker"),
    "sender_dies_as_it_releases": ("release", "not worker"),
    "sender_dies_as_it_closes": ("close", "not worker"),
    "worker_dies_as_it_starts": ("__init__", "worker"),
    "worker_dies_as_it_attaches": ("attach", "worker"),
    "worker_dies_as_it_detaches": ("detach", "worker"),
    "worker_dies_as_it_closes": ("close", "worker"),
}
"""Where in the life of a transport the process kills itself."""

MODULE: Final = """
import ctypes, multiprocessing, os, signal, sys, time
from contextlib import contextmanager
from handoff.transports import Transport

FACTS = {{"about": "for a test", "simplicity": 9, "kinds": ("any",)}}


class Stubborn(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def ignore_signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        try:
            signal.signal(number, signal.SIG_IGN)
        except ValueError:  # in a thread
            pass


def daemon():
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(1000)
    os.wait()


flooded = False


def flood():
    global flooded
    if not flooded:
        flooded = True
        for stream in (1, 2):
            for _ in range(1000):
                os.write(stream, b"x" * 10**6)


class Way(Transport):
    def __init__(self, spec):
        super().__init__(spec)
        self.at("__init__")

    def at(self, place):
        worker = multiprocessing.parent_process() is not None
        if "-4096B" in self.spec.source and place == "{place}" and ({who}):
            os.kill(os.getpid(), signal.SIGKILL)

    def luggage(self):
        self.at("luggage")

    def reserve(self):
        self.at("reserve")
        return super().reserve()

    def publish(self, payload, place):
        self.at("publish")
        return payload

    @contextmanager
    def attach(self, ticket, access):
        self.at("attach")
        if ticket.nbytes == 4096:
            {act}
        yield ticket
        self.at("detach")

    def release(self, place):
        self.at("release")

    def close(self):
        self.at("close")
"""


def each(names: Iterable[str]) -> list[tuple[str, str]]:
    """Each of them under every executor or, unless asked for all, under one of processes."""
    if THOROUGH:
        return [(name, executor) for name in names for executor in EXECUTORS]
    return [(name, EXECUTORS[1 + number % 2]) for number, name in enumerate(names)]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of scripts/ with transports that misbehave."""
    ways = {name: MODULE.format(act=act, place="nowhere", who="True") for name, act in TASKS.items()}
    ways |= {name: MODULE.format(act="pass", place=place, who=who) for name, (place, who) in PHASES.items()}
    return copied_library(tmp_path_factory.mktemp("library"), ways, EXECUTORS)


seen: dict[str, dict[str, str]] = {}


def measure(library: Path, folder: Path, strategy: str) -> tuple[dict[str, Any], str, str]:
    """The outcome, and the statuses of the scenario in which it is done and of the one after it."""
    scenarios = [(size, "send", [strategy]) for size in (4096, 8192)]
    outcome = measured(library, folder / "payloads", [strategy], scenarios, LIMIT_S)["outcomes"][strategy]
    assert outcome["still_there"] == []
    assert marked(f"test-of-handoff-{folder.name}-") == []
    assert not any((folder / "payloads" / "scratch").glob("*"))
    for row in outcome["rows"]:
        assert row["status"] == "ok" or (row.get("total_s") is None and row["reason"])
        assert len(row["reason"]) < 2000
    ((first,), (second,)) = (
        {row["status"] for row in outcome["rows"] if row["payload"] == f"array-{size}B"} for size in (4096, 8192)
    )
    return outcome, first, second


@pytest.mark.faults
@pytest.mark.parametrize("task, executor", each(TASKS))
def test_a_task_that_misbehaves(library: Path, tmp_path: Path, task: str, executor: str) -> None:
    outcome, first, second = measure(library, tmp_path, f"{executor}-{task}")
    seen.setdefault(task, {})[executor] = f"`{first}`" + ("" if second == "ok" else f", the next `{second}`")
    reason = outcome["fail_reason"]
    if task in ("returns", "prints_a_gigabyte"):
        assert (first, second, reason) == ("ok", "ok", "")
    elif task in ("forks", "leaves_a_daemon"):
        # Nobody can tell which scenario it belongs to.
        assert (first, second) == ("leaked", "leaked")
        assert all(name.startswith("process ") for name in outcome["swept"])
    elif task in CRASHES:
        assert (first, second) == ("crashed", "ok")
        assert CRASHES[task] in reason
    elif task.startswith("never"):
        assert (first, second) == ("timeout", "ok")
        assert "time limit" in reason
    elif task in ("raises", "raises_100_megabytes"):
        assert (first, second) == ("error", "ok")
        assert "ValueError: " in reason
    elif task == "wants_more_memory_than_there_is":
        assert (first, second) == ("out_of_memory", "ok")
    else:
        assert first in ("error", "crashed", "timeout")
        assert second == "ok"


@pytest.mark.faults
@pytest.mark.parametrize("phase, executor", each(PHASES))
def test_a_death_in_each_phase(library: Path, tmp_path: Path, phase: str, executor: str) -> None:
    if executor == "threads" and phase.startswith("worker"):
        pytest.skip("threads do not die alone")
    outcome, first, second = measure(library, tmp_path, f"{executor}-{phase}")
    seen.setdefault(phase, {})[executor] = f"`{first}`" + ("" if second == "ok" else f", the next `{second}`")
    assert "SIGKILL" in outcome["fail_reason"]
    # Who dies between two scenarios loses none: the first is proven, the second begins in a fresh process.
    lost = "ok" if phase.endswith("closes") else "crashed"
    assert (first, second, outcome["status"]) == (lost, "ok", "crashed")


@pytest.mark.faults
def test_the_page_says_so() -> None:
    wanted = {(name, executor) for names in (TASKS, PHASES) for name, executor in each(names)}
    died = {(name, executor) for name, executor in wanted if executor == "threads" and name.startswith("worker")}
    if not THOROUGH or {(name, executor) for name in seen for executor in seen[name]} != wanted - died:
        pytest.skip("only some of them were chosen; HANDOFF_THOROUGH=1 takes all")
    lines = [f"| what it does | {' | '.join(f'`{e}`' for e in EXECUTORS)} |", "|---" * (len(EXECUTORS) + 1) + "|"]
    for name, found in seen.items():
        cells = [found.get(executor, "its workers are threads") for executor in EXECUTORS]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    renew_page("tests/faults/test_misbehaving.py", "\n".join(lines))
