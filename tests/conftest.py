"""What holds for all tests: a payload kind whose package is not installed is skipped, and the report says so."""

from __future__ import annotations

import importlib.util

import pytest

from handoff.scenarios import KINDS, kind_facts


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test with a parameter `kind` that needs what is not installed."""
    kind = getattr(item, "callspec", None) and item.callspec.params.get("kind")  # type: ignore[attr-defined]
    for package in kind_facts(kind).needs if kind in KINDS else ():
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{kind} needs the package {package}, which is not installed")
