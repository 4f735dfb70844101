"""One measuring job as a process of its own, and who is who in it: for tests that kill some of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from handoff.measure import places
from handoff.measure.places import SHARED, Places, machine_lock
from handoff.measure.usage import marked
from handoff.payloads.generation import generate
from handoff.records import InvocationFile, read_invocation
from handoff.scenarios import Payload, Scenario
from handoff.strategies import find

ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 60.0
THOROUGH: Final = bool(os.environ.get("HANDOFF_THOROUGH"))
"""Every strategy and executor meets every fault, which takes half an hour; else each fault and each transport some."""

SMALLEST: Final = 1_000_000
"""Bytes of the first scenario's payload; each next one has 8 more."""


def carried(strategy: str) -> tuple[str, str]:
    """A payload kind that the strategy carries, and a pattern in which it does."""
    tried = [(kind, pattern) for pattern in ("send", "broadcast") for kind in ("array", "frame")]
    return next(both for both in tried if not find(strategy).unsupported(*both))


def _scenario(strategy: str, size: int, folder: Path) -> Scenario:
    kind, pattern = carried(strategy)
    options = (("dtype", "float64"), ("content", "random")) if kind == "array" else (("columns", 8), ("dtype", "mixed"))
    payload = Payload(f"{kind}-{size}B", kind, size, options)
    generate(payload, 1, folder / payload.file, folder / payload.description)
    # 100 ms of task in each transfer: whoever strikes at random nearly always hits one.
    return Scenario(payload, "busy", pattern, 1)


class MeasuringJob:
    """scripts/measure_strategy.py on some scenarios of one strategy; its result lies in `out`."""

    def __init__(
        self, strategy: str, folder: Path, seconds: float = 0.8, scenarios: int = 2, limit: float = 0,
        prefix: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """limit: seconds for each measured process; 0 is the product's own. prefix: a command that starts it."""
        self.strategy = strategy
        data = folder / "payloads"
        data.mkdir(parents=True)
        self.out = folder / "block~1.csv"
        self.journal = folder / "block~1.events.jsonl"
        self.scenarios = [_scenario(strategy, SMALLEST + 8 * number, data) for number in range(scenarios)]
        self.folder = folder
        script = [str(ROOT / "scripts" / "measure_strategy.py")]
        if limit:
            script = [str(Path(__file__).with_name("impatient.py")), *script, str(limit), str(folder / "lock")]
        command = [
            *prefix, sys.executable, *script, "--run", "fault", "--kind", "any",
            "--strategy", strategy, "--block", "9", "--seconds", str(seconds), "--payloads", str(data),
            "--out", str(self.out), *(f"--scenario={json.dumps(each.to_json())}" for each in self.scenarios),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def wait_for_transfers(self, scenario: int) -> None:
        """Until that scenario's first transfer has been measured."""
        row = f'"event": "row", "row": {{"scenario": "{self.scenarios[scenario].id}"'
        self.wait_for(lambda: self.journal.exists() and row in self.journal.read_text(encoding="utf-8"))

    @property
    def sender(self) -> int | None:
        """The measured process: the supervisor's child."""
        return next(iter(children(self.process.pid)), None)

    @property
    def workers(self) -> list[int]:
        """Whoever runs tasks, a framework's great-grandchild or a child: each has opened the gate's pipes."""
        mine = [pid for pid in marked(self.prefix) if pid != self.sender]
        return [pid for pid in mine if any("-control/gate-" in name for name in _open_files(pid))]

    @property
    def prefix(self) -> str:
        """What the names and marks of all that is its own begin with."""
        return f"handoff-{os.getuid()}-{self.process.pid}-"

    def wait_for(self, found: Callable[[], object]) -> None:
        """Until that is there; fails if the job ends before."""
        patience = time.monotonic() + PATIENCE_S
        while not found():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < patience
            time.sleep(0.01)

    def ended(self) -> int:
        """Its exit status, once it has ended."""
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    def result(self) -> InvocationFile:
        return read_invocation(self.out)

    def sweep(self) -> None:
        """What the next measuring job on this machine does first: remove what a killed one left."""
        with machine_lock():
            Places("a-later-job", self.folder / "scratch").sweep_dead()

    def left(self) -> list[str]:
        """What is still there of it: processes, segments, files."""
        found = [path.name for path in SHARED.iterdir() if self.prefix in path.name]
        found += [str(path) for path in (self.folder / "scratch").glob("*") if self.prefix in path.name]
        if self.strategy.endswith("-zenoh"):
            # They bear nobody's name: another job's, or those of one beside this one, would look the same.
            found += [str(path) for path in places.abandoned()]
        # A server may have left the folder and written over its mark, but has to be told where its files go.
        servers = [pid for pid in _pids() if self.prefix in command_line(pid)]
        return found + [f"process {pid}" for pid in {*living(self.folder), *servers}]


def _open_files(pid: int) -> list[str]:
    """What the process's descriptors stand for; none for one that has ended."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            found.append(str(descriptor.readlink()))
    return found


def _status(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def command_line(pid: int) -> str:
    return _status(pid, "cmdline").replace("\0", " ")


def children(pid: int) -> list[int]:
    """Living children of a process, of all its threads."""
    threads = Path(f"/proc/{pid}/task").glob("*/children") if pid else ()
    found = [int(child) for file in threads for child in _read(file).split()]
    return [child for child in found if ") Z" not in _status(child, "stat")]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""


def living(folder: Path) -> list[int]:
    """Processes that work in that folder; all of a job's do. Those that are just ending get a moment."""
    patience = time.monotonic() + 5
    while found := [pid for pid in _pids() if _works_in(pid, folder)]:
        if time.monotonic() > patience:
            break
        time.sleep(0.05)
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def in_shared_memory() -> set[str]:
    """Names in /dev/shm."""
    return {path.name for path in SHARED.iterdir()}


def page_of(made_by: str) -> str:
    """The part of docs/reliability.md that this file's tests have made."""
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    return text.partition(f"<!-- made by {made_by} -->\n")[2].partition("<!-- end -->\n")[0]


def renew_page(made_by: str, table: str) -> None:
    """Hold the part of docs/reliability.md that this file's tests make to what they saw; HANDOFF_WRITE=1 writes it."""
    page = ROOT / "docs" / "reliability.md"
    before, mark, rest = page.read_text(encoding="utf-8").partition(f"<!-- made by {made_by} -->\n")
    assert mark
    _, end, after = rest.partition("<!-- end -->\n")
    assert end
    text = f"{before}{mark}{table}\n{end}{after}"
    if os.environ.get("HANDOFF_WRITE"):
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text, "docs/reliability.md is out of date: HANDOFF_WRITE=1"
