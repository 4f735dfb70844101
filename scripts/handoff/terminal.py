"""What a terminal can show: how wide it is, whether it has colours, and a few lines that fit into it.

Standard library only: the Snakefile prints with this.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Mapping
from typing import Final, TextIO

WIDEST: Final = 100
"""Columns. Longer lines are hard to read, however wide the terminal is."""
NARROWEST: Final = 20
ROOM: Final = 160
"""Characters that one paragraph may take, in whole lines. The rest of it stands in the file that it comes from."""

BOLD: Final = "1"
ORANGE: Final = "33"
"""Parameters of the control sequence Select Graphic Rendition (ECMA-48, section 8.3.117)."""

_INTERVAL: Final = re.compile(r"\[[^][\s]+, [^][\s]+\]")
_GLUE: Final = "\N{NO-BREAK SPACE}"


def has_colours(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to colour what is written there: on a terminal only, unless a variable says otherwise.

    NO_COLOR (https://no-color.org) beats FORCE_COLOR (https://force-color.org), which beats TERM=dumb.
    """
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return environment.get("TERM") != "dumb" and stream.isatty()


def styled(text: str, code: str, colours: bool) -> str:
    """The text in that style where there are colours; without them as it is."""
    return f"\x1b[{code}m{text}\x1b[0m" if colours and text else text


def columns() -> int:
    """How many columns to fill: those of the terminal, or of COLUMNS, up to WIDEST."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns))


def plain(text: str) -> str:
    """Without what would move the cursor or change colours: a name in a config may hold any character."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)


def folded(paragraphs: Iterable[str], width: int) -> list[str]:
    """The paragraphs as lines of that width, cut with an ellipsis where one takes more than ROOM characters.

    What is indented stays so, and its further lines a little more.
    """
    most = math.ceil(ROOM / width)
    lines: list[str] = []
    for paragraph in paragraphs:
        indent = " " * (len(paragraph) - len(paragraph.lstrip(" ")))
        more = f"{indent}    " if indent else ""
        said = _INTERVAL.sub(lambda found: found[0].replace(" ", _GLUE), plain(paragraph.strip()))
        wrapped = textwrap.wrap(
            said, width, initial_indent=indent, subsequent_indent=more,
            break_on_hyphens=False, max_lines=most, placeholder=" …",
        )  # fmt: skip
        lines += [line.replace(_GLUE, " ") for line in wrapped]
    return lines
