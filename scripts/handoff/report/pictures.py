"""A figure's SVG file as a part of the page: its caption as text, its ids its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup

from handoff.figures import FIGURES
from handoff.figures.svg import CAPTION, SVG
from handoff.records import ANEW, BadTable


@dataclass(frozen=True)
class Picture:
    """One figure: the name of its file, its title and caption, and its markup."""

    name: str
    title: str
    caption: str
    svg: Markup


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


def picture(path: Path) -> Picture:
    """The figure that scripts/plot_figure.py wrote to this file.

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
    return Picture(path.stem, FIGURES.get(path.stem, path.stem), caption, markup)


def pictures(paths: list[Path]) -> list[Picture]:
    """The figures in the report's order, whatever the order of the files."""
    order = {name: place for place, name in enumerate(FIGURES)}
    return [picture(path) for path in sorted(paths, key=lambda path: (order.get(path.stem, len(order)), path.stem))]
