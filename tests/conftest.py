"""What holds for all tests: no example has a deadline, a payload kind whose package is missing is skipped aloud, and
what looks at the whole machine runs alone."""

from __future__ import annotations

import importlib.util

import pytest
from hypothesis import settings

from handoff.scenarios import KINDS, kind_facts

# How long an example takes depends on what else the machine does, which no test may fail of.
settings.register_profile("handoff", deadline=None)
settings.load_profile("handoff")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test with a parameter `kind` that needs what is not installed."""
    kind = getattr(item, "callspec", None) and item.callspec.params.get("kind")  # type: ignore[attr-defined]
    for package in kind_facts(kind).needs if kind in KINDS else ():
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{kind} needs the package {package}, which is not installed")


LAWS = "test_transports.py"
"""The file of the transports' laws: thousands of tests, each of which looks at what is its own alone."""

PURE = frozenset(
    f"test_{name}.py"
    for name in (
        "answers", "any_config", "atlas", "blocks", "calibration", "collection", "comparison", "comparison_page",
        "configuration", "costs", "damaged_figures", "damaged_files", "effort", "facts", "figures", "figures_content",
        "figures_small_and_large", "health", "payloads", "projection", "readme", "recommend", "records", "report",
        "statistics", "summaries", "words",
    )
)  # fmt: skip
"""Files of tests that look at nothing but values and files of their own."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup` (pytest-xdist) what looks at the machine comes one after another, in one process."""
    for item in items if config.pluginmanager.hasplugin("xdist") else ():
        if item.path.name != LAWS:
            item.add_marker(pytest.mark.xdist_group(item.path.name if item.path.name in PURE else "one at a time"))
