"""Payloads of every kind as hypothesis draws them: whatever a kind's `holds` claims, odd ones above all."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

UNITS = ("s", "ms", "us", "ns")

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_NAMES = st.one_of(
    st.sampled_from(["", " ", "index", "level_0", "__index_level_0__", "a.b[0]", "é%/=1", "0"]),
    st.text(string.ascii_letters, min_size=1, max_size=3),
)

_DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="="),
    hnp.unsigned_integer_dtypes(endianness="="),
    hnp.floating_dtypes(endianness="=", sizes=(16, 32, 64)),
    hnp.floating_dtypes(endianness=">"),
    hnp.complex_number_dtypes(endianness="=", sizes=(64, 128)),
    hnp.datetime64_dtypes(max_period="D", endianness="="),
    hnp.timedelta64_dtypes(max_period="h", endianness="="),
    hnp.byte_string_dtypes(min_len=1, max_len=4),
    hnp.unicode_string_dtypes(min_len=1, max_len=3),
    st.just(np.dtype([("number", "<i4"), ("pair", "<f8", (2,))])),
)

_LAYOUTS = {
    "as it is": lambda array: array,
    "Fortran": np.asfortranarray,
    "transposed": np.transpose,
    "every second": lambda array: array[::2] if array.ndim else array,
    "backwards": lambda array: array[..., ::-1] if array.ndim else array,
    "repeated": lambda array: np.broadcast_to(array, (2, *array.shape)),
}


@st.composite
def arrays(draw: st.DrawFn, *, foreign: bool = True) -> Any:
    """Arrays of every plain dtype (of foreign byte order if wanted), shape (no dimension, no items) and layout."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    made = draw(hnp.arrays(draw(_DTYPES.filter(lambda dtype: foreign or dtype.isnative)), shape))
    return _LAYOUTS[draw(st.sampled_from(sorted(_LAYOUTS)))](made)


def _numeric_columns(rows: int) -> st.SearchStrategy[Any]:
    plain = st.sampled_from(["?", "i1", "i4", "i8", "u1", "u8", "f2", "f4", "f8", "c16"])
    times = st.sampled_from([f"{letter}8[{unit}]" for letter in "Mm" for unit in UNITS])
    nullable = st.sampled_from(["Int64", "UInt8", "Float32", "boolean"])
    short = st.integers(-(10**6), 10**6)
    return st.one_of(
        plain.flatmap(lambda dtype: hnp.arrays(dtype, rows)).map(_one_nan),
        times.flatmap(lambda dtype: hnp.arrays(dtype, rows, elements=st.one_of(short, st.just("NaT")).map(_of(dtype)))),
        nullable.flatmap(
            lambda dtype: st.lists(st.sampled_from([None, 0, 1]), min_size=rows, max_size=rows).map(
                lambda values: pd.array(values, dtype=dtype)
            )
        ),
        st.just(pd.date_range("2026-03-28", periods=rows, freq="h", tz="Europe/Berlin")),
    )


def _one_nan(column: Any) -> Any:
    """The column with one sort of NaN, since pandas and Arrow take every sort for a null."""
    return np.where(np.isnan(column), np.array(np.nan, column.dtype), column) if column.dtype.kind in "fc" else column


def _of(dtype: str) -> Any:
    return lambda value: np.array(value, dtype)[()]


def _text_columns(rows: int) -> st.SearchStrategy[Any]:
    values = st.lists(st.one_of(st.none(), st.just(""), _TEXT), min_size=rows, max_size=rows)
    return st.one_of(
        values.map(lambda held: pd.array(held, dtype="str")),
        values.map(lambda held: pd.array(held, dtype="string")),
        values.map(_category),
        values.map(lambda held: pd.Series(held, dtype=object).array),
    )


def _category(held: list[str | None]) -> Any:
    """A category in the order of appearance, with one that does not appear."""
    present = [value for value in held if value is not None]
    return pd.Categorical(held, categories=list(dict.fromkeys([*present, "unused\0"])))


def _indexes(rows: int) -> st.SearchStrategy[Any]:
    name = st.one_of(st.none(), _NAMES)
    return st.one_of(
        name.map(lambda one: pd.RangeIndex(3, 3 + 2 * rows, 2, name=one)),
        name.map(lambda one: pd.Index(np.arange(rows)[::-1] % 3, name=one)),
        name.map(lambda one: pd.Index([f"é{number}" for number in range(rows)], dtype="str", name=one)),
        name.map(lambda one: pd.date_range("2026-01-01", periods=rows, freq="D", name=one)),
        name.map(lambda one: pd.MultiIndex.from_arrays([np.arange(rows), np.ones(rows)], names=[one, None])),
        name.map(lambda one: pd.CategoricalIndex(["b", "a"] * rows, name=one)[:rows]),
    )


@st.composite
def frames(draw: st.DrawFn, *, text: bool = False) -> Any:
    """DataFrames with nulls, odd names, named indexes and no rows; with at least one column of text if asked."""
    rows = draw(st.integers(0, 6))
    made = draw(st.lists(_numeric_columns(rows), min_size=0 if text else 1, max_size=4))
    if text:
        made = [*made, *draw(st.lists(_text_columns(rows), min_size=1, max_size=3))]
    number = len(made)
    names = st.one_of(
        st.lists(_NAMES, min_size=number, max_size=number),
        st.lists(st.integers(0, 9), min_size=number, max_size=number, unique=True),
    )
    frame = pd.concat([pd.Series(column) for column in made], axis=1)
    frame.columns = pd.Index(draw(names))
    frame.index = draw(_indexes(rows))
    return frame


def nested_objects() -> st.SearchStrategy[Any]:
    """Python's own values, nested, with an array or a frame among them."""
    atoms = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5),
        st.binary(max_size=5).map(bytearray), st.frozensets(st.integers(), max_size=3), arrays(foreign=False), frames(),
    )  # fmt: skip
    keys = st.one_of(st.text(max_size=3), st.integers(), st.tuples(st.booleans()))
    nested = st.recursive(
        atoms,
        lambda part: st.one_of(
            st.lists(part, max_size=3), st.dictionaries(keys, part, max_size=3), st.tuples(part, part)
        ),
        max_leaves=8,
    )
    return st.lists(nested, max_size=3)


OF_KIND: dict[str, st.SearchStrategy[Any]] = {
    "array": arrays(),
    "frame": frames(),
    "text_frame": frames(text=True),
    "objects": nested_objects(),
}
