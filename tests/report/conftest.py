"""A browser for the tests of the report: Debian's Chromium, or the one that HANDOFF_CHROMIUM names."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A running Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: envs/development.in")
    chromium = os.environ.get("HANDOFF_CHROMIUM") or shutil.which("chromium") or ""
    if not chromium:
        pytest.skip("there is no chromium on the PATH, and HANDOFF_CHROMIUM names none")
    with api.sync_playwright() as playwright:
        # Chromium refuses to put root into its sandbox; the pages are our own.
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens HTML from a file, as a reader does; at the end no page has complained, asked a network, shown a dialog."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_(html: str, fragment: str = "", **options: Any) -> Page:
        (tmp_path / "report.html").write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{(tmp_path / 'report.html').as_uri()}{fragment}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []
    own = ((tmp_path / "report.html").as_uri(), "data:image/svg+xml;base64,")
    assert [url for url in asked if not url.startswith(own)] == []
