"""Strategies with optional packages or programs: marked `peers`, skipped with the reason where one is missing."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import pytest

from handoff.strategies import Strategy, executor_facts

ALWAYS_THERE = {"numpy", "pandas", "pyarrow", "fastparquet"}
"""What every environment for a run has: envs/requirements.in."""


def missing(strategy: Strategy) -> str:
    """Why it cannot run here; '' if it can."""
    packages = [name for name in strategy.needs if importlib.util.find_spec(name) is None]
    programs = [name for name in strategy.programs if shutil.which(name) is None]
    facts = executor_facts(strategy.executor)
    pythons = [] if facts.runs_under(sys.version_info[:2]) else [facts.python]
    return ", ".join([
        *(f"needs Python {version}" for version in pythons),
        *(f"needs the package {name}" for name in packages),
        *(f"needs the program {name}" for name in programs),
    ])  # fmt: skip


def marks(strategy: Strategy) -> list[pytest.MarkDecorator]:
    """For a test of that strategy."""
    if (
        not strategy.programs
        and not executor_facts(strategy.executor).python
        and ALWAYS_THERE.issuperset(strategy.needs)
    ):
        return []
    reason = missing(strategy)
    return [pytest.mark.peers, pytest.mark.skipif(bool(reason), reason=reason)]
