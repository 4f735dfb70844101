"""A measuring job where memory, room or a limit fails it: a row with the reason, the other scenario goes on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from surroundings import Cgroup, Job, World, as_somebody, by_outcome, fill, saw, shown, tmpfs
from victims import children

from handoff.measure.places import SHARED

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

BY_FILES: Final = ("process_spawn-npy-tmpfs", "process_spawn-shared_memory", "process_spawn-parquet-tmpfs")
NAMELESS: Final = "process_spawn-arena"
"""Its memory is a file that lies in no file system: what limits /dev/shm does not limit it."""
STRATEGIES: Final = ("threads-reference", "pool_spawn-pickle", *BY_FILES, NAMELESS)


# /dev/shm.


def test_what_does_not_fit_into_shared_memory_is_skipped_with_the_arithmetic(tmp_path: Path) -> None:
    seen, left = {}, []
    with World(tmpfs(SHARED, "64m")) as world:
        for strategy in STRATEGIES:
            job = Job(strategy, tmp_path / strategy, [1_000_000, 80_000_000], world=world)
            small, (status, reason) = job.outcomes()
            assert small == ("ok", "")
            if strategy in BY_FILES:
                assert status == "skipped"
                assert re.fullmatch(r"needs about [\d.]+ [MG]B in files, 67\.1 MB are free .*", reason)
            else:
                assert status == "ok"
            seen[strategy] = shown(status, reason)
            left += job.left()
    assert left == []
    saw("/dev/shm has 64 MiB, 80 MB are to be handed over", by_outcome(seen), left)


@pytest.mark.parametrize("free, fault", [(0, "/dev/shm has no byte left"), (4096, "/dev/shm has 4 KiB left")])
def test_full_shared_memory_is_a_reason(tmp_path: Path, free: int, fault: str) -> None:
    seen, left = {}, []
    with World(tmpfs(SHARED, "8m")) as world:
        fill(world.seen(SHARED), free)
        for strategy in STRATEGIES:
            job = Job(strategy, tmp_path / strategy, [1000, 1_000_000], world=world)
            outcomes = job.outcomes()
            for status, reason in outcomes:
                if strategy == "threads-reference":
                    assert status == "ok"
                else:
                    assert status in ("error", "skipped")
                    assert re.search("No space left on device|needs about .* are free", reason)
            seen[strategy] = shown(*outcomes[0])
            left += job.left()
    assert left == []
    saw(fault, by_outcome(seen), left)


FILLED: Final = {
    "threads-reference": ["ok", "ok"],
    "pool_spawn-pickle": ["ok", "ok"],
    "process_spawn-npy-tmpfs": ["error", "ok"],
    "process_spawn-shared_memory": ["error", "ok"],
    "process_spawn-arena": ["ok", "ok"],
    "process_spawn-parquet-tmpfs": ["error", "ok"],
}


def test_shared_memory_that_fills_up_during_the_transfers_is_a_reason(tmp_path: Path) -> None:
    seen, left = {}, []
    with World(tmpfs(SHARED, "64m")) as world:
        for strategy in STRATEGIES:
            job = Job(strategy, tmp_path / strategy, [1_000_000, 1_000_008], world=world, task="busy", seconds=0.3)
            assert job.wait_for(lambda job=job: job.heard("row"))
            filler = fill(world.seen(SHARED))
            job.wait_for(lambda job=job: job.heard("failed"))
            filler.unlink()  # another program's file goes as it came
            outcomes = job.outcomes()
            assert [status for status, _ in outcomes] == FILLED[strategy]
            assert all("space" in reason for status, reason in outcomes if status == "error")
            seen[strategy] = ", then ".join(shown(*each) for each in outcomes)
            left += job.left()
    assert left == []
    saw("/dev/shm fills up during the transfers", by_outcome(seen), left)


# Limits of the process that starts it.


def _limit(name: str, value: int) -> list[str]:
    return ["prlimit", f"--{name}={value}"]


def test_too_little_address_space_is_out_of_memory(tmp_path: Path) -> None:
    seen, left = {}, []
    # Enough for Python, numpy and small payloads, and not for 300 MB of them and what pickling takes.
    for strategy, megabytes in (("threads-reference", 400), ("pool_spawn-pickle", 400), ("pool_spawn-pickle", 700)):
        prefix = _limit("as", megabytes * 10**6)
        job = Job(strategy, tmp_path / f"{strategy}-{megabytes}", [1000, 300_000_000], prefix)
        small, (status, reason) = job.outcomes()
        assert small == ("ok", "")
        assert status in ("out_of_memory", "skipped")
        assert re.search("memory|allocate", reason, re.IGNORECASE)
        seen[f"{strategy}, {megabytes} MB"] = shown(status)
        left += job.left()
    assert left == []
    saw("address space is limited (ulimit -v)", by_outcome(seen), left)


def test_address_space_for_nothing_is_a_reason(tmp_path: Path) -> None:
    for strategy in STRATEGIES[:3]:
        job = Job(strategy, tmp_path / strategy, [1000, 1_000_000], _limit("as", 150_000_000))
        for status, reason in job.outcomes():
            assert (status == "ok") != bool(reason)
        assert job.left() == []


def test_few_open_files_are_enough(tmp_path: Path) -> None:
    seen, left = {}, []
    for files in (20, 32, 64):
        for strategy in STRATEGIES if files == 20 else STRATEGIES[:2]:
            job = Job(strategy, tmp_path / f"{strategy}-{files}", [1000, 1_000_000], _limit("nofile", files))
            assert job.outcomes() == [("ok", ""), ("ok", "")]
            seen[strategy] = shown("ok")
            left += job.left()
    assert left == []
    saw("open files are limited to 20, 32, 64 (ulimit -n)", by_outcome(seen), left)


def test_too_few_open_files_are_a_reason(tmp_path: Path) -> None:
    seen, left = {}, []
    for strategy in STRATEGIES:
        job = Job(strategy, tmp_path / strategy, [1000, 1_000_000], _limit("nofile", 8))
        outcomes = job.outcomes()
        assert all(status == "error" and "Too many open files" in reason for status, reason in outcomes)
        seen[strategy] = shown(*outcomes[0])
        left += job.left()
    assert left == []
    saw("open files are limited to 8 (ulimit -n)", by_outcome(seen), left)


def test_files_that_may_not_grow_are_a_reason(tmp_path: Path) -> None:
    seen, left = {}, []
    for strategy in STRATEGIES:
        job = Job(strategy, tmp_path / strategy, [1000, 1_000_000], _limit("fsize", 300_000))
        small, (status, reason) = job.outcomes()
        assert small == ("ok", "")
        if strategy in (*BY_FILES, NAMELESS):
            assert status == "error"
            assert "the size of a file may be 300.0 kB at most (ulimit -f)" in reason
        else:
            assert status == "ok"
        seen[strategy] = shown(status, reason)
        left += job.left()
    assert left == []
    saw("sizes of files are limited (ulimit -f)", by_outcome(seen), left)


def test_a_result_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    job = Job("threads-reference", tmp_path / "job", [1000], _limit("fsize", 1000))
    status, printed = job.ended()
    assert status == 1
    assert re.fullmatch(r"measure_strategy: .*File too large.*\n", printed)
    assert not job.out.exists()
    assert [name for name in job.left() if not name.endswith(".jsonl")] == []


def test_processes_that_may_not_be_started_are_a_reason(tmp_path: Path) -> None:
    seen, left = {}, []
    for strategy in ("threads-reference", "pool_spawn-pickle", "process_spawn-npy-tmpfs"):
        # The supervisor and the sender: no worker, no thread.
        prefix = [*as_somebody("dac_override", "dac_read_search"), *_limit("nproc", 2)]
        job = Job(strategy, tmp_path / strategy, [1000, 1_000_000], prefix)
        outcomes = job.outcomes()
        for status, reason in outcomes:
            assert status == "error"
            assert "processes and threads of this user may be 2 at most (ulimit -u)" in reason
        seen[strategy] = shown(*outcomes[0])
        left += job.left()
    assert left == []
    saw("processes are limited (ulimit -u)", by_outcome(seen), left)


# The cgroup's memory.

EATER: Final = """
import sys
def kills():
    return [line for line in open(sys.argv[1]) if line.startswith("oom_kill ")]
before, held = kills(), []
print("ready", flush=True)
sys.stdin.readline()
while kills() == before:
    held.append(b"x" * 1_000_000)
"""
"""Eats memory until the kernel has ended somebody for it."""


@pytest.mark.parametrize("whom", ["worker", "sender"])
def test_a_death_for_want_of_the_cgroups_memory_says_so(tmp_path: Path, whom: str) -> None:
    seen, left = {}, []
    for strategy in ("pool_spawn-pickle", "process_spawn-shared_memory"):
        with Cgroup(450_000_000) as group:
            eater = subprocess.Popen(
                [*group.prefix, sys.executable, "-c", EATER, str(group.counter)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert eater.stdout is not None
            assert eater.stdout.readline() == "ready\n"
            job = Job(strategy, tmp_path / strategy, [1_000_000, 1_000_008], group.prefix, task="busy", seconds=2.0)
            assert job.wait_for(lambda job=job: job.heard("row"))
            (sender,) = children(job.process.pid)
            # Both offer themselves to the killer first of all; the one that shall live takes that back.
            for pid in [sender] if whom == "worker" else children(sender):
                Path(f"/proc/{pid}/oom_score_adj").write_text("0", encoding="ascii")
            eater.communicate("go\n", timeout=60)
            first, second = job.outcomes()
            assert first[0] == "out_of_memory"
            assert "the cgroup's out-of-memory killer was at work" in first[1]
            assert second == ("ok", "")
            seen[strategy] = f"{shown(*first)}, the next scenario {shown('ok')}"
            left += job.left()
    assert left == []
    saw(f"the cgroup's memory ends, {'a' if whom == 'worker' else 'the'} {whom} is killed", by_outcome(seen), left)
