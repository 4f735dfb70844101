"""Surroundings that fail, for real: namespaces, mounts, limits and a measuring job to put into them.

What takes a privilege that is not there skips the test, with the reason. Each fault's outcome becomes a line of
docs/reliability.md (see `saw`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from victims import ROOT, command_line, living

from handoff.measure.places import SHARED
from handoff.payloads.generation import generate
from handoff.records import InvocationFile, read_invocation
from handoff.scenarios import Payload, Scenario

sys.path.insert(0, str(ROOT / "tests" / "workflow"))
import running
from running import TINY, Workflow

PATIENCE_S: Final = 240.0
"""For one command. Another measurement on this machine makes each of its jobs wait for a turn."""

SMALL: Final[dict[str, Any]] = {
    **TINY, "blocks": 1, "scenarios": TINY["scenarios"][:1], "strategies": ["threads-reference"]
}  # fmt: skip
"""The workflow with as few jobs as it can have: one payload, two strategies, their floors and sentinels."""

KEYS: Final = {
    (1, "array", strategy, "array-64KiB.read.send.w1")
    for strategy in (
        "inline",
        "inline@again",
        "memcpy",
        "pool_spawn-pickle",
        "pool_spawn-pickle@again",
        "threads-reference",
    )
}
"""What SMALL measures: block, kind, strategy, scenario. A job each."""


# Namespaces.


class World:
    """A mount namespace of its own, in which a shell script has mounted something; `--net` for a network, too."""

    def __init__(self, setup: str, *namespaces: str) -> None:
        if not shutil.which("unshare") or not shutil.which("nsenter"):
            pytest.skip("no unshare and nsenter (util-linux) here, which make a namespace")
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        self._keeper = subprocess.Popen(
            ["unshare", *user, "--mount", *namespaces, "sh", "-c", f"{setup} && echo made && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
        )  # fmt: skip
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != "made\n":
            pytest.skip(f"a namespace cannot be made or set up here: {self._keeper.communicate()[1].strip()}")
        self._enter = ["nsenter", f"--target={self._keeper.pid}", "--mount", *namespaces]
        self._enter += ["--user", "--preserve-credentials"] if user else []

    def command(self, folder: Path, *words: str) -> list[str]:
        """What runs these words inside, in that folder: entered after the namespace, before it is the one outside."""
        return [*self._enter, "sh", "-c", 'cd "$0" && exec "$@"', str(folder), *words]

    def seen(self, path: Path) -> Path:
        """A path inside, as it is reached from outside."""
        return Path(f"/proc/{self._keeper.pid}/root{path}")

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self._keeper.communicate(timeout=PATIENCE_S)


def tmpfs(place: Path, size: str) -> str:
    """The script that mounts a memory file system there."""
    return f"mount -t tmpfs -o size={size} none '{place}'"


def fill(folder: Path, leave: int = 0) -> Path:
    """Take all but so many bytes of the file system's room; returns the file that does."""
    file = folder / "filler"
    with file.open("wb") as filler:
        while (room := os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - leave) > 0:
            with suppress(OSError):  # somebody else was quicker
                os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), room)
    return file


def as_somebody(*capabilities: str) -> list[str]:
    """The prefix that runs a command as a user who is not root, who has these capabilities alone."""
    if os.geteuid():
        pytest.skip("takes root, to become another user")
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv (util-linux) here, which becomes another user")
    given = ",".join(f"+{name}" for name in capabilities) or "-all"
    return [
        "setpriv",
        "--reuid=54321",
        "--regid=54321",
        "--clear-groups",
        f"--inh-caps={given}",
        f"--ambient-caps={given}",
    ]


def without_override() -> list[str]:
    """The prefix that runs a command as this user, whom permissions of files hold back even if it is root."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv (util-linux) here, which gives root's privilege up")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


class Cgroup:
    """A cgroup of its own whose processes may have so many bytes of memory together, and no swap."""

    def __init__(self, limit: int) -> None:
        first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
        old = first.is_dir()
        self._folder = (first if old else second) / f"handoff-test-{os.getpid()}"
        try:
            if not old:
                (second / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
            self._folder.mkdir()
            names = (
                ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes") if old else ("memory.max", "memory.swap.max")
            )
            for name, value in zip(names, (limit, limit if old else 0), strict=True):
                if name == names[0] or (self._folder / name).exists():
                    (self._folder / name).write_text(str(value), encoding="ascii")
        except OSError as error:
            pytest.skip(f"a cgroup with a memory limit cannot be made here: {error}")
        self.counter = self._folder / ("memory.oom_control" if old else "memory.events")
        """Where the kernel counts whom it ended."""

    @property
    def prefix(self) -> list[str]:
        """The prefix that runs a command in it."""
        return ["sh", "-c", f'echo $$ > {self._folder}/cgroup.procs && exec "$@"', "sh"]

    def __enter__(self) -> Cgroup:
        return self

    def __exit__(self, *_: object) -> None:
        patience = time.monotonic() + 10
        while members := (self._folder / "cgroup.procs").read_text(encoding="ascii").split():
            assert time.monotonic() < patience
            for pid in members:  # of a test that has failed
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.01)
        self._folder.rmdir()


# A measuring job.


def _payload(kind: str, size: int, folder: Path, made: Path) -> Payload:
    """The payload in that folder; it is made once for all folders, in `made`."""
    options = (("dtype", "float64"), ("content", "random")) if kind == "array" else (("columns", 8), ("dtype", "mixed"))
    payload = Payload(f"{kind}-{size}B", kind, size, options)
    if not (made / payload.file).exists():
        generate(payload, 1, made / payload.file, made / payload.description)
    for name in (payload.file, payload.description):
        os.link(made / name, folder / name)
    return payload


class Job:
    """scripts/measure_strategy.py on a scenario for each size, in these surroundings; its result lies in `out`."""

    def __init__(
        self, strategy: str, folder: Path, sizes: Sequence[int], prefix: Sequence[str] = (), world: World | None = None,
        task: str = "read", seconds: float = 0.05,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._shared = world.seen(SHARED) if world else SHARED
        self._before = set(self._names())  # another run's on the same machine
        data, made = folder / "payloads", folder.parent / "payloads of all"
        data.mkdir(parents=True)
        made.mkdir(exist_ok=True)
        self.out = folder / "block~1.csv"
        self._journal = self.out.with_suffix(".events.jsonl")
        kind = "frame" if "parquet" in strategy else "array"
        self.scenarios = [Scenario(_payload(kind, size, data, made), task, "send", 1) for size in sizes]
        command = [
            *prefix, sys.executable, str(ROOT / "scripts" / "measure_strategy.py"), "--run", "fault", "--kind", "any",
            "--strategy", strategy, "--block", "9", "--seconds", str(seconds), "--payloads", str(data),
            "--out", str(self.out), *(f"--scenario={json.dumps(each.to_json())}" for each in self.scenarios),
        ]  # fmt: skip
        self.process = subprocess.Popen(
            world.command(folder, *command) if world else command,
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def heard(self, event: str) -> bool:
        """Whether the measured process has said that."""
        return self._journal.exists() and f'"event": "{event}"' in self._journal.read_text(encoding="utf-8")

    def wait_for(self, found: Callable[[], object]) -> bool:
        """Until that is so; False if the job ends before."""
        patience = time.monotonic() + PATIENCE_S
        while not found():
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < patience
            time.sleep(0.005)
        return True

    def ended(self) -> tuple[int, str]:
        """Its exit status and what it printed to standard error, once it has ended."""
        printed = self.process.communicate(timeout=PATIENCE_S)[1]
        return self.process.returncode, printed

    def result(self) -> InvocationFile:
        """What it wrote, checked: it ended by itself, and each row has a time or a reason without a traceback."""
        status, printed = self.ended()
        assert status == 0, printed
        assert "Traceback" not in printed
        record = read_invocation(self.out)
        assert {row["scenario"] for row in record.transfers} == {scenario.id for scenario in self.scenarios}
        for row in record.transfers:
            assert (row["total_s"] is None) == bool(row["reason"]) == (row["status"] != "ok")
            assert "Traceback" not in str(row["reason"])
        return record

    def outcomes(self) -> list[tuple[str, str]]:
        """Status and reason of each scenario, in the order of the sizes."""
        rows = self.result().transfers
        found = []
        for scenario in self.scenarios:
            (one,) = {(str(row["status"]), str(row["reason"])) for row in rows if row["scenario"] == scenario.id}
            found.append(one)
        return found

    def _names(self) -> list[str]:
        places = [self._shared, self.folder / "scratch"]
        return [path.name for place in places if place.is_dir() for path in place.iterdir() if "handoff-" in path.name]

    def left(self) -> list[str]:
        """What is still there of it: processes, segments, files, its journal."""
        found = [name for name in self._names() if name not in self._before]
        found += [path.name for path in self.folder.iterdir() if path.suffix == ".jsonl" or path.name.startswith(".")]
        return found + [f"process {pid}" for pid in living(self.folder)]


# The workflow.


def project_in(root: Path) -> Path:
    """A copy of the project in that folder."""
    root.mkdir(parents=True)
    shutil.copy2(ROOT / "Snakefile", root)
    for name in ("workflow", "config", "profiles", "envs", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return root


def steps(name: str, folder: Path) -> list[int]:
    """Living processes of that script that work in that folder; not the shells that started them."""
    own = re.compile(rf"\S*python\S* \S*/{name}\.py ")
    return [pid for pid in running.living(folder) if own.match(command_line(pid))]


class Run:
    """A start of the workflow: with this prefix or in this world, with these variables and by this Python."""

    def __init__(
        self, flow: Workflow, *options: str, prefix: Sequence[str] = (), world: World | None = None,
        variables: Mapping[str, str] | None = None, python: Path = Path(sys.executable),
    ) -> None:  # fmt: skip
        self.flow = flow
        self._printed = flow.folder / f"printed-{len(list(flow.folder.glob('printed-*')))}.txt"
        command = [*prefix, str(python), *flow.command(*options)[1:]]
        with self._printed.open("w", encoding="utf-8") as printed:
            self.process = subprocess.Popen(
                world.command(flow.folder, *command) if world else command, cwd=flow.folder,
                env={**running.environment(), **(variables or {})},
                stdout=printed, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def wait_for(self, found: Callable[[], object]) -> None:
        """Until that is so; fails if it ends before."""
        patience = time.monotonic() + PATIENCE_S
        while not found():
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < patience
            time.sleep(0.005)

    @property
    def printed(self) -> str:
        return self._printed.read_text("utf-8")

    def ended(self) -> int:
        """Its exit status, once it and all that it started have ended."""
        status = self.process.wait(PATIENCE_S)
        patience = time.monotonic() + PATIENCE_S
        while running.living(self.flow.folder):  # what it had started may go on after it was killed
            assert time.monotonic() < patience
            time.sleep(0.01)
        return status

    def succeeded(self) -> str:
        """What it printed, once it has ended well."""
        assert self.ended() == 0, self.printed
        return self.printed

    def failed(self) -> str:
        """What it printed, once it has ended with an error that is told without a traceback of Handoff's."""
        assert self.ended() != 0, self.printed
        assert "Traceback" not in self.printed
        return self.printed


def keys(flow: Workflow) -> set[tuple[object, ...]]:
    """What was measured."""
    return {(row["block"], row["kind"], row["strategy"], row["scenario"]) for row in flow.timings}


# The page.

FAULTS: Final = (
    "/dev/shm has 64 MiB, 80 MB are to be handed over",
    "/dev/shm has no byte left",
    "/dev/shm has 4 KiB left",
    "/dev/shm fills up during the transfers",
    "address space is limited (ulimit -v)",
    "open files are limited to 20, 32, 64 (ulimit -n)",
    "open files are limited to 8 (ulimit -n)",
    "sizes of files are limited (ulimit -f)",
    "processes are limited (ulimit -u)",
    "the cgroup's memory ends, a worker is killed",
    "the cgroup's memory ends, the sender is killed",
    "the disk fills up in the middle of measuring",
    "the disk fills up as the report is made",
    "the disk fills up, Snakemake's own folder on it",
    "`results/` is read-only",
    "`results/` is another user's",
    "the working folder is read-only",
    "TMPDIR may not be written",
    "TMPDIR does not exist",
    "TMPDIR is on a full disk",
    "TMPDIR has blanks, quotes and signs",
    "the clock is set back by two days",
    "the clock is set ahead by two days",
    "files have times two days in the future",
    "Snakemake is killed in a step",
    "Snakemake is told to end in a step",
    "a step is killed",
    "there is no network, not even loopback",
    "two runs at once in two folders",
    "two runs at once in one folder",
    "names are full of blanks, quotes, `$`, `;`, `<`, `%`",
    "the run's name has braces",
    "the project's name has braces",
)
"""Lines of the table, in its order."""

_seen: dict[str, tuple[str, str]] = {}


def saw(fault: str, happens: str, left: list[str]) -> None:
    """A line of the table: what happens at that fault, and what is left of it."""
    assert fault in FAULTS
    _seen[fault] = happens, ", ".join(left) or "nothing"


def table() -> str:
    """The table of docs/reliability.md; '' unless every test has run."""
    if set(_seen) != set(FAULTS):
        return ""
    lines = ["| fault | what happens | what is left |", "|---|---|---|"]
    return "\n".join(lines + [f"| {fault} | {_seen[fault][0]} | {_seen[fault][1]} |" for fault in FAULTS])


def shown(status: str, reason: str = "") -> str:
    """'`skipped` (needs about … in files)': a row's status and reason, without what differs from run to run."""
    plain = re.sub(r"\d[\d.]* ?([kMG]?i?B|bytes)", "…", reason)
    return f"`{status}` ({plain})" if reason else f"`{status}`"


def by_outcome(outcomes: dict[str, str]) -> str:
    """'ok: `a`, `b`; skipped: `c`' of what each strategy's outcome was."""
    groups: dict[str, list[str]] = {}
    for strategy, outcome in outcomes.items():
        groups.setdefault(outcome, []).append(f"`{strategy}`")
    return "; ".join(f"{outcome}: {', '.join(names)}" for outcome, names in groups.items())
