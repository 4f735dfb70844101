"""The report for everybody, in a real browser: both themes, a telephone, the keyboard, paper, no script."""

from __future__ import annotations

import re
from typing import Any

import pages
import pytest
from reader import SUMMARY, data

VISIBLE = """all => all
    .filter(each => each.checkVisibility({checkVisibilityCSS: true, contentVisibilityAuto: true}))
    .map((each, place) => { each.dataset.place = place; return String(place) })"""
CUT = """() => [...document.querySelectorAll('.scroll, pre, table')]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().right > 704)
    .map(each => each.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_no_serious_hindrance_is_found(opened: Any, theme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = opened(pages.ordinary(), f"#?theme={theme}")
    page.set_viewport_size({"width": width, "height": 900})
    for every in (False, True):
        if every:
            page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")
            data(page)
        found = axe.Axe().run(page).response
        assert len(found["passes"]) > 20
        serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


@pytest.mark.parametrize("html", [pages.ordinary, pages.hostile])
def test_nothing_is_wider_than_a_telephone(opened: Any, html: Any) -> None:
    page = opened(html())
    page.set_viewport_size({"width": 390, "height": 800})
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")
    data(page)
    assert page.evaluate("() => document.scrollingElement.scrollWidth") <= 390


def test_every_control_is_reached_by_the_keyboard(opened: Any) -> None:
    page = opened(pages.ordinary(), "#data?kind=frame")
    page.evaluate("() => { document.activeElement.blur(); getSelection().removeAllRanges(); window.scrollTo(0, 0) }")
    page.evaluate("() => { document.body.tabIndex = -1; document.body.focus() }")
    seen = set()
    controls = "a[href], button:not([hidden]), select, input, summary, .scroll, pre[tabindex]"
    expected = page.locator(controls).evaluate_all(VISIBLE)
    for _ in range(len(expected) + 20):
        page.keyboard.press("Tab")
        place = page.evaluate("() => document.activeElement.dataset.place ?? ''")
        if place:
            seen.add(place)
            assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert set(expected) <= seen
    before = page.url
    page.keyboard.press("Escape")
    assert page.url == before


def test_on_paper_all_is_there_and_nothing_is_cut(opened: Any) -> None:
    page = opened(pages.ordinary())
    data(page)
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 less its margins, in CSS pixels
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("() => document.scrollingElement.scrollWidth") <= 703
    assert page.evaluate(CUT) == []
    assert page.locator("details:not([open]):not(.numbers)").count() == 0
    assert (
        page.locator("button:visible, select:visible, input:visible").count()
        == page.locator("thead button:visible").count()
    )
    assert page.locator("#why-1 li").first.is_visible()
    for section in page.locator("section").all():
        assert section.is_visible()
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


def test_a_pdf_has_the_whole_page(opened: Any) -> None:
    page = opened(pages.ordinary())
    made = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", made)) > 3


def test_without_script_the_page_can_be_read(opened: Any) -> None:
    page = opened(pages.ordinary(), java_script_enabled=False)
    assert page.locator("button, select, input").count() == 0
    assert page.locator("#answers h3").first.is_visible()
    assert page.locator("#code-1 pre").is_visible()
    assert "they stand in summary.csv" in page.locator(SUMMARY).inner_text()
    page.locator("#why-1 summary").click()
    assert "recommendations.json" in page.locator("#why-1 li").inner_text()
