"""A pandas frame as a Polars one, in the same process: for tasks that are written for Polars and its own threads."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import polars as pl

from handoff.payloads.converted import Converted
from handoff.transports import CannotCarry, Place, Ticket, Transport

FACTS = {
    "about": "the frame is made a Polars one, whose own threads then share the task; columns of numbers are not copied",
    "simplicity": 3,
    "kinds": ("frame", "text_frame"),
    "why_not": "Polars has frames alone",
    "patterns": ("send", "return", "broadcast", "reuse"),
    "why_not_pattern": "the frame never leaves its process, Polars shares the work out by itself, and nothing can be "
    "written into its columns",
    "needs": ("polars", "pandas", "pyarrow", "numpy"),
    "executors": ("caller", "threads"),
    "writable": "no",
    "copies": 1.0,
    "arrives_in": "polars",
    "own_threads": ("POLARS_MAX_THREADS",),
    "hazard": "Polars reads the numbers where pandas has them: who writes into the one frame changes the other",
}

_TIMES: Final = ("datetime64[ns]", "datetime64[us]", "datetime64[ms]", "timedelta64[ns]", "timedelta64[us]",
                 "timedelta64[ms]")  # fmt: skip
_TEXT: Final = pd.StringDtype(na_value=np.nan)


def _returns(dtype: Any) -> bool:
    """Whether Polars gives a column of that type back as it was."""
    if isinstance(dtype, pd.CategoricalDtype):
        return dtype.categories.dtype == _TEXT and not dtype.ordered
    if isinstance(dtype, np.dtype):
        plain = dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize > 2)
        return dtype.isnative and (plain or str(dtype) in _TIMES)
    return bool(dtype == _TEXT)


def _check(frame: Any) -> None:
    """Raises CannotCarry for what a Polars frame does not hold: an index, odd labels, other types."""
    index = frame.index
    if not isinstance(index, pd.RangeIndex) or (index.start, index.step, index.name) != (0, 1, None):
        raise CannotCarry("Polars has no index, so only rows that are numbered from 0 come back")
    labels = frame.columns
    if not len(labels) or not labels.is_unique or labels.name is not None or not all(type(x) is str for x in labels):
        raise CannotCarry("Polars wants columns with names, each of them text and none twice")
    for name, dtype in frame.dtypes.items():
        if not _returns(dtype):
            raise CannotCarry(f"column {name!r} of dtype {dtype} would come back as another")


def to_polars(frame: Any) -> Any:
    """The frame in Polars' form. Categories stay what they are and in their order, as an Enum."""
    kept = {
        name: pl.Enum(dtype.categories.tolist())
        for name, dtype in frame.dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype)
    }
    return pl.from_pandas(frame, schema_overrides=kept, nan_to_null=False)


def to_pandas(frame: Any) -> Any:
    """The frame that `to_polars` got."""
    made = frame.to_pandas()
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Enum):
            codes = frame[name].to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
            made[name] = pd.Categorical.from_codes(codes, pd.Index(dtype.categories.to_list(), dtype=_TEXT))
    return made


class Way(Transport):
    def publish(self, payload: Any, place: Place) -> Ticket:
        _check(payload)
        return Converted("polars", to_polars(payload), to_pandas)
