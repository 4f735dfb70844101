"""Tests that need the same framework follow each other, so that each framework is started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from two_sides import is_framework, nobody_elsewhere

from handoff.strategies import Strategy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def framework(item: pytest.Item) -> str:
        strategy = getattr(item, "callspec", None) and item.callspec.params.get("strategy")  # type: ignore[attr-defined]
        return strategy.executor if isinstance(strategy, Strategy) and is_framework(strategy) else ""

    items.sort(key=framework)


@pytest.fixture(scope="session", autouse=True)
def _nobody_stays() -> Iterator[None]:
    yield
    nobody_elsewhere()
