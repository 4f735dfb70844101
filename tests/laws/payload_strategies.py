"""Payloads of every kind as hypothesis draws them: whatever a kind's `holds` claims, odd ones above all."""

from __future__ import annotations

import importlib
import string
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

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


def strided_arrays() -> st.SearchStrategy[Any]:
    """Arrays with gaps between their items."""
    return arrays().filter(lambda array: array.ndim > 0).map(lambda array: np.repeat(array, 2, axis=0)[::2])


def fortran_arrays() -> st.SearchStrategy[Any]:
    """Arrays of two dimensions or three in Fortran order."""
    return arrays().filter(lambda array: array.ndim > 1).map(np.asfortranarray)


def structured_arrays() -> st.SearchStrategy[Any]:
    """Arrays of records of one to three plain fields, with gaps between the fields or without."""
    fields = st.lists(_DTYPES.filter(lambda dtype: dtype.names is None), min_size=1, max_size=3)
    records = st.builds(
        lambda held, align: np.dtype([(f"field {place}", dtype) for place, dtype in enumerate(held)], align=align),
        fields, st.booleans(),
    )  # fmt: skip
    return records.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=2, max_side=4)))


@st.composite
def object_arrays(draw: st.DrawFn) -> Any:
    """Arrays of Python objects, lists and arrays among them, of any number of dimensions."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    atoms = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5))
    number = int(np.prod(shape))
    held = draw(
        st.lists(st.one_of(atoms, st.lists(atoms, max_size=2), arrays(foreign=False)), min_size=number, max_size=number)
    )
    return np.fromiter(held, object, number).reshape(shape)


def _framed(of: Any, most: int) -> st.SearchStrategy[Any]:
    """DataFrames of such columns, as `of` draws them for a number of rows."""
    return st.integers(0, 6).flatmap(
        lambda rows: st.tuples(st.lists(of(rows), min_size=1, max_size=most), _indexes(rows)).map(
            lambda drawn: (
                pd.concat([pd.Series(column) for column in drawn[0]], axis=1)
                .set_axis([f"column {place}" for place in range(len(drawn[0]))], axis=1)
                .set_axis(drawn[1])
            )
        )
    )


def _dates(rows: int) -> st.SearchStrategy[Any]:
    short, zones = st.integers(-(10**6), 10**6), st.sampled_from([None, "UTC", "Europe/Berlin", "Asia/Kathmandu"])
    times = st.sampled_from([f"M8[{unit}]" for unit in UNITS])
    return st.tuples(
        times.flatmap(lambda dtype: hnp.arrays(dtype, rows, elements=st.one_of(short, st.just("NaT")).map(_of(dtype)))),
        zones,
    ).map(lambda drawn: pd.DatetimeIndex(drawn[0], tz="UTC").tz_convert(drawn[1]))


def _nullable(rows: int) -> st.SearchStrategy[Any]:
    dtypes = st.sampled_from(["Int64", "Int8", "UInt8", "UInt64", "Float64", "Float32", "boolean"])
    values = st.lists(st.sampled_from([None, 0, 1]), min_size=rows, max_size=rows)
    return st.tuples(values, dtypes).map(lambda drawn: pd.array(drawn[0], dtype=drawn[1]))


def _wide(frame: Any) -> Any:
    """The frame's columns over and over, a hundred in all, under names that differ."""
    many = frame.iloc[:, [place % frame.shape[1] for place in range(100)]]
    return many.set_axis([f"column {place}" for place in range(100)], axis=1)


def _in_blocks(frame: Any) -> Any:
    """The frame with each column inserted by itself."""
    made = pd.DataFrame(index=frame.index)
    for place in range(frame.shape[1]):
        made[f"column {place}"] = frame.iloc[:, place]
    return made


@st.composite
def arrow_tables(draw: st.DrawFn) -> Any:
    """Arrow tables with nulls, of one chunk or two, with odd names and no rows."""
    rows = draw(st.integers(0, 6))
    kinds = st.sampled_from([
        pa.int8(), pa.uint64(), pa.int64(), pa.float32(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("ms"),
        pa.timestamp("us", "UTC"), pa.string(), pa.large_string(), pa.binary(), pa.list_(pa.int64()),
    ])  # fmt: skip
    names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    columns = [draw(_arrow_columns(rows, draw(kinds))) for _ in names]
    table = pa.table(columns, names)
    cut = draw(st.integers(0, rows))
    return pa.concat_tables([table.slice(0, cut), table.slice(cut)]) if draw(st.booleans()) else table


def _arrow_columns(rows: int, kind: Any) -> st.SearchStrategy[Any]:
    small = st.integers(0, 100)
    values: Any = small
    if pa.types.is_floating(kind):
        values = st.floats(width=32, allow_nan=False)
    elif pa.types.is_boolean(kind):
        values = st.booleans()
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = _TEXT
    elif pa.types.is_binary(kind):
        values = st.binary(max_size=5)
    elif pa.types.is_list(kind):
        values = st.lists(small, max_size=2)
    held = st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows)
    return held.map(lambda drawn: pa.array(drawn, kind))


@st.composite
def arrow_slices(draw: st.DrawFn) -> Any:
    """Slices of tables that are many times as long."""
    table = draw(arrow_tables())
    whole = pa.concat_tables([table] * 8).combine_chunks()
    return whole.slice(draw(st.integers(0, len(whole))), len(table))


def polars_frames() -> st.SearchStrategy[Any]:
    """Polars frames of what it takes of Arrow's types."""
    return arrow_tables().map(importlib.import_module("polars").from_arrow)


@st.composite
def sparse_matrices(draw: st.DrawFn) -> Any:
    """Matrices in compressed rows, of either class, with places named twice or out of order, and without values."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    dtype = draw(st.sampled_from(["f8", "f4", "i8", "i4", "u1", "?", "c16"]))
    number = draw(st.integers(0, 6))
    values = draw(hnp.arrays(dtype, number, elements=hnp.from_dtype(np.dtype(dtype), allow_nan=False)))
    at = [draw(st.lists(st.integers(0, side - 1), min_size=number, max_size=number)) for side in (rows, columns)]
    begins = np.searchsorted(np.sort(at[0]), np.arange(rows + 1)).astype(draw(st.sampled_from([np.int32, np.int64])))
    made = draw(st.sampled_from([sparse.csr_array, sparse.csr_matrix]))
    return made((values, np.array(at[1], begins.dtype), begins), shape=(rows, columns))


_NUMBERS = st.one_of(st.integers(), st.floats())

OF_KIND: dict[str, st.SearchStrategy[Any]] = {
    "array": arrays(),
    "strided_array": strided_arrays(),
    "fortran_array": fortran_arrays(),
    "structured_array": structured_arrays(),
    "object_array": object_arrays(),
    "frame": frames(),
    "wide_frame": frames().map(_wide),
    "fragmented_frame": frames().map(_in_blocks),
    "datetime_frame": _framed(_dates, 4),
    "nullable_frame": _framed(_nullable, 4),
    "text_frame": frames(text=True),
    "arrow_table": arrow_tables(),
    "arrow_slice": arrow_slices(),
    "polars_frame": st.deferred(polars_frames),
    "sparse_matrix": sparse_matrices(),
    "raw_bytes": st.binary(max_size=100),
    "objects": nested_objects(),
    "numbers_list": st.lists(_NUMBERS, max_size=8),
    "small_tuple": st.lists(_NUMBERS, max_size=8).map(tuple),
}
