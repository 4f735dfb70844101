"""A figure's SVG file as a part of the page: its caption as text, its ids its own, its numbers for a table."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup

from handoff.figures import FIGURES
from handoff.figures.svg import CAPTION, SVG
from handoff.records import ANEW, BadTable, read_json
from handoff.report.tables import Table, of_figure
from handoff.shapes import shaped


class _Numbers(TypedDict):
    """figures/<figure>.json, as far as the page reads it."""

    columns: list[str]
    rows: list[list[str | float | None]]


@dataclass(frozen=True)
class Picture:
    """One figure: the name of its file, its title and caption, its markup, and what it shows as a table.

    drawn: False where the picture only says that there is nothing to draw.
    inline: whether it is part of the page; else the page shows it as an image, which is one element of the page.
    """

    name: str
    title: str
    caption: str
    svg: Markup
    elements: int
    drawn: bool = True
    table: Table | None = None
    inline: bool = True

    @property
    def image(self) -> str:
        """The picture as an address that holds all of it."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"


def _without_caption(root: Element) -> None:
    """Take the caption off the picture and the room that it stood in."""
    root[:] = [child for child in root if child.get("id") != CAPTION]
    x, y, width, height = (float(number) for number in root.attrib["viewBox"].split())
    height -= float(root.attrib.pop("data-caption"))
    root.set("viewBox", f"{x:g} {y:g} {width:g} {height:.2f}")
    root.set("height", f"{height:.2f}pt")


def own_ids(root: Element, name: str) -> None:
    """Put the figure's name before every id: two figures of one page may have the same ones."""
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key == "aria-labelledby":
                element.set(key, " ".join(f"{name}-{part}" for part in value.split()))
            elif key.endswith("href") and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, re.sub(r"url\(#", f"url(#{name}-", value))


def _numbers(path: Path, title: str) -> Table | None:
    """The table that was written beside a picture; None if there is none.

    Raises:
        BadTable: it is damaged.
    """
    if not path.is_file():
        return None

    def made(data: object) -> Table:
        found: _Numbers = shaped(data, _Numbers)  # type: ignore[assignment]
        if any(len(row) != len(found["columns"]) for row in found["rows"]):
            raise ValueError("a row has not as many cells as there are columns")
        return of_figure(title, found["columns"], found["rows"], f"figures/{path.name}")

    return read_json(path, made)


def picture(path: Path) -> Picture:
    """The figure that scripts/plot_figure.py wrote to this file, with the table that it wrote beside it.

    Raises:
        BadTable: there is no such file, or it is not whole.
    """
    try:
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        if root.tag != f"{{{SVG}}}svg":
            raise ValueError(f"it holds {root.tag!r}")
        caption = root.findtext(f"{{{SVG}}}desc", "")
        _without_caption(root)
        own_ids(root, path.stem)
        # Everything in it was escaped as it was written: an SVG that can be parsed holds no stray markup.
        markup = Markup(ElementTree.tostring(root, encoding="unicode"))  # nosec B704
    except (OSError, ElementTree.ParseError, KeyError, ValueError, OverflowError, RecursionError) as error:
        raise BadTable(f"{path}: no figure that can be read ({error}). {ANEW}") from error
    title = FIGURES.get(path.stem, path.stem)
    table = _numbers(path.with_suffix(".json"), title)
    # What draws nothing has nothing in its table.
    drawn = table is None or bool(table.rows)
    return Picture(path.stem, title, caption, markup, sum(1 for _ in root.iter()), drawn, table)


def pictures(paths: list[Path]) -> list[Picture]:
    """The figures in the report's order, whatever the order of the files."""
    order = {name: place for place, name in enumerate(FIGURES)}
    return [picture(path) for path in sorted(paths, key=lambda path: (order.get(path.stem, len(order)), path.stem))]


def within(found: Sequence[Picture], room: int) -> list[Picture]:
    """The same pictures, so many of them images that the others have no more elements than that; the biggest first."""
    small: set[str] = set()
    for each in sorted(found, key=lambda each: each.elements):
        room -= each.elements
        if room >= 0:
            small.add(each.name)
    return [replace(each, inline=each.name in small) for each in found]
