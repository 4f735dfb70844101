"""After all tests of surroundings, the table of docs/reliability.md is what they saw."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def page() -> Iterator[None]:
    yield
    import surroundings
    from victims import renew_page

    if table := surroundings.table():
        renew_page("tests/faults/test_surroundings.py", table)
