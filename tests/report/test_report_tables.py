"""The tables of the report in a real browser: made on demand, sorted, filtered, copied."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pages
import pytest
from reader import COLUMNS, SUMMARY, cells, column, copied, data, rows, shown

from handoff.report import tables
from handoff.words import ratio, seconds, size

WRITE = """([form, cells]) => WRITERS[form](
    [{name: 'n', title: 't|_[x]', value: row => cells[row], shown: row => cells[row]}], [...cells.keys()]
)"""
NUMBER = """([form, cell]) => WRITERS[form](
    [{name: 'n', title: 't', number: true, value: () => cell, shown: () => String(cell)}], [0]
)"""


@pytest.fixture
def copying() -> dict[str, Any]:
    return {"permissions": ["clipboard-read", "clipboard-write"]}


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
    page.get_by_label("pattern", exact=True).select_option("return")
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
    page.get_by_label("all columns", exact=True).check()
    assert page.locator(f"{SUMMARY} thead th").count() == len(tables.SUMMARY_COLUMNS)


def test_a_figure_has_its_numbers_under_it(opened: Any) -> None:
    page = opened(pages.ordinary())
    assert page.locator("[data-table=ranking] table").count() == 0
    page.locator("#numbers-ranking summary").click()
    page.wait_for_selector("[data-table=ranking] table")
    of_run = pages.run().summary
    assert cells(page, "median", "[data-table=ranking]") == [seconds(row["median_s"]) for row in of_run][:100]


# Copies.


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

    def read(cell: str) -> str:
        return re.sub(r"&\w+;", lambda match: plain[match[0]], cell).replace("\\", "")

    assert [[read(cell) for cell in line] for line in said] == [
        [" ".join(cell.split()) for cell in shown(row)] for row in kept
    ]
    latex = copied(page, "LaTeX").splitlines()
    assert latex[0].startswith("\\begin{tabular}{lllrrr")
    assert latex[-1] == "\\end{tabular}"
    assert sum(line.endswith(" \\\\") for line in latex) == len(kept) + 1
    text = "\n".join(latex)
    assert "TypeError in the worker: \\textless{}NA\\textgreater{} \\& \\textless{}b\\textgreater{}None" in text
    assert "text\\_frame-64MiB.read.send.w1 & " in text


def test_what_a_spreadsheet_would_compute_is_text(opened: Any, copying: dict[str, Any]) -> None:
    page = opened(pages.ordinary(), **copying)
    evil = ["=1+1", "+1", "-1", "@x", 'say "a", b', "two\nlines", "plain"]
    assert page.evaluate(WRITE, ["CSV", evil]) == ('n\n\'=1+1\n\'+1\n\'-1\n\'@x\n"say ""a"", b"\n"two\nlines"\nplain\n')
    assert page.evaluate(WRITE, ["Markdown", ["a|b_c <i>*"]]) == (
        "| t\\|\\_\\[x\\] |\n| --- |\n| a\\|b_c &lt;i&gt;\\* |\n"
    )
    assert page.evaluate(NUMBER, ["CSV", -1.5]) == "n\n-1.5\n"
    assert "50\\% of \\$x\\_1\\textasciicircum{}2 {[}a{]}" in page.evaluate(WRITE, ["LaTeX", ["50% of $x_1^2 [a]"]])


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
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.evaluate("() => { document.execCommand = () => false }")
    page.get_by_role("button", name="Copy this code").first.click()
    field = page.get_by_label("Text to copy")
    assert field.input_value().rstrip() == page.locator("#code-1 pre").inner_text().rstrip()
    assert field.evaluate("field => field.selectionEnd - field.selectionStart") == len(field.input_value())
    assert page.locator(".unseen").inner_text() == "Press Ctrl+C"


@pytest.mark.parametrize("form, said, values", [
    ("ratio", ratio, [0.0, 0.0083, 0.0099996, 0.0996, 0.09996, 0.1, 0.5, 9.994, 9.996, 10.04, 99.94, 99.96, 1234.6]),
    ("seconds", seconds, [0.0, 3e-9, 4.2e-7, 9.996e-4, 0.0255, 0.9996, 1.0, 59.96, 1234.5]),
    ("bytes", size, [0, 1, 1023, 1024, 1536, 2**20, 44_040_192, 2**30, 3 * 2**40]),
])  # fmt: skip
def test_numbers_are_written_as_everywhere_else(opened: Any, form: str, said: Any, values: list[float]) -> None:
    page = opened(pages.ordinary())
    assert page.evaluate(f"values => values.map({form})", values) == [said(value) for value in values]
