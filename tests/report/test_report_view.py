"""The view of the report and its address, in a real browser: links, Back, nonsense, themes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pages
import pytest
from pages import HOSTILE
from reader import SUMMARY, cells, data


def test_a_link_restores_the_view_and_back_goes_back(opened: Any) -> None:
    page = opened(pages.ordinary())
    data(page)
    page.get_by_label("status", exact=True).select_option("unsupported")
    page.locator(f"{SUMMARY} thead button", has_text=re.compile(r"^strategy$")).click()
    page.locator("#why-2 summary").click()
    page.get_by_label("Theme").select_option("dark")
    page.wait_for_function("() => location.hash.includes('open=why-2') && location.hash.includes('theme=dark')")
    address, view = page.url, cells(page, "strategy")
    assert address.split("#")[1] == "data?status=unsupported&sort=strategy&theme=dark&open=why-2"

    other = opened(pages.ordinary(), f"#{address.split('#')[1]}")
    other.wait_for_selector(f"{SUMMARY} table")
    assert cells(other, "strategy") == view
    assert other.locator("#why-2").get_attribute("open") is not None
    assert other.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert other.get_by_label("status", exact=True).input_value() == "unsupported"
    assert -2 <= other.evaluate("() => document.getElementById('data').getBoundingClientRect().top") < 900

    page.go_back()
    assert page.locator(f"{SUMMARY} th[aria-sort=ascending]").count() == 0
    assert page.get_by_label("status", exact=True).input_value() == "unsupported"
    page.go_back()
    assert page.get_by_label("status", exact=True).input_value() == ""


@pytest.mark.parametrize(
    "fragment",
    ["#data?sort=-__proto__&kind=constructor&open=data,x,%00&theme=<b>&columns=none", "#%E0%A4%A?%", "#?&&==?",
     "#nowhere?workers=9999", f"#{quote(HOSTILE)}?text={quote(HOSTILE)}"],
)  # fmt: skip
def test_nonsense_in_the_address_is_ignored(opened: Any, fragment: str) -> None:
    page = opened(pages.ordinary(), fragment)
    data(page)
    if "text=" not in fragment:
        assert page.locator(f"{SUMMARY} tbody tr").count() == 100
    assert page.locator("details[open]").count() == 0
    assert page.evaluate("() => document.documentElement.dataset.theme") is None


def test_a_link_of_the_page_keeps_the_view(opened: Any) -> None:
    page = opened(pages.ordinary(), "#data?kind=frame")
    page.get_by_role("navigation").get_by_role("link", name="Ranking").click()
    assert page.url.endswith("#ranking?kind=frame")
    page.wait_for_function("() => Math.abs(document.getElementById('ranking').getBoundingClientRect().top) < 50")
    assert page.evaluate("() => document.activeElement.id") == "ranking"


def test_typing_makes_one_step_back(opened: Any) -> None:
    page = opened(pages.ordinary())
    data(page)
    page.get_by_label("text", exact=True).press_sequentially("arena")
    assert page.url.endswith("#data?text=arena")
    page.go_back()
    assert page.get_by_label("text", exact=True).input_value() == ""


def test_the_theme_follows_the_system_until_one_is_chosen(opened: Any) -> None:
    page = opened(pages.ordinary(), color_scheme="dark")
    colour = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_label("Theme").select_option("light")
    light = page.evaluate(colour)
    assert light == "rgb(255, 255, 255)" != dark
    page.get_by_label("Theme").select_option("system")
    assert page.evaluate(colour) == dark
