"""What processes use, as the kernel counts it: memory that several of them share counts once."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

from handoff.measure import usage

MIB = 2**20

MAPS_IT = """
import mmap, os, sys
memory = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 0)
assert sum(memory[::mmap.PAGESIZE]) == 0
print("mapped", flush=True)
sys.stdin.read()
"""


def test_memory_without_a_name_is_counted_once_and_not_as_a_file() -> None:
    before = usage.nameless([os.getpid()])
    descriptor = os.memfd_create("test-usage")
    os.truncate(descriptor, 8 * MIB)
    with mmap.mmap(descriptor, 0) as memory:
        memory[:: mmap.PAGESIZE] = bytes(8 * MIB // mmap.PAGESIZE)
        assert usage.nameless([os.getpid()]) - before == 8 * MIB
        command = [sys.executable, "-c", MAPS_IT, f"/proc/{os.getpid()}/fd/{descriptor}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"mapped\n"
            assert abs(usage.nameless([os.getpid(), other.pid]) - before - 8 * MIB) < 64 * 1024
            other.communicate()
        assert usage.stored(Path("/dev/shm/nothing"), "test-usage") == 0
    os.close(descriptor)
    assert usage.nameless([os.getpid()]) == before


def test_processes_that_have_gone_use_nothing() -> None:
    assert usage.nameless([2**22 + 1]) == 0
