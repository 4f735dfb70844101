"""What an invocation may leave, and what is removed of it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from handoff.measure.places import SHARED, Places


def test_a_segment_with_a_name_of_its_librarys_goes_when_nobody_locks_it(tmp_path: Path) -> None:
    number = time.time_ns()
    used, left, other = (SHARED / f"{name}.zenoh" for name in (number, number + 1, f"mine-{number}"))
    for path in (used, left, other):
        path.touch(mode=0o600)
    descriptor = os.open(used, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # as Zenoh does
        Places("a-token", tmp_path).remove()
        assert [path.exists() for path in (used, left, other)] == [True, False, True]
        os.close(descriptor)
        descriptor = -1
        Places("a-token", tmp_path).remove()
        assert [path.exists() for path in (used, other)] == [False, True]
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        for path in (used, left, other):
            path.unlink(missing_ok=True)
