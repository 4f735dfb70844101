"""What a reader does with the page, and what he then sees; and the same as Python has it."""

from __future__ import annotations

from typing import Any

import pages

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
