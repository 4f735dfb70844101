"""The report in a real browser with hostile names, and with ten thousand rows behind it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pages
from pages import HOSTILE
from reader import SUMMARY, cells, data


def test_hostile_names_stay_names(opened: Any) -> None:
    page = opened(pages.hostile(), f"#data?text={quote('alert(1)')}")
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")
    data(page)
    assert page.locator("script").count() == 2
    assert page.locator("img, [onerror]").count() == 0
    assert "49" not in page.locator("h1 + p, header p").first.inner_text().replace("{{ 7*7 }}", "")
    assert page.locator("header strong").evaluate("name => name.textContent") == HOSTILE.replace("\u202e", r"\u202e")
    assert "\u202e" not in page.locator("#answers h3").first.inner_text(), "it would turn the numbers after the name"
    assert page.locator("#why-1 li code").evaluate("name => name.textContent") == HOSTILE
    names = page.locator(f"{SUMMARY} tbody th").evaluate_all("all => all.map(each => each.textContent)")
    assert len(names) == 100
    assert all(name.startswith(HOSTILE[:40]) for name in names)
    choice = page.get_by_label("scenario", exact=True)
    one = choice.locator("option").evaluate_all("all => all.map(each => each.value)")[1]
    choice.select_option(one)
    names = page.locator(f"{SUMMARY} tbody th").evaluate_all("all => all.map(each => each.textContent)")
    assert set(names) == {one}
    page.reload()
    assert choice.input_value() == one


def test_ten_thousand_rows_and_many_answers_stay_a_light_page(opened: Any) -> None:
    html = pages.large()
    assert len(html.encode()) <= 3_000_000
    page = opened(html)
    assert page.evaluate("() => document.querySelectorAll('*').length") <= 5_000
    assert page.locator("figure").count() > 0
    data(page)
    said = page.locator(f"{SUMMARY} [role=status]").inner_text()
    assert int(said.split()[0].replace(",", "")) >= 10_000
    page.get_by_label("text", exact=True).fill("19KiB")
    page.get_by_label("text", exact=True).fill("524288KiB return w4 arena")
    assert set(cells(page, "scenario")) == {"array-524288KiB.read.return.w4"}
    assert all("arena" in name for name in cells(page, "strategy"))
    page.locator("#why-7 summary").click()
    page.wait_for_selector("#why-7 li code")
    assert page.locator("#why-7 li").last.inner_text().endswith("more stand in recommendations.json.")
    page.get_by_role("button", name="Show everything").click()
    page.get_by_role("button", name="Show 100 more").click()
    assert page.locator(f"{SUMMARY} tbody tr").count() == 200


def test_what_is_too_big_is_an_image_with_its_caption(opened: Any) -> None:
    page = opened(pages.large())
    images = page.locator("figure img")
    assert images.count() > 0
    for image in images.all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
        assert image.evaluate("image => image.naturalWidth") > 300
        figure = image.locator("xpath=ancestor::figure")
        assert image.get_attribute("alt") == figure.locator("figcaption").inner_text().strip()
