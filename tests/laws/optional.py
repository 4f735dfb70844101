"""Strategies with optional packages: skipped with the reason where one is missing."""

from __future__ import annotations

import importlib.util

import pytest

from handoff.strategies import Strategy

ALWAYS_THERE = {"numpy", "pandas", "pyarrow", "fastparquet"}
"""What every environment for a run has: envs/requirements.in."""


def missing(strategy: Strategy) -> str:
    """Why it cannot run here; '' if it can."""
    return ", ".join(
        f"needs the package {name}" for name in strategy.needs if importlib.util.find_spec(name) is None
    )  # fmt: skip


def marks(strategy: Strategy) -> list[pytest.MarkDecorator]:
    """For a test of that strategy."""
    if ALWAYS_THERE.issuperset(strategy.needs):
        return []
    reason = missing(strategy)
    return [pytest.mark.skipif(bool(reason), reason=reason)]
