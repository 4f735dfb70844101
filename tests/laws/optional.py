"""Strategies with optional packages or programs: marked `peers`, skipped with the reason where one is missing."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from handoff.strategies import Strategy

ALWAYS_THERE = {"numpy", "pandas", "pyarrow", "fastparquet"}
"""What every environment for a run has: envs/requirements.in."""


def missing(strategy: Strategy) -> str:
    """Why it cannot run here; '' if it can."""
    packages = [name for name in strategy.needs if importlib.util.find_spec(name) is None]
    programs = [name for name in strategy.programs if shutil.which(name) is None]
    return ", ".join(
        [*(f"needs the package {name}" for name in packages), *(f"needs the program {name}" for name in programs)]
    )


def marks(strategy: Strategy) -> list[pytest.MarkDecorator]:
    """For a test of that strategy."""
    if not strategy.programs and ALWAYS_THERE.issuperset(strategy.needs):
        return []
    reason = missing(strategy)
    return [pytest.mark.peers, pytest.mark.skipif(bool(reason), reason=reason)]
