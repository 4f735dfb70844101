"""The numbers behind a picture, for those who want to read or hear them instead of seeing it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TypeAlias

from handoff.words import shortened

Cell: TypeAlias = str | float | None
"""Words, a number in the unit that its column names, or nothing."""

LONGEST = 300
"""Characters of a cell: a reason may be a whole traceback, which summary.csv has."""


@dataclass(frozen=True)
class Table:
    """What a picture shows, a row a thing that is drawn; a column of numbers names its unit: 'median, s'."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()

    def __post_init__(self) -> None:
        """Raises: ValueError: a row has another number of cells than there are columns."""
        if wrong := next((row for row in self.rows if len(row) != len(self.columns)), None):
            raise ValueError(f"{len(self.columns)} columns, and a row of {len(wrong)}: {wrong}")


def _plain(cell: Cell) -> Cell:
    """As JSON can hold it: neither infinite nor no number, and not longer than one reads."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return shortened(cell, LONGEST) if isinstance(cell, str) else cell


def to_json(title: str, caption: str, table: Table) -> str:
    """The text of figures/<name>.json: what the picture is called, says and shows."""
    rows = [[_plain(cell) for cell in row] for row in table.rows]
    said = {"title": title, "caption": caption, "columns": list(table.columns), "rows": rows}
    return json.dumps(said, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
