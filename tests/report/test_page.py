"""The report in a real browser: what its script does, what everybody can use, how big it is."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from urllib.parse import quote

import pages
import pytest
from pages import HOSTILE

from handoff.report import tables
from handoff.words import ratio, seconds, size

SUMMARY = "[data-table=summary]"
COLUMNS = [column for column in tables.SUMMARY_COLUMNS if not column.quiet]


def data(page: Any) -> Any:
    """The Data section with its table built, as it is once a reader looks at it."""
    page.locator("#data").scroll_into_view_if_needed()
    page.wait_for_selector(f"{SUMMARY} table")
    return page.locator(SUMMARY)


def cells(page: Any, column: str, table: str = SUMMARY) -> list[str]:
    """What stands in a column of the main table, by its heading."""
    headings = page.locator(f"{table} thead button").all_inner_texts()
    place = headings.index(column) + 1
    return [text.strip() for text in page.locator(f"{table} tbody tr > :nth-child({place})").all_inner_texts()]


def copied(page: Any, button: str, table: str = SUMMARY) -> str:
    """What the button puts on the clipboard."""
    page.locator(f"{table} .tools").get_by_role("button", name=button).click()
    page.wait_for_function("() => document.querySelector('.unseen').textContent === 'Copied'")
    return str(page.evaluate("() => navigator.clipboard.readText()"))


def rows() -> list[list[Any]]:
    """The summary as the page shall have it, in all its columns."""
    return [list(row) for row in tables.summary(pages.run()).rows]


def column(name: str) -> int:
    return [each.name for each in tables.SUMMARY_COLUMNS].index(name)


def shown(row: list[Any]) -> list[str]:
    """A row as a reader sees it."""
    said = {"seconds": seconds, "ratio": ratio, "bytes": size, "count": lambda cell: "–" if cell is None else str(cell)}
    return [
        said[each.form](cell) if each.form in said else cell or ""
        for each, cell in zip(tables.SUMMARY_COLUMNS, row, strict=True) if not each.quiet
    ]  # fmt: skip


# Tables.


def test_the_summary_is_made_when_somebody_looks_at_it(opened: Any) -> None:
    page = opened(pages.ordinary())
    assert page.locator(f"{SUMMARY} table").count() == 0
    data(page)
    assert page.locator(f"{SUMMARY} tbody tr").count() == 100
    every = rows()
    assert page.locator(f"{SUMMARY} [role=status]").inner_text() == f"{len(every)} rows, the first 100 are here."
    page.get_by_role("button", name=f"Show {len(every) - 100} more").click()
    assert page.locator(f"{SUMMARY} tbody tr").count() == len(every)
    assert page.locator(f"{SUMMARY} > button").is_hidden()
    for place, each in enumerate(COLUMNS):
        found = [text.removesuffix(" unsafe") for text in cells(page, each.title)]
        assert found == [" ".join(shown(row)[place].split()) for row in every], each.name


def test_a_heading_sorts_up_down_and_back(opened: Any) -> None:
    page = opened(pages.ordinary())
    data(page)
    before = cells(page, "strategy")
    heading = page.locator(f"{SUMMARY} thead button", has_text=re.compile(r"^first transfer$"))
    known = sorted(row[column("first_s")] for row in rows() if row[column("first_s")] is not None)
    for order, expected in (("ascending", known), ("descending", known[::-1])):
        heading.click()
        assert cells(page, "first transfer") == [seconds(value) for value in expected][:100]
        assert page.locator(f"{SUMMARY} th[aria-sort={order}]").inner_text() == "first transfer"
        assert page.locator(f"{SUMMARY} th[aria-sort]:not([aria-sort=none])").count() == 1
    assert heading.evaluate("button => button === document.activeElement"), "who sorts by the keyboard stays there"
    heading.click()
    assert cells(page, "strategy") == before


def test_filters_leave_what_they_name_and_say_how_many(opened: Any) -> None:
    page = opened(pages.ordinary())
    data(page)
    page.get_by_label("pattern").select_option("return")
    page.get_by_label("executor", exact=True).select_option("process_spawn")
    kept = [row for row in rows() if row[column("pattern")] == "return" and row[column("executor")] == "process_spawn"]
    assert cells(page, "strategy") == [row[1] for row in kept]
    assert page.locator(f"{SUMMARY} [role=status]").inner_text() == f"{len(kept)} of {len(rows())} rows."
    page.get_by_label("text", exact=True).fill("NPY disk")
    assert cells(page, "strategy") == ["process_spawn-npy-disk"]
    page.get_by_label("text", exact=True).fill("nothing is called so")
    assert page.locator(f"{SUMMARY} [role=status]").inner_text() == f"0 of {len(rows())} rows."
    page.get_by_role("button", name="Show everything").click()
    assert page.locator(f"{SUMMARY} tbody tr").count() == 100
    page.get_by_label("all columns").check()
    assert page.locator(f"{SUMMARY} thead th").count() == len(tables.SUMMARY_COLUMNS)


def test_a_figure_has_its_numbers_under_it(opened: Any) -> None:
    page = opened(pages.ordinary())
    assert page.locator("[data-table=ranking] table").count() == 0
    page.locator("#numbers-ranking summary").click()
    page.wait_for_selector("[data-table=ranking] table")
    of_run = pages.run().summary
    assert cells(page, "median", "[data-table=ranking]") == [seconds(row["median_s"]) for row in of_run][:100]


# Copies.


@pytest.fixture
def copying() -> dict[str, Any]:
    return {"permissions": ["clipboard-read", "clipboard-write"]}


def test_csv_is_the_rows_that_are_shown(opened: Any, copying: dict[str, Any]) -> None:
    page = opened(pages.ordinary(), "#data?executor=process_spawn&sort=-median_s", **copying)
    data(page)
    head, *lines = csv.reader(io.StringIO(copied(page, "CSV")))
    assert head == [each.name for each in COLUMNS]
    kept = [row for row in rows() if row[column("executor")] == "process_spawn"]
    kept.sort(key=lambda row: -(row[column("median_s")] or -1e99))
    assert len(lines) == len(kept)
    for line, row in zip(lines, kept, strict=True):
        for each, text, cell in zip(COLUMNS, line, row, strict=False):
            if isinstance(cell, float):
                assert float(text) == pytest.approx(cell, rel=1e-5), each.name
            else:
                assert text == ("" if cell is None else str(cell)), each.name


def test_markdown_and_latex_are_as_shown(opened: Any, copying: dict[str, Any]) -> None:
    page = opened(pages.ordinary(), "#data?text=text_frame", **copying)
    data(page)
    kept = [row for row in rows() if any("text_frame" in str(cell) for cell in row)]
    head, under, *lines = copied(page, "Markdown").splitlines()
    assert head == f"| {' | '.join(each.title for each in COLUMNS)} |"
    assert under.count("---") == len(COLUMNS)
    said = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    plain = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
    found = [[re.sub(r"&\w+;", lambda match: plain[match[0]], cell).replace("\\", "") for cell in line] for line in said]
    assert found == [[" ".join(cell.split()) for cell in shown(row)] for row in kept]
    latex = copied(page, "LaTeX").splitlines()
    assert latex[0].startswith("\\begin{tabular}{lllrrr")
    assert latex[-1] == "\\end{tabular}"
    assert sum(line.endswith(" \\\\") for line in latex) == len(kept) + 1
    text = "\n".join(latex)
    assert "TypeError in the worker: \\textless{}NA\\textgreater{} \\& \\textless{}b\\textgreater{}None" in text
    assert "text\\_frame-64MiB.read.send.w1 & " in text


def test_what_a_spreadsheet_would_compute_is_text(opened: Any, copying: dict[str, Any]) -> None:
    page = opened(pages.ordinary(), **copying)
    write = "([form, cells]) => WRITERS[form]([{name: 'n', title: 't|_[x]', value: row => cells[row], shown: row => cells[row]}], [...cells.keys()])"
    evil = ["=1+1", "+1", "-1", "@x", 'say "a", b', "two\nlines", "plain"]
    assert page.evaluate(write, ["CSV", evil]) == (
        "n\n'=1+1\n'+1\n'-1\n'@x\n\"say \"\"a\"\", b\"\n\"two\nlines\"\nplain\n"
    )
    assert page.evaluate(write, ["Markdown", ["a|b_c <i>*"]]) == (
        "| t\\|\\_\\[x\\] |\n| --- |\n| a\\|b_c &lt;i&gt;\\* |\n"
    )
    number = "([form, cell]) => WRITERS[form]([{name: 'n', title: 't', number: true, value: () => cell, shown: () => String(cell)}], [0])"
    assert page.evaluate(number, ["CSV", -1.5]) == "n\n-1.5\n"
    assert "50\\% of \\$x\\_1\\textasciicircum{}2 {[}a{]}" in page.evaluate(write, ["LaTeX", ["50% of $x_1^2 [a]"]])


def test_code_is_copied_from_its_block_and_from_the_answer(opened: Any, copying: dict[str, Any]) -> None:
    page = opened(pages.ordinary(), **copying)
    code = page.locator("#code-1 pre").inner_text()
    for name in ("Copy this code", "Copy it"):
        page.evaluate("() => navigator.clipboard.writeText('')")
        page.get_by_role("button", name=name).first.click()
        page.wait_for_function("() => document.querySelector('.unseen').textContent === 'Copied'")
        assert page.evaluate("() => navigator.clipboard.readText()") == f"{code.rstrip()}\n"
        page.wait_for_function("() => document.querySelector('.unseen').textContent === ''")


def test_without_a_clipboard_the_text_is_there_to_copy(opened: Any) -> None:
    page = opened(pages.ordinary())
    page.evaluate(
        "() => { Object.defineProperty(navigator, 'clipboard', {value: undefined}); document.execCommand = () => false }"
    )
    page.get_by_role("button", name="Copy this code").first.click()
    field = page.get_by_label("Text to copy")
    assert field.input_value().rstrip() == page.locator("#code-1 pre").inner_text().rstrip()
    assert field.evaluate("field => field.selectionEnd - field.selectionStart") == len(field.input_value())
    assert page.locator(".unseen").inner_text() == "Press Ctrl+C"


# The view and its address.


def test_a_link_restores_the_view_and_back_goes_back(opened: Any) -> None:
    page = opened(pages.ordinary())
    data(page)
    page.get_by_label("status").select_option("unsupported")
    page.locator(f"{SUMMARY} thead button", has_text=re.compile(r"^strategy$")).click()
    page.locator("#why-2 summary").click()
    page.get_by_label("Theme").select_option("dark")
    page.wait_for_function("() => location.hash.includes('open=why-2') && location.hash.includes('theme=dark')")
    address, view = page.url, cells(page, "strategy")
    assert address.split("#")[1] == "data?status=unsupported&sort=strategy&theme=dark&open=why-2"

    other = opened(pages.ordinary(), f"#{address.split('#')[1]}")
    assert cells(other, "strategy") == view
    assert other.locator("#why-2").get_attribute("open") is not None
    assert other.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert other.get_by_label("status").input_value() == "unsupported"
    assert 0 <= other.evaluate("() => document.getElementById('data').getBoundingClientRect().top") < 900

    page.go_back()
    assert page.locator(f"{SUMMARY} th[aria-sort=ascending]").count() == 0
    assert page.get_by_label("status").input_value() == "unsupported"
    page.go_back()
    assert page.get_by_label("status").input_value() == ""


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


# For everybody, on everything.


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
    expected = page.locator(controls).evaluate_all(
        "all => all.filter(each => each.checkVisibility({checkVisibilityCSS: true, contentVisibilityAuto: true})).map((each, place) => { each.dataset.place = place; return String(place) })"
    )
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
    cut = "() => [...document.querySelectorAll('.scroll, pre, table')].filter(each => each.checkVisibility() && each.getBoundingClientRect().right > 704).length"
    assert page.evaluate(cut) == 0
    assert page.locator("details:not([open]):not(.numbers)").count() == 0
    assert page.locator("button:visible, select:visible, input:visible").count() == 0
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


# Hostile names, and a large run.


def test_hostile_names_stay_names(opened: Any) -> None:
    page = opened(pages.hostile(), f"#data?text={quote('alert(1)')}")
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")
    data(page)
    assert page.locator("script").count() == 2
    assert page.locator("img, [onerror]").count() == 0
    assert "49" not in page.locator("h1 + p, header p").first.inner_text().replace("{{ 7*7 }}", "")
    assert page.locator("header strong").evaluate("name => name.textContent") == HOSTILE
    assert page.locator("#why-1 li code").evaluate("name => name.textContent") == HOSTILE
    names = page.locator(f"{SUMMARY} tbody th").evaluate_all("all => all.map(each => each.textContent)")
    assert len(names) == 100
    assert all(name.startswith(HOSTILE[:40]) for name in names)
    options = page.get_by_label("scenario").locator("option").evaluate_all("all => all.map(each => each.value)")
    page.get_by_label("scenario").select_option(options[1])
    assert set(page.locator(f"{SUMMARY} tbody th").evaluate_all("all => all.map(each => each.textContent)")) == {options[1]}
    page.reload()
    assert page.get_by_label("scenario").input_value() == options[1]


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
    assert cells(page, "scenario") == ["array-524288KiB.read.return.w4"]
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
