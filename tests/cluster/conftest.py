"""One small SLURM for all tests here; each has a folder of its own on it."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm import Slurm, obstacle, running


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    if why := obstacle():
        pytest.skip(f"no SLURM here: {why}")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip(
            "snakemake-executor-plugin-slurm is not installed: make test-cluster, or pip install -r envs/cluster.in"
        )
    # A short path: a Unix socket's may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, running(Path(folder) / "c") as cluster:
        yield cluster
