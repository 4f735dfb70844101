"""Pass less: which parts of the payload the function needs, found out by leaving parts out.

A column counts as not needed if, on a sample, the result stays the same without it and with other values in it,
extreme ones among them. Whether that holds for the whole payload is then tried on the whole payload.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from handoff import payloads
from handoff.probes.calling import CallFailed, Trial, now_s, same
from handoff.probes.finding import Finding
from handoff.probes.payload import is_frame, is_table
from handoff.words import counted, ratio, seconds

SAMPLE_ROWS: Final = 1000
LEAST_FACTOR: Final = 1.2
"""So many times fewer bytes are worth a sentence."""

OTHERS: Final = ("low", "high", "missing")
"""What is put in place of a part's values."""

MOST_SHOWN: Final = 12
"""Names that a snippet lists."""


class Parts(Protocol):
    """A payload as a row of parts with names."""

    payload: Any
    names: list[Any]
    noun: str

    def only(self, places: Sequence[int]) -> Any:
        """The payload with these parts alone, in their order."""

    def changed(self, places: Sequence[int], how: str) -> Any:
        """A copy with other values in these parts; see OTHERS."""

    def sample(self) -> Parts:
        """Its first rows; itself where that cannot be had."""

    def snippet(self, places: Sequence[int]) -> str:
        """Code that takes these parts of `payload`."""


class FrameParts:
    """A pandas.DataFrame by columns. Places, no names: labels may occur twice."""

    noun = "column"

    def __init__(self, payload: Any) -> None:
        self.payload = payload
        self.names = list(payload.columns)

    def only(self, places: Sequence[int]) -> Any:
        return self.payload.iloc[:, list(places)]

    def changed(self, places: Sequence[int], how: str) -> Any:
        frame = self.payload.copy()
        for place in places:
            frame.isetitem(place, _other_column(frame.iloc[:, place], how))
        return frame

    def sample(self) -> FrameParts:
        return FrameParts(self.payload.iloc[:SAMPLE_ROWS].copy())

    def snippet(self, places: Sequence[int]) -> str:
        names = [self.names[place] for place in places]
        return (
            f"frame[{names!r}]" if len(set(map(str, self.names))) == len(self.names) else f"frame.iloc[:, {places!r}]"
        )


class TableParts:
    """A pyarrow.Table by columns."""

    noun = "column"

    def __init__(self, payload: Any) -> None:
        self.payload = payload
        self.names = list(payload.column_names)

    def only(self, places: Sequence[int]) -> Any:
        return self.payload.select(list(places))

    def changed(self, places: Sequence[int], how: str) -> Any:
        import pyarrow as pa

        table = self.payload
        for place in places:
            field = table.schema.field(place)
            other = _other_column(table.column(place).to_pandas(), how)
            table = table.set_column(place, field, pa.Array.from_pandas(other, type=field.type))
        return table

    def sample(self) -> TableParts:
        return TableParts(self.payload.slice(0, SAMPLE_ROWS))

    def snippet(self, places: Sequence[int]) -> str:
        return f"table.select({[self.names[place] for place in places]!r})"


class DictParts:
    """A dict by its keys. Whatever is no array of numbers counts as needed."""

    noun = "key"

    def __init__(self, payload: dict[Any, Any]) -> None:
        self.payload = payload
        self.names = list(payload)

    def only(self, places: Sequence[int]) -> Any:
        return {self.names[place]: self.payload[self.names[place]] for place in places}

    def changed(self, places: Sequence[int], how: str) -> Any:
        others = {self.names[place]: _other_array(self.payload[self.names[place]], how) for place in places}
        return {**self.payload, **others}

    def sample(self) -> DictParts:
        return self

    def snippet(self, places: Sequence[int]) -> str:
        return f"{{name: data[name] for name in {[self.names[place] for place in places]!r}}}"


def _other_array(values: Any, how: str) -> Any:
    """An array of the same type and shape with other values.

    Raises:
        TypeError: there is no telling which.
    """
    import numpy as np

    dtype = values.dtype
    if dtype.kind == "f":
        most = np.finfo(dtype).max / 4
        fill: Any = {"low": -most, "high": most, "missing": np.nan}[how]
    elif dtype.kind in "iu":
        fill = np.iinfo(dtype).min if how == "low" else np.iinfo(dtype).max
    elif dtype.kind == "b":
        return ~values if how == "missing" else np.full_like(values, how == "high")
    else:
        raise TypeError(f"values of {dtype}")
    return np.full_like(values, fill)


def _other_column(column: Any, how: str) -> Any:
    """A column (pandas.Series) of the same type, index and name with other values."""
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return pd.Series(_other_array(column.to_numpy(), how), column.index, name=column.name)
    if how == "missing":
        return pd.Series([None] * len(column), column.index, column.dtype, column.name)
    known = column.dropna()
    if len(known) and isinstance(known.iloc[0], str) and not isinstance(column.dtype, pd.CategoricalDtype):
        fill = "" if how == "low" else "\U0010ffff"
        return pd.Series([fill] * len(column), column.index, column.dtype, column.name)
    moved = np.roll(np.arange(len(column)), 1) if how == "low" else np.arange(len(column))[::-1]
    other = column.iloc[moved]
    other.index = column.index
    return other


def parts_of(payload: Any) -> Parts | None:
    """The payload's parts; None if it has none that can be left out, or only one."""
    found: Parts | None = None
    if is_frame(payload):
        found = FrameParts(payload)
    elif is_table(payload):
        found = TableParts(payload)
    elif type(payload) is dict and any(hasattr(value, "dtype") for value in payload.values()):
        found = DictParts(payload)
    return found if found and len(found.names) > 1 else None


class _NoTime(Exception):
    """Finding it out takes too long."""


def needed_parts(run: Callable[[Any], Any], parts: Parts, check: Callable[[], None]) -> list[int]:
    """Places of the parts that the result depends on, by halving what is left out. `check` may raise to stop it."""
    wanted = run(parts.payload)

    def unaffected(kept: list[int]) -> bool:
        check()
        try:
            if not same(run(parts.only(kept)), wanted):
                return False
            left_out = [place for place in range(len(parts.names)) if place not in set(kept)]
            return all(same(run(parts.changed(left_out, how)), wanted) for how in OTHERS)
        except (CallFailed, TypeError, ValueError):  # without it the function fails, or there are no other values
            return False

    kept = list(range(len(parts.names)))
    groups = [kept]
    while groups:
        group = groups.pop()
        rest = [place for place in kept if place not in set(group)]
        if unaffected(rest):
            kept = rest
        elif len(group) > 1:
            groups += [group[len(group) // 2 :], group[: len(group) // 2]]
    return kept


def probe_touched(trial: Trial) -> Iterator[Finding]:
    """Which columns or keys the function needs of this payload, and how many times fewer bytes they are."""
    parts = parts_of(trial.payload)
    if parts is None or trial.litters:
        return
    begun = now_s()

    def run(payload: Any) -> Any:
        with warnings.catch_warnings(action="ignore"):  # of an overflow, say: the values are not the user's
            return trial.call(trial.input(payload), how="on a part of its payload")

    def check() -> None:
        if now_s() - begun > trial.limit_s:
            raise _NoTime

    whole = len(parts.names)
    try:
        kept = needed_parts(run, parts.sample(), check)
        right = same(run(parts.only(kept)), trial.result)
    except CallFailed:  # the sample alone is too little for it
        yield _untold(parts, "it fails on a part of the rows")
        return
    except _NoTime:
        yield _untold(parts, f"{seconds(trial.limit_s)} of calls were not enough to find out")
        return
    if not right:
        yield _untold(parts, "what is enough for a sample is not enough for all rows")
        return
    all_bytes, needed = payloads.nbytes(trial.payload), payloads.nbytes(parts.only(kept)) if kept else 0
    factor = all_bytes / max(1, needed)
    facts: dict[str, float] = {"parts": whole, "needed": len(kept), "payload_bytes": all_bytes, "needed_bytes": needed}
    if not kept:
        yield Finding(
            "payload", "pass_less", f"The result depends on none of its {whole:,} {parts.noun}s' values.",
            "Send what it does depend on (a length, labels) instead of the payload.", "warning", facts,
        )  # fmt: skip
    elif factor >= LEAST_FACTOR:
        yield Finding(
            "payload", "pass_less",
            f"The function needs {len(kept):,} of its {counted(whole, parts.noun)}: without the others, and with other "
            "values in them, the result is the same on this payload.",
            f"Send {len(kept):,} of {counted(whole, parts.noun)}: {ratio(factor)} times fewer bytes.",
            "warning", {**facts, "factor": factor}, parts.snippet(kept) if len(kept) <= MOST_SHOWN else "",
        )  # fmt: skip
    else:
        yield Finding(
            "payload", "touches_all", f"The function needs {len(kept):,} of its {counted(whole, parts.noun)}.",
            "There is little to leave out.", "note", facts,
        )  # fmt: skip


def _untold(parts: Parts, why: str) -> Finding:
    return Finding(
        "payload", "touched_untold", f"Which {parts.noun}s the function needs cannot be told: {why}.",
        "If it does not need all of them, pass those that it needs alone.",
    )  # fmt: skip
