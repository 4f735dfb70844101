"""What every payload kind keeps, what a payload's description promises, and which files are refused."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import pickle
import subprocess
import sys
from collections import OrderedDict, defaultdict, namedtuple
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from handoff import payloads, scenarios
from handoff.payloads import PayloadError, array, columns, frame, generation, objects, text_frame, user_files

ROOT = Path(__file__).parents[2]

# What 2000 bytes made from seed 1 are, on every machine and with every version of every package.
RECORDED = {
    "array": "e6a82759d59646970af44e6ee5017df6806ad9a4eab737950d6a64e55e34b7b5",
    "strided_array": "e6a82759d59646970af44e6ee5017df6806ad9a4eab737950d6a64e55e34b7b5",
    "fortran_array": "814d1f83bc3f561163817172b81a47a6219f6c93ca533fb7dc6f6ecd7b58c279",
    "structured_array": "4684f075abd574678e95a29211ae61ea283075a7d736cdaf47075261b73be9dc",
    "object_array": "260c8a6a57aacbbb7b296c93b51228cb78c5668129cb1d672f27207a167ea52d",
    "frame": "2d7acaa83c811a3f8b5f3965c187b6427899ed3a57a215da4cfce014713716e7",
    "wide_frame": "a72884464b401ff30f9b6a2172d6d64c1f7230b4ccf352e0f2f63ad99983c311",
    "fragmented_frame": "585d5c7a4122bcd832a4f43735314e75572d925b9b0cc3655caa8cc8554d68a2",
    "datetime_frame": "fe67d43ecd027730c5ebe0a90209feba0f0fe0f6c8676dae471df93eebe5198e",
    "nullable_frame": "fade4d7a2601a6d1f82882e284640d09ed3683b17015d14c3760e2041f5568c7",
    "text_frame": "c35561a059b3fa7a836e6601fefaf70569fc3808d5d21aa99772e9d05c2d9099",
    "arrow_table": "795714c4a3a9b00c41785264c70f7b1a8446a4e8781bea573dd6a7db3b3718b1",
    "arrow_slice": "7de5e2237e301a35ac094d32d64f7b5215c8c4c564690ddb5800c5b56b69e010",
    "polars_frame": "98629b03a909535560887fa59609f8605a3daa9c1074e9fe024397d19f41d8c7",
    "sparse_matrix": "d6ea2e30369cb0ead143b64362f5f2e681b5092ea88d9fa4d74ca3806012dc17",
    "raw_bytes": "fb4fb241b8e1696c9c373a3ab8ab4fc838ec06d108170e622aa28ad38e35ebf5",
    "objects": "d596b39ca07a2dd28bd7f2cf897116eeb82e4e1824b94d8a63b439f9d060c671",
    "numbers_list": "19cacb6d3dbddab4bd1cec35d2ab1d912e27722bf0032d888a1fdf340d7feebc",
    "small_tuple": "4f352e1cf6302988f52cf0b67504e6892fcb085762dad03d4c015b5b388c23a2",
}


def missing(kind: str) -> list[str]:
    """Packages that the kind needs and that are not installed."""
    return [name for name in scenarios.kind_facts(kind).needs if importlib.util.find_spec(name) is None]


every_kind = pytest.mark.parametrize("kind", scenarios.KINDS)

EDGES = [0, 1, 2, 7, 127, 128, 254, 255]
"""Stamps; the narrowest number has eight bits."""

EXAMPLES = 20 if os.environ.get("HANDOFF_THOROUGH") else 5
"""Of what is tried with each kind."""


def out_of_band(payload: Any) -> Any:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payload, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(head, buffers=[bytearray(buffer.raw()) for buffer in buffers])


PICKLED = {
    "protocol 4": lambda payload: pickle.loads(pickle.dumps(payload, protocol=4)),
    "protocol 5": lambda payload: pickle.loads(pickle.dumps(payload, protocol=5)),
    "out of band": out_of_band,
}


def same(one: Any, other: Any) -> bool:
    return payloads.digest(one) == payloads.digest(other) and payloads.checksum(one) == payloads.checksum(other)


def mixed_frame(rows: int = 12) -> pd.DataFrame:
    """A DataFrame with a column of every sort that pandas has, nulls among them."""
    numbers = np.arange(rows)
    words = [None if number % 5 == 3 else "word é" * (number % 4) for number in range(rows)]
    return pd.DataFrame(
        {
            "float": np.where(numbers % 4 == 1, np.nan, numbers / 7),
            "float32": (numbers / 3).astype(np.float32),
            "int": numbers - 5,
            "uint8": numbers.astype(np.uint8),
            "bool": numbers % 3 == 0,
            "complex": numbers * 1j,
            "datetime": pd.date_range("2026-01-01", periods=rows, freq="h").where(numbers != 4),
            "zoned": pd.date_range("2026-03-28", periods=rows, freq="h", tz="Europe/Berlin"),
            "duration": pd.to_timedelta(numbers, unit="min"),
            "period": pd.period_range("2026-01", periods=rows, freq="M"),
            "str": pd.array(words, dtype="str"),
            "string": pd.array(words, dtype="string"),
            "python text": pd.array(words, dtype=pd.StringDtype("python", na_value=np.nan)),
            "category": pd.Categorical(words, categories=["word é", "", "word é" * 3, "word é" * 2], ordered=True),
            "numbered": pd.Categorical(numbers % 3),
            "Int64": pd.array([None if number % 5 == 0 else number for number in range(rows)], dtype="Int64"),
            "boolean": pd.array(
                [None if number % 5 == 0 else number % 2 == 0 for number in range(rows)], dtype="boolean"
            ),
            "object": pd.Series([None, 1, "x", 2.5, b"y", Decimal(3)] * (rows // 6), dtype=object),
            "arrow int": pd.array([None, *range(rows - 1)], dtype=pd.ArrowDtype(pa.int32())),
            "arrow bool": pd.array([None, *[True] * (rows - 1)], dtype=pd.ArrowDtype(pa.bool_())),
            "arrow text": pd.array(words, dtype=pd.ArrowDtype(pa.string())),
            "arrow date": pd.array(
                [date(2026, 1, 1 + number) for number in range(rows)], dtype=pd.ArrowDtype(pa.date32())
            ),
            "arrow list": pd.array([[number, 1] for number in range(rows)], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
            "interval": pd.interval_range(0, rows),
        }
    )


# --- every kind ---


@every_kind
def test_a_payload_is_the_recorded_one(kind: str) -> None:
    assert payloads.digest(payloads.load(kind).make(2000, 1)) == RECORDED[kind]


@every_kind
@settings(max_examples=EXAMPLES, deadline=None)
@given(size=st.integers(1, 20_000), seed=st.integers(0, 2**64 - 1))
def test_one_seed_makes_one_payload_and_another_seed_another(kind: str, size: int, seed: int) -> None:
    make = payloads.load(kind).make
    assert same(make(size, seed), make(size, seed))
    assert payloads.digest(make(size, seed)) != payloads.digest(make(size, seed + 1))


@every_kind
def test_a_payload_is_of_its_kind_and_about_as_big_as_asked(kind: str) -> None:
    payload = payloads.load(kind).make(300_000, 2)
    assert payloads.load(kind).holds(payload)
    facts = scenarios.kind_facts(kind)
    assert payloads.kind_of(payload) == (kind if facts.types else facts.like or kind)
    assert payloads.nbytes(payload) == pytest.approx(300_000, rel=0.1 if "object" in kind else 0.02)


@every_kind
def test_an_object_is_of_one_kind_alone(kind: str) -> None:
    payload = payloads.load(kind).make(20_000, 2)
    here = [name for name in scenarios.KINDS if not missing(name) and scenarios.kind_facts(name).types]
    assert [name for name in here if payloads.load(name).holds(payload)] in ([payloads.kind_of(payload)], [])


@every_kind
@settings(max_examples=EXAMPLES, deadline=None)
@given(size=st.integers(1, 20_000), seed=st.integers(0, 100))
def test_the_file_holds_the_payload(kind: str, tmp_path_factory: pytest.TempPathFactory, size: int, seed: int) -> None:
    module = payloads.load(kind)
    path = tmp_path_factory.mktemp("file") / f"payload.{scenarios.kind_facts(kind).extension}"
    payload = module.make(size, seed)
    module.write(payload, path)
    read = module.read(path)
    assert same(read, payload)
    assert payloads.nbytes(read) == payloads.nbytes(payload)
    assert module.holds(read) == module.holds(payload), "it lies in memory in another way"
    module.write(read, again := path.with_stem("again"))
    assert again.read_bytes() == path.read_bytes()


@every_kind
@pytest.mark.parametrize("way", PICKLED)
def test_pickling_keeps_it(kind: str, way: str) -> None:
    payload = payloads.load(kind).make(20_000, 3)
    assert same(PICKLED[way](payload), payload)
    assert payloads.total(PICKLED[way](payload)) == payloads.total(payload)


@every_kind
def test_stamps_differ_in_digest_and_checksum(kind: str) -> None:
    payload = payloads.load(kind).make(5_000, 4)
    proofs = []
    for number in EDGES:
        same_object = payload
        payload = payloads.stamped(payload, number)
        assert (payload is same_object) == scenarios.kind_facts(kind).writable
        proofs.append((payloads.digest(payload), payloads.checksum(payload)))
    assert len({digest for digest, _ in proofs}) == len({checksum for _, checksum in proofs}) == len(EDGES)
    payload = payloads.stamped(payload, 7)
    assert proofs[EDGES.index(7)] == (payloads.digest(payload), payloads.checksum(payload))


@every_kind
def test_a_copy_is_equal_and_apart(kind: str) -> None:
    payload = payloads.load(kind).make(5_000, 4)
    before = payloads.digest(payload)
    copied = payloads.copy(payload)
    assert same(copied, payload)
    assert payloads.load(kind).holds(copied), "it lies in memory in another way"
    if scenarios.kind_facts(kind).writable:
        assert payloads.overwrite(copied, 99)
    assert payloads.digest(payload) == before
    assert (payloads.digest(copied) != before) == scenarios.kind_facts(kind).writable
    assert copied is not payload


# How the parts are put together again, by the kind that handles them.
JOINED: dict[str, Any] = {
    "array": np.concatenate,
    "object_array": np.concatenate,
    "frame": pd.concat,
    "arrow_table": pa.concat_tables,
    "polars_frame": lambda parts: importlib.import_module("polars").concat(parts),
    "sparse_matrix": lambda parts: sparse.vstack(parts, format="csr"),
    "raw_bytes": b"".join,
    "objects": lambda parts: (
        {**parts[0], "records": [record for part in parts for record in part["records"]]}
        if isinstance(parts[0], dict)
        else [item for part in parts for item in part]
    ),
}


@pytest.mark.parametrize("kind", [kind for kind in scenarios.KINDS if scenarios.kind_facts(kind).splits])
@pytest.mark.parametrize("parts", [1, 2, 3, 64])
def test_the_parts_of_a_payload_are_the_payload(kind: str, parts: int) -> None:
    payload = payloads.load(kind).make(5_000, 4)
    before = payloads.digest(payload)
    found = payloads.split(payload, parts)
    assert len(found) == parts
    assert all(type(part) is type(payload) for part in found)
    assert payloads.digest(JOINED[scenarios.kind_facts(kind).like or kind](found)) == before
    assert payloads.digest(payload) == before


def test_what_cannot_be_split_says_so() -> None:
    with pytest.raises(PayloadError, match=r"a tuple cannot be split; a list can, and a dict with a list as 'records'"):
        payloads.split((1, 2.5), 2)
    assert not scenarios.kind_facts("small_tuple").splits


@given(st.integers(0, 1000), st.integers(1, 64))
def test_cuts_are_those_of_numpy(length: int, parts: int) -> None:
    items = np.arange(length)
    assert [items[cut].tolist() for cut in payloads.cuts(length, parts)] == [
        part.tolist() for part in np.array_split(items, parts)
    ]


@every_kind
def test_what_is_written_depends_on_the_number_alone(kind: str) -> None:
    payload, other = (payloads.load(kind).make(20_000, 4) for _ in range(2))
    before = payloads.digest(payload)
    if not scenarios.kind_facts(kind).writable:
        assert not payloads.overwrite(payload, 5)
        assert payloads.digest(payload) == before
        return
    assert payloads.overwrite(payload, 5)
    assert payloads.overwrite(other, 5)
    assert same(payload, other)
    assert payloads.digest(payload) != before
    assert math.isfinite(payloads.total(payload))
    assert payloads.overwrite(other, 6)
    assert not same(payload, other)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(4096.0), np.arange(4096, dtype=np.int16), np.zeros(4096, bool), np.arange(4096, dtype=np.complex64),
        np.arange(4096, dtype=">f4"), np.arange(4096).astype("M8[s]"), np.arange(8192.0)[::2],
        np.arange(4096.0).reshape(64, 64, order="F"), np.zeros(4096, "f2"),
        np.zeros(4096, [("a", "i4"), ("b", "f8", 2)]),
    ],
    ids=lambda values: f"{values.dtype}",
)  # fmt: skip
def test_every_number_of_an_array_is_written(values: np.ndarray) -> None:
    before = values.copy()
    assert payloads.overwrite(values, 1234)
    assert (values != before).all()
    if values.dtype.kind in "fc":
        assert np.isfinite(values).all()


def test_what_is_no_finite_number_is_not_written() -> None:
    odd = np.array([np.inf, -np.inf, np.nan, 1.5])
    assert payloads.overwrite(odd, 3)
    assert np.array_equal(odd[:3], [np.inf, -np.inf, np.nan], equal_nan=True)
    assert odd[3] != 1.5
    dates = np.array(["NaT", "2026-01-01"], "M8[D]")
    assert payloads.overwrite(dates, 3)
    assert np.isnat(dates[0])
    text = np.array(["ab", "cd"])
    assert payloads.overwrite(text, 3), "it has no numbers, so it gets a stamp"
    assert text[1] == "cd"


def test_every_sort_of_number_in_a_frame_is_written_and_its_nulls_stay() -> None:
    table = mixed_frame()
    written = table.copy(deep=True)
    assert payloads.overwrite(written, 3)
    numbers = [
        "float", "float32", "int", "uint8", "bool", "complex", "datetime", "zoned", "duration", "Int64", "boolean",
    ]  # fmt: skip
    for name in table:
        there = table[name].notna()
        assert (written[name].notna() == there).all()
        changed = written[name][there].tolist() != table[name][there].tolist()
        assert changed == (name in numbers), name
        if changed:
            assert (written[name][there] != table[name][there]).all(), name
    assert written.dtypes.equals(table.dtypes)


@pytest.mark.parametrize("kind", ["frame", "wide_frame", "fragmented_frame", "nullable_frame"])
def test_a_frame_is_written_where_it_lies(kind: str) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payloads.load(kind).make(20_000, 1), protocol=5, buffer_callback=buffers.append)
    memory = [bytearray(buffer.raw()) for buffer in buffers]
    first, second = (pickle.loads(head, buffers=memory) for _ in range(2))
    before = payloads.copy(second)
    assert payloads.overwrite(first, 9)
    assert same(first, second)
    assert all((second[name] != before[name]).sum() > 0.8 * len(before) for name in before)
    read_only = pickle.loads(head, buffers=[bytes(buffer) for buffer in memory])
    assert not payloads.overwrite(read_only, 9)
    assert not payloads.stamp(read_only, 9)


def test_layouts_count_as_what_they_are_layouts_of(tmp_path: Path) -> None:
    made = {
        kind: payloads.load(kind).make(20_000, 3) for kind in ("strided_array", "fortran_array", "fragmented_frame")
    }
    assert same(made["strided_array"], np.ascontiguousarray(made["strided_array"]))
    assert same(made["fortran_array"], np.ascontiguousarray(made["fortran_array"]))
    assert same(made["fragmented_frame"], made["fragmented_frame"].copy())
    part = payloads.load("arrow_slice").make(20_000, 3)
    assert same(part, part.combine_chunks())
    np.save(tmp_path / "own.npy", made["fortran_array"])
    assert payloads.kind_of(user_files.read(tmp_path / "own.npy")) == "array"


def test_a_slice_takes_its_table_along_and_a_copy_of_it_too() -> None:
    part = payloads.load("arrow_slice").make(50_000, 1)
    for one in (part, payloads.copy(part), payloads.stamped(part, 5)):
        assert len(pickle.dumps(one)) > 7 * payloads.nbytes(part)


def test_seeds_of_payloads_differ() -> None:
    seeds = {payloads.seed_of(run, name) for run in (1, 2) for name in ("array-64KiB", "array-4MiB")}
    assert len(seeds) == 4
    assert payloads.seed_of(1, "array-64KiB") == payloads.seed_of(1, "array-64KiB")


def test_whoever_holds_an_array_or_objects_imports_no_pandas() -> None:
    program = (
        "import sys; from handoff import payloads\n"
        "assert 'numpy' not in sys.modules\n"
        "payloads.checksum(payloads.load('objects').make(1000, 1)); assert 'numpy' not in sys.modules\n"
        "payloads.digest(payloads.load('array').make(1000, 1)); assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT / "scripts")


@pytest.mark.parametrize("kind", ["arrow_table", "arrow_slice", "sparse_matrix", "raw_bytes", "polars_frame"])
def test_whoever_holds_what_is_no_frame_of_pandas_imports_none(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{scenarios.kind_facts(kind).extension}"
    payloads.load(kind).write(payloads.load(kind).make(10_000, 1), path)
    program = (
        "import sys; from handoff import payloads\n"
        "payload = payloads.read_source(sys.argv[1])\n"
        "payloads.checksum(payload), payloads.digest(payload), payloads.total(payload), payloads.nbytes(payload)\n"
        "payloads.stamped(payload, 5), payloads.split(payload, 2), payloads.copy(payload)\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, f"{kind}:{path}"], check=True, cwd=ROOT / "scripts")


def test_reading_a_frame_starts_no_thread(tmp_path: Path) -> None:
    # Process with live threads must not be forked; Arrow's own thread of its import is not ours to end.
    text_frame.write(text_frame.make(100_000, 1), tmp_path / "a.arrow")
    text_frame.make(100_000, 1).to_parquet(tmp_path / "a.parquet")
    program = (
        "import os, sys; from handoff import payloads; payloads.load('frame')\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "payloads.read_source(sys.argv[1]); assert len(os.listdir('/proc/self/task')) == before\n"
    )
    for name in ("a.arrow", "a.parquet"):
        command = [sys.executable, "-c", program, f"frame:{tmp_path / name}"]
        subprocess.run(command, check=True, cwd=ROOT / "scripts")


# --- arrays ---


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        dtype=st.one_of(
            hnp.scalar_dtypes(),
            hnp.unicode_string_dtypes(endianness="="),
            st.just(np.dtype([("a", "<i4"), ("b", "u1")])),
        ),
        shape=hnp.array_shapes(min_dims=0, max_dims=3, max_side=7),
    )
)
def test_an_array_is_itself_in_any_layout(made: np.ndarray) -> None:
    apart = np.repeat(made, 2, axis=0)[::2] if made.ndim else made
    shifted = np.frombuffer(b"x" + made.tobytes(), np.uint8)[1:].view(made.dtype).reshape(made.shape)
    for other in (np.asfortranarray(made), apart, shifted, array.copy(made)):
        assert same(other if made.ndim else other.reshape(()), made)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5))
def test_a_word_sum_depends_on_no_cut(content: bytes, cuts: list[int]) -> None:
    whole = np.frombuffer(content, np.uint8)
    places = sorted(min(cut, len(content)) for cut in cuts)
    words = [int.from_bytes(content[start : start + 8], "little") for start in range(0, len(content), 8)]
    assert array.word_sum(np.split(whole, places)) == array.word_sum([whole]) == sum(words) % 2**64


@pytest.mark.parametrize("dtype", scenarios.kind_facts("array").allowed["dtype"])
def test_array_sizes_are_rounded_down_to_whole_items(dtype: str) -> None:
    width = np.dtype(dtype).itemsize
    assert [array.make(size, 1, dtype=dtype).nbytes for size in (1, width, 999)] == [width, width, 999 // width * width]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_floats_are_uniform_and_use_every_bit_of_their_significand(dtype: str) -> None:
    made = array.make(400_000, 1, dtype=dtype)
    assert 0 <= made.min() < 0.001 < 0.999 < made.max() < 1
    assert len(np.unique(made)) > 0.99 * len(made)
    scaled = made.astype(np.float64) * 2 ** (np.finfo(dtype).nmant + 1)
    assert (scaled == np.floor(scaled)).all()
    assert (scaled % 2 == 1).any()


def test_an_array_of_ones_is_kept_as_its_recipe(tmp_path: Path) -> None:
    ones = array.make(80_000, 1, dtype="float32", content="ones")
    path = tmp_path / "ones.json"
    array.write(ones, path)
    assert path.stat().st_size < 200
    assert same(array.read(path), ones)


def test_equal_bytes_of_other_shape_or_dtype_are_another_array() -> None:
    made = array.make(800, 1)
    others = [made, made.reshape(10, 10), made.reshape(20, 5), made.view(np.int64), made.view("M8[us]"), made[:50]]
    assert len({array.digest(other) for other in others}) == len(others)


def test_what_lies_between_the_fields_of_a_record_is_no_value() -> None:
    dtype = np.dtype(
        [("a", "i1"), ("b", "f8"), ("pair", np.dtype([("c", "u1"), ("d", "i4")], align=True), 2)], align=True
    )
    ones, zeros = (np.full(10 * dtype.itemsize, byte, np.uint8).view(dtype) for byte in (0, 255))
    for name in ("a", "b"):
        ones[name] = zeros[name] = np.arange(10)
    for name in ("c", "d"):
        ones["pair"][name] = zeros["pair"][name] = 7
    assert ones.tobytes() != zeros.tobytes()
    assert same(ones, zeros)
    ones["pair"]["d"][3, 1] = 8
    assert not same(ones, zeros)


def test_what_cannot_be_written_into_is_not_stamped() -> None:
    made = array.make(800, 1)
    made.flags.writeable = False
    assert not array.stamp(made, 1)
    assert not frame.stamp(pd.DataFrame({"text": ["a"]}), 1)
    assert not objects.stamp(("a", 1), 1)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float16", "int32", "complex128"])
def test_arrays_of_any_width_are_stamped(dtype: str) -> None:
    made = np.ones(16, dtype)
    assert len({payloads.stamp(made, number) and array.digest(made) for number in range(256)}) == 256
    assert (made[8:] == 1).all()


def test_a_sum_leaves_nan_out_and_knows_no_layout() -> None:
    made = array.make(80_000, 1).reshape(100, 100)
    assert array.total(np.asfortranarray(made)) == array.total(made) == pytest.approx(5000, rel=0.05)
    made[3, 4] = np.nan
    assert array.total(made) == pytest.approx(5000, rel=0.05)


# --- frames ---


@pytest.mark.parametrize("column", mixed_frame().columns)
def test_a_column_of_any_sort_keeps_its_digest(column: str) -> None:
    table = mixed_frame()[[column]]
    halves = pd.concat([table.iloc[:7], table.iloc[7:]]).set_axis(table.index)
    longer = pd.concat([table.iloc[:1], table]).iloc[1:].set_axis(table.index)
    for other in (frame.copy(table), halves, longer, *(way(table) for way in PICKLED.values())):
        pd.testing.assert_frame_equal(other, table)
        assert same(other, table)
        assert frame.nbytes(other) == frame.nbytes(table)


@pytest.mark.parametrize("column", mixed_frame().columns)
def test_each_value_of_a_column_counts(column: str) -> None:
    table = mixed_frame()[[column]]
    orders = [list(range(12)), list(range(11, -1, -1)), list(range(11))]
    assert len({frame.digest(table.take(order).reset_index(drop=True)) for order in orders}) == len(orders)


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9), min_size=1, max_size=30),
    cut=st.integers(0, 30),
)
def test_text_knows_no_chunks_and_no_width_of_offsets(words: list[str | None], cut: int) -> None:
    cut = min(cut, len(words))
    plain = pa.chunked_array([pa.array(words, pa.string())])
    chunked = pa.chunked_array([pa.array(words[:cut], pa.string()), pa.array(words[cut:], pa.string())], pa.string())
    hidden = pa.array(["hidden" if word is None else word for word in words], pa.string())
    masked = pa.Array.from_buffers(
        pa.string(), len(words), [pa.array(words, pa.string()).buffers()[0], *hidden.buffers()[1:]]
    )

    def found(array: pa.ChunkedArray) -> list[bytes]:
        column = pd.Series(pd.arrays.ArrowExtensionArray(array))
        return [b"".join(piece.tobytes() for piece in stream) for stream in columns.streams(column)]

    large = plain.cast(pa.large_string())
    assert found(plain) == found(chunked) == found(pa.chunked_array([masked])) == found(large)
    assert found(plain)[-1] == "".join(word or "" for word in words).encode()


def test_a_frame_knows_no_blocks() -> None:
    numbers = array.make(8000, 1).reshape(100, 10)
    by_rows = pd.DataFrame(numbers, columns=list("abcdefghij"))
    by_columns = pd.DataFrame({name: numbers[:, place] for place, name in enumerate("abcdefghij")}, copy=False)
    assert same(by_rows, by_columns)
    assert frame.total(by_rows) == frame.total(by_columns)
    assert same(by_rows, pd.DataFrame(np.asfortranarray(numbers), columns=list("abcdefghij")))


CHANGES = {
    "a value": lambda table: table.assign(int=table["int"] + (table["int"] == 3)),
    "a null": lambda table: table.assign(float=table["float"].fillna(0)),
    "null text to empty text": lambda table: table.assign(str=table["str"].fillna("")),
    "a dtype": lambda table: table.astype({"int": "int32"}),
    "a unit": lambda table: table.astype({"datetime": "datetime64[ms]"}),
    "a zone": lambda table: table.assign(zoned=table["zoned"].dt.tz_convert("UTC")),
    "categories": lambda table: table.assign(category=table["category"].cat.add_categories(["more"])),
    "order of categories": lambda table: table.assign(category=table["category"].cat.as_unordered()),
    "text as objects": lambda table: table.astype({"str": object}),
    "a label": lambda table: table.rename(columns={"int": "integer"}),
    "order of columns": lambda table: table[table.columns[::-1]],
    "labels' name": lambda table: table.rename_axis(columns="name"),
    "index": lambda table: table.set_axis(range(1, 13)),
    "index' name": lambda table: table.rename_axis("name"),
    "index of text": lambda table: table.set_axis(list("abcdefghijkl")),
    "index of levels": lambda table: table.set_axis(pd.MultiIndex.from_product([["a", "b"], range(6)])),
    "order of rows": lambda table: table.iloc[::-1].reset_index(drop=True),
    "fewer rows": lambda table: table.iloc[:11],
    "no columns": lambda table: table[[]],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_frame_shows(change: str) -> None:
    table = mixed_frame()
    changed = CHANGES[change](table)
    assert frame.digest(changed) != frame.digest(table)
    assert same(frame.copy(changed), changed)
    pd.testing.assert_frame_equal(frame.copy(changed), changed)


def test_a_range_is_equal_to_the_numbers_it_stands_for() -> None:
    for index in (pd.RangeIndex(12), pd.RangeIndex(5, -19, -2), pd.RangeIndex(3, 15)):
        table = mixed_frame().set_axis(index)
        assert same(table, table.set_axis(pd.Index(index.to_numpy())))


def test_labels_may_occur_twice() -> None:
    twice = pd.DataFrame([[1, "a"], [2, "b"]], columns=["same", "same"])
    assert same(frame.copy(twice), twice)
    assert frame.stamp(twice, 9)
    assert twice.iloc[0, 0] == 9


@pytest.mark.parametrize("kind", ["frame", "wide_frame", "fragmented_frame", "nullable_frame", "text_frame"])
def test_a_copy_of_what_lies_in_read_only_memory_may_be_written_into(kind: str) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(payloads.load(kind).make(5_000, 4), protocol=5, buffer_callback=buffers.append)
    received = pickle.loads(head, buffers=[bytes(buffer.raw()) for buffer in buffers])
    assert payloads.overwrite(payloads.copy(received), 99)


def test_a_copy_of_text_shares_no_buffer_with_it() -> None:
    table = text_frame.make(10_000, 1)
    copied = payloads.copy(table)
    for name in ("name", "city"):
        places = [
            {
                buffer.address
                for chunk in one[name].array.__arrow_array__().chunks
                for buffer in chunk.buffers()
                if buffer
            }
            for one in (table, copied)
        ]
        assert not places[0] & places[1]


def test_a_frame_over_read_only_memory_is_not_stamped() -> None:
    table = frame.make(8000, 1)
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(table, protocol=5, buffer_callback=buffers.append)
    assert not frame.stamp(pickle.loads(head, buffers=[bytes(buffer.raw()) for buffer in buffers]), 1)


def test_frames_are_told_apart_by_their_columns() -> None:
    table = mixed_frame()
    numeric = [
        "float",
        "int",
        "uint8",
        "bool",
        "complex",
        "datetime",
        "zoned",
        "duration",
        "Int64",
        "boolean",
        "arrow int",
    ]
    assert payloads.kind_of(table[numeric]) == "frame"
    for name in ("str", "string", "category", "numbered", "object", "arrow text"):
        assert payloads.kind_of(table[["int", name]]) == "text_frame"


def test_the_columns_of_a_text_frame() -> None:
    table = text_frame.make(1_000_000, 1)
    assert table.dtypes.astype(str).to_dict() == {
        "id": "int64", "name": "str", "city": "str", "label": "category", "value": "float64",
    }  # fmt: skip
    lengths = table["name"].str.len()
    assert (lengths.min(), lengths.max()) == (text_frame.SHORTEST, text_frame.LONGEST)
    assert table["name"].nunique() > 0.95 * len(table)
    assert table["city"].nunique() == text_frame.CITIES
    assert table["label"].nunique() == len(table["label"].cat.categories) == text_frame.LABELS
    assert not table["city"].str.isascii().all()


# --- objects ---

Point = namedtuple("Point", "x y")


class Own:
    def __init__(self, value: Any) -> None:
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


ATOMS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers())
KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.integers(), st.text()))
TREES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(KEYS, max_size=4),
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_objects_of_any_form_keep_their_digest(tree: Any) -> None:
    for way in PICKLED.values():
        assert same(way(tree), tree)
    assert same(objects.copy(tree), tree)


@settings(max_examples=50, deadline=None)
@given(TREES, TREES)
def test_objects_that_differ_have_other_digests(one: Any, other: Any) -> None:
    assert (repr(one) == repr(other)) <= same(one, other)
    assert objects.digest([one, other]) != objects.digest([one, [other]])


OTHERS: list[Any] = [
    Point(1, "a"), Own([1, 2]), Slotted(3), OrderedDict(b=1, a=2), defaultdict(list, a=[1]), frozenset({1, "a"}),
    Decimal("1.50"), Path("a/b"), datetime(2026, 1, 2, tzinfo=UTC), date(2026, 1, 2), bytearray(b"a"), range(3),
    len, Own, ..., pd.NA, pd.NaT, pd.Timestamp("2026-01-01"), np.float32(1.5),
    np.arange(3), np.array([1, "a", None], object), np.ma.masked_array([1, 2], [0, 1]),
    pd.Series([1, 2], name="a"), pd.Series(["a", None]), pd.Index(["a"]), mixed_frame(),
]  # fmt: skip


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__qualname__)
def test_objects_of_any_class_keep_their_digest(value: Any) -> None:
    inside = {"list": [value], "pair": (1, value)}
    for way in PICKLED.values():
        assert same(way(inside), inside)
    assert len({objects.digest([other]) for other in OTHERS}) == len(OTHERS)
    assert objects.nbytes(inside) > 0


def test_objects_that_look_alike_are_told_apart() -> None:
    alike = [
        1,
        True,
        1.0,
        "1",
        b"1",
        None,
        "None",
        [1],
        (1,),
        {1},
        {1: None},
        [],
        {},
        (),
        "",
        Own(1),
        Slotted(1),
        [1, 2],
        [[1], 2],
    ]
    assert len({objects.digest(one) for one in alike}) == len(alike)
    assert objects.digest({"a": 1, "b": 2}) != objects.digest({"b": 2, "a": 1})


def test_objects_count_as_one_wherever_they_are_referred_to() -> None:
    text = "x" * 10_000
    assert (
        objects.nbytes([text] * 100) < 12_000 < 1_000_000 < objects.nbytes([f"{number}{text}" for number in range(100)])
    )
    assert objects.nbytes({"array": np.zeros(1000)}) == pytest.approx(8000, rel=0.1)


def test_objects_are_summed_in_their_order_without_truth_values_and_nan() -> None:
    assert objects.total({"a": [1, 2.5, True, float("nan")], "b": (np.array([3, 4]), "5")}) == 10.5


def test_a_checksum_is_the_same_in_another_process() -> None:
    program = "from handoff.payloads import objects; print(objects.checksum(objects.make(5000, 1)))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, cwd=ROOT / "scripts", capture_output=True, text=True)
    assert int(done.stdout) == objects.checksum(objects.make(5000, 1))


def test_objects_that_contain_themselves_are_refused() -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    with pytest.raises(PayloadError, match="a list contains itself"):
        objects.digest(loop)


def test_objects_nested_too_deep_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(PayloadError, match="nested too deep"):
        objects.digest(deep)


def test_what_cannot_be_pickled_is_refused() -> None:
    with pytest.raises(PayloadError, match=r"class _thread\.lock cannot be pickled"):
        objects.digest([__import__("threading").Lock()])


def test_any_integer_or_array_within_can_be_stamped() -> None:
    found: list[Any] = [("a", {"b": [True, 5]}), {"x": np.zeros(2)}, [frame.make(64, 1)]]
    before = [objects.digest(one) for one in found]
    assert all(objects.stamp(one, 77) for one in found)
    assert found[0] == ("a", {"b": [True, 77]})
    assert all(objects.digest(one) != other for one, other in zip(found, before, strict=True))


# --- files and descriptions ---


def made(folder: Path, kind: str = "array", **options: Any) -> tuple[scenarios.Payload, Path]:
    """A payload of 20,000 bytes, generated in the folder."""
    payload = scenarios.Payload(f"{kind}-20KB", kind, 20_000, tuple(options.items()))
    data = folder / payload.file
    generation.generate(payload, 1, data, payloads.description_path(payload, folder))
    return payload, data


def own(folder: Path, path: Path) -> scenarios.Payload:
    """A user's file, described in the folder."""
    payload = scenarios.Payload("own", "own", path=str(path))
    generation.generate(payload, 1, None, payloads.description_path(payload, folder))
    return payload


@every_kind
def test_a_description_says_what_the_file_holds(kind: str, tmp_path: Path) -> None:
    payload, data = made(tmp_path, kind)
    description = payloads.read_description(payload, tmp_path)
    read = payloads.read(payload, tmp_path)
    seed = payloads.seed_of(1, payload.id)
    assert description == payloads.Description(
        payload.id,
        kind,
        payloads.nbytes(read),
        payloads.digest(read),
        payloads.checksum(read),
        data.name,
        data.stat().st_size,
        hashlib.sha256(data.read_bytes()).hexdigest(),
        seed,
    )
    assert same(payloads.load(kind).make(20_000, seed), read)
    assert same(payloads.read_source(payloads.source(payload, tmp_path)), read)
    assert {path.name for path in tmp_path.iterdir()} == {data.name, f"{data.name}.digest.json"}


def test_ones_are_described_as_what_their_recipe_makes(tmp_path: Path) -> None:
    payload, data = made(tmp_path, dtype="float64", content="ones")
    assert data.suffix == ".json"
    assert payloads.read(payload, tmp_path).sum() == 2500


@every_kind
def test_a_file_cut_short_is_named_with_the_remedy(kind: str, tmp_path: Path) -> None:
    payload, data = made(tmp_path, kind)
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(PayloadError) as error:
        payloads.read(payload, tmp_path)
    assert str(data) in str(error.value)
    assert f"Delete {data} and run the same command again" in str(error.value)
    with pytest.raises(PayloadError, match="cannot be read as"):
        payloads.load(kind).read(data)


def test_missing_files_are_named(tmp_path: Path) -> None:
    payload, data = made(tmp_path)
    data.unlink()
    with pytest.raises(PayloadError, match="Run the same command again"):
        payloads.read(payload, tmp_path)
    payloads.description_path(payload, tmp_path).write_text("{")
    with pytest.raises(PayloadError, match=r"digest\.json.*Delete .*digest\.json and run"):
        payloads.read(payload, tmp_path)


def test_a_failure_leaves_no_half_file(tmp_path: Path) -> None:
    payload, data = made(tmp_path)
    before = data.read_bytes()
    broken = scenarios.Payload(payload.id, "array", 20_000, (("dtype", "no such dtype"),))
    with pytest.raises(TypeError):
        generation.generate(broken, 1, data, payloads.description_path(payload, tmp_path))
    assert data.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_too_little_memory_or_room_is_told_with_the_arithmetic(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 4194304 kB\nMemAvailable:    1048576 kB\n")
    generation.check_memory(scenarios.Payload("frame-64MiB", "frame"), 2**26, meminfo)
    for kind, copies in (("array", r"1\.2"), ("frame", r"2\.2"), ("objects", r"2\.8"), ("own", r"2\.2")):
        path = "own.csv" if kind == "own" else ""
        expected = rf"payload big: making it takes {copies}0 GiB of memory \({copies} x 1\.00 GiB\), but 1\.00 GiB are"
        with pytest.raises(PayloadError, match=expected):
            generation.check_memory(scenarios.Payload("big", kind, path=path), 2**30, meminfo)
    with pytest.raises(PayloadError, match=rf"file takes 1069547\.52 GiB, but .* GiB are free in {tmp_path}"):
        generation.check_room("array-1PiB", 2**50, tmp_path)


def write_user_file(path: Path) -> Any:
    table = mixed_frame()[["int", "float", "str", "category"]]
    if path.suffix == ".npy":
        np.save(path, np.arange(6.0).reshape(2, 3))
        return np.arange(6.0).reshape(2, 3)
    if path.suffix == ".parquet":
        table.to_parquet(path)
        return table
    if path.suffix == ".csv":
        table.drop(columns="category").to_csv(path, index=False)
        return pd.read_csv(path)
    if path.suffix == ".feather":
        table.to_feather(path)
        return table
    if path.suffix == ".npz":
        arrays = {"x": np.arange(5.0), "y": np.ones((2, 3), np.int32)}
        np.savez(path, **arrays)
        return arrays
    if path.suffix == ".arrow":
        arrow = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, arrow.schema) as writer:
            writer.write_table(arrow)
        return arrow
    path.write_bytes(pickle.dumps({"table": table, "point": Point(1, 2)}))
    return {"table": table, "point": Point(1, 2)}


@pytest.mark.parametrize("suffix", scenarios.FILES)
def test_a_users_own_file_is_a_payload_and_stays_where_it_is(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"my own, é{suffix}"
    content = write_user_file(path)
    (folder := tmp_path / "payloads").mkdir()
    payload = own(folder, path)
    assert same(payloads.read(payload, folder), content)
    description = payloads.read_description(payload, folder)
    expected = {
        ".npy": "array", ".npz": "objects", ".parquet": "text_frame", ".feather": "text_frame", ".arrow": "arrow_table",
        ".csv": "text_frame", ".pkl": "objects",
    }[suffix]  # fmt: skip
    assert (description.kind, description.file, description.seed) == (expected, str(path), 0)
    assert [found.name for found in folder.iterdir()] == ["own.digest.json"]


def test_a_users_file_that_changed_is_described_anew(tmp_path: Path) -> None:
    write_user_file(path := tmp_path / "own.csv")
    payload = own(tmp_path, path)
    path.write_text("a\n1\n")
    with pytest.raises(PayloadError, match=r"Delete .*own\.digest\.json and run the same command again"):
        payloads.read(payload, tmp_path)


# A text file that was cut short is still a text file.
DAMAGES = [
    (suffix, damage)
    for suffix in scenarios.FILES
    for damage in ("cut", "garbage", "nothing", "missing", "directory")
    if (suffix, damage) != (".csv", "cut")
]


@pytest.mark.parametrize("suffix, damage", DAMAGES)
def test_a_damaged_file_is_refused_in_one_sentence(suffix: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / f"own{suffix}"
    if damage == "cut":
        write_user_file(path)
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "garbage":
        path.write_bytes(b"\xff\xfe\x00garbage\x9c" * 20)
    elif damage == "nothing":
        path.write_bytes(b"")
    elif damage == "directory":
        path.mkdir()
    with pytest.raises(PayloadError) as error:
        user_files.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_without_rows_or_items_is_empty(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((0, 3)))
    (tmp_path / "a.csv").write_text("a,b\n")
    mixed_frame()[["int"]].iloc[:0].to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(pd.DataFrame()))
    for path in tmp_path.iterdir():
        with pytest.raises(PayloadError, match=r"is empty \(its shape is"):
            user_files.read(path)


def test_an_array_of_objects_is_refused_with_what_to_do(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([1, "a"], object), allow_pickle=True)
    with pytest.raises(PayloadError, match=r"holds Python objects; save it as numbers .* or the objects as a \.pkl"):
        user_files.read(tmp_path / "a.npy")


def test_a_nan_is_a_nan(tmp_path: Path) -> None:
    negative = np.array([1.0, np.nan])
    negative.view(np.uint64)[1] |= np.uint64(1 << 63)
    pd.DataFrame({"a": negative}).to_pickle(tmp_path / "a.pkl")
    assert same(user_files.read(tmp_path / "a.pkl"), pd.DataFrame({"a": [1.0, np.nan]}))


def test_an_unknown_type_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PayloadError, match=r"no known type; known are \.npy, \.npz, \.parquet"):
        user_files.read(tmp_path / "a.xlsx")


# --- the command ---


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "generate_payload.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_makes_the_payload_that_a_scenario_names(tmp_path: Path) -> None:
    payload = scenarios.Payload("array-1KiB", "array", 1024, (("dtype", "int32"), ("content", "random")))
    scenario = scenarios.Scenario(payload, "read", "send", 1).to_json()
    done = run(
        "--payload", json.dumps(scenario["payload"]), "--seed", "5",
        "--out", str(tmp_path / "array-1KiB.npy"), "--digest", str(tmp_path / "array-1KiB.npy.digest.json"),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert same(payloads.read(payload, tmp_path), array.make(1024, payloads.seed_of(5, "array-1KiB"), dtype="int32"))


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "own.npy").write_bytes(b"no array")
    payload = json.dumps({"id": "own", "kind": "own", "size": 0, "options": {}, "path": str(tmp_path / "own.npy")})
    done = run("--payload", payload, "--seed", "5", "--digest", str(tmp_path / "own.digest.json"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"generate_payload: {tmp_path / 'own.npy'}: cannot be read as a numpy array")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "own.digest.json").exists()
