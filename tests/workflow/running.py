"""Runs the whole workflow as a user does, in a folder of its own, and looks at what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from handoff.records import INVOCATIONS, TIMINGS, Row, read_table

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 540
"""Seconds for one start. Another run that measures on this machine makes a start wait for each of its jobs."""

TINY: Final[dict[str, Any]] = {
    "run": "tiny",
    "blocks": 2,
    "seconds_per_invocation": 0.01,
    "strategies": ["threads-reference", "pool_spawn-pickle", "process_spawn-shared_memory"],
    "scenarios": [
        {"payload": {"kind": "array", "size": "64KiB"}, "task": "read", "pattern": "send", "workers": 1},
        {"payload": {"kind": "objects", "size": "16KiB"}, "task": "read", "pattern": "send", "workers": 1},
    ],
}


class Workflow:
    """A folder with a config and, once started, with results/."""

    def __init__(self, folder: Path, config: dict[str, Any], root: Path = ROOT) -> None:
        self.folder = folder
        self.root = root
        self.config = dict(config)
        self.run = folder / "results" / str(config["run"])

    def command(self, *options: str, cores: int = 2) -> list[str]:
        file = self.folder / "mine.yaml"
        file.write_text(yaml.safe_dump(self.config, allow_unicode=True), "utf-8")
        return [sys.executable, "-m", "snakemake", "-s", str(self.root / "Snakefile"), "--cores", str(cores),
                "--configfile", str(file), "--directory", str(self.folder), *options]  # fmt: skip

    def start(self, *options: str, cores: int = 2) -> str:
        """Run it; what it printed."""
        ended = self.attempt(*options, cores=cores)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def attempt(self, *options: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options, cores=cores), cwd=self.folder, env=environment(), text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
        )  # fmt: skip

    @property
    def timings(self) -> list[Row]:
        return read_table(self.run / "timings.csv", TIMINGS)

    @property
    def invocations(self) -> list[Row]:
        return read_table(self.run / "invocations.csv", INVOCATIONS)

    def written(self) -> dict[str, int]:
        """Each measuring job's file and when it was written, in nanoseconds."""
        files = (self.run / "timings").rglob("block~*.csv")
        return {file.relative_to(self.run).as_posix(): file.stat().st_mtime_ns for file in files}


def environment() -> dict[str, str]:
    # pytest's own path must not be what makes the library importable, nor its terminal what folds the lines.
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"COLUMNS": "100"}


def living(folder: Path) -> list[int]:
    """Processes whose working folder lies in that folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                place = (entry / "cwd").readlink()
            except OSError:
                continue
            if place.is_relative_to(folder):
                found.append(int(entry.name))
    return found
