"""From what matplotlib writes to a small SVG that says what it shows.

matplotlib repeats the font with every text and wraps every stroke in two named groups. Without them
the file is a third as big, and a page that holds several figures has nodes to spare.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SVG: Final = "http://www.w3.org/2000/svg"
XLINK: Final = "http://www.w3.org/1999/xlink"
FONTS: Final = "'DejaVu Sans', Verdana, Arial, sans-serif"
CAPTION: Final = "caption"
"""Id of the group that holds the visible caption; the root's data-caption is its height in points."""

_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)|^#(.+)$")
_DECIMALS: Final = re.compile(r"(\.\d\d)\d+")

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def references(element: Element) -> set[str]:
    """Ids that an element's attributes point to."""
    return {first or second for value in element.attrib.values() for first, second in _REFERENCE.findall(value)}


def _plain(element: Element) -> None:
    """Shorten one element's attributes without changing what is seen."""
    if style := element.get("style"):
        rules = [rule.strip() for rule in style.split(";")]
        kept = [rule.replace(": ", ":") for rule in rules if rule and not rule.startswith("font-family")]
        element.set("style", _DECIMALS.sub(r"\1", ";".join(kept)))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    for name in ("d", "x", "y", "width", "height", "transform"):
        if name in element.attrib:
            element.set(name, _DECIMALS.sub(r"\1", " ".join(element.attrib[name].split())))
    if element.tag != f"{{{SVG}}}text" and not (element.text or "").strip():
        element.text = None
    element.tail = None


def _alone(inside: list[Element]) -> bool:
    """Whether one element is drawn here, and it is neither clipped nor moved already."""
    *before, last = inside or [Element("none")]
    free = last.tag != "none" and not {"clip-path", "transform"}.intersection(last.attrib)
    return free and all(element.tag == f"{{{SVG}}}defs" for element in before)


def _unwrapped(parent: Element) -> list[Element]:
    """The children, with groups that say nothing, or only how to clip one element, replaced by what is in them."""
    found = []
    for child in parent:
        if child.tag == f"{{{SVG}}}defs" and not len(child):
            continue
        inside = _unwrapped(child)
        if child.tag == f"{{{SVG}}}g" and not child.attrib:
            found.extend(inside)
        elif child.tag == f"{{{SVG}}}g" and child.attrib.keys() == {"clip-path"} and _alone(inside):
            # Definitions are not drawn, so they need no clipping.
            inside[-1].set("clip-path", child.attrib["clip-path"])
            found.extend(inside)
        else:
            child[:] = inside
            found.append(child)
    return found


def _style(element: Element) -> dict[str, str]:
    rules = (rule.partition(":") for rule in element.get("style", "").split(";") if rule.strip())
    return {name.strip(): value.strip() for name, _, value in rules}


def _moved(path: str, x: float, y: float) -> str:
    """A path of absolute commands, as matplotlib writes them, elsewhere."""
    found, horizontal = [], True
    for word in path.split():
        if word.isalpha():
            found.append(word)
        else:
            found.append(f"{float(word) + (x if horizontal else y):.2f}")
            horizontal = not horizontal
    return " ".join(found)


def _markers_joined(root: Element) -> None:
    """Make one path of markers that follow each other and look alike: a node each is a third of a page."""
    shapes = {path.get("id"): path for path in root.iter(f"{{{SVG}}}path") if path.get("id")}
    link = f"{{{XLINK}}}href"
    for parent in list(root.iter()):
        children: list[Element] = []
        for child in parent:
            shape = shapes.get(child.get(link, "")[1:]) if child.tag == f"{{{SVG}}}use" else None
            if shape is None:
                children.append(child)
                continue
            drawn = _moved(shape.get("d", ""), float(child.get("x", "0")), float(child.get("y", "0")))
            style = ";".join(f"{name}:{value}" for name, value in {**_style(shape), **_style(child)}.items())
            made = Element(f"{{{SVG}}}path", {"d": drawn, "style": style})
            if clip := child.get("clip-path"):
                made.set("clip-path", clip)
            last = children[-1] if children else None
            if last is not None and last.get("data-marker") and {**last.attrib, "d": ""} == {
                **made.attrib, "d": "", "data-marker": "1",
            }:  # fmt: skip
                last.set("d", f"{last.get('d')} {drawn}")
            else:
                made.set("data-marker", "1")
                children.append(made)
        parent[:] = children
    for element in root.iter():
        element.attrib.pop("data-marker", None)


def finish(text: str, title: str, description: str, caption_height: float) -> str:
    """matplotlib's SVG made small, with a title and a description for those who do not see it."""
    root = ElementTree.fromstring(text)
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    for definitions in root.iter(f"{{{SVG}}}defs"):
        # Its rule for every element would hold in the whole page, not in this picture alone.
        for style in definitions.findall(f"{{{SVG}}}style"):
            definitions.remove(style)
    _markers_joined(root)
    used = {CAPTION}.union(*(references(element) for element in root.iter()))
    for definitions in root.iter(f"{{{SVG}}}defs"):
        definitions[:] = [each for each in definitions if used & {inner.get("id") for inner in each.iter()}]
    for element in root.iter():
        _plain(element)
        if element.get("id") not in used:
            element.attrib.pop("id", None)
    root[:] = _unwrapped(root)
    root.set("role", "img")
    root.set("aria-labelledby", "title description")
    for name, value in (("font-family", FONTS), ("stroke-linejoin", "round"), ("stroke-linecap", "butt")):
        root.set(name, value)
    root.set("data-caption", f"{caption_height:.2f}")
    for place, (tag, name, said) in enumerate((("title", "title", title), ("desc", "description", description))):
        element = Element(f"{{{SVG}}}{tag}", {"id": name})
        element.text = said
        root.insert(place, element)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
