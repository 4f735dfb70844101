"""Payloads taken apart and put together again, and the message that files, segments and streams hold."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff import outofband, payloads

PAYLOADS = {
    "array": np.arange(1000.0),
    "Fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "empty": np.zeros((0, 3)),
    "strided": np.arange(1000.0)[::2],
    "text": pd.DataFrame({"a": ["é", None], "b": [1.5, 2.5]}),
    "many": [np.arange(float(length)) for length in range(3000)],
    "objects": {"a": [1, "b", None]},
}

each_payload = pytest.mark.parametrize("name", PAYLOADS)


def in_memory(pieces: Sequence[memoryview]) -> memoryview:
    memory = memoryview(bytearray(sum(piece.nbytes for piece in pieces)))
    outofband.fill(memory, pieces)
    return memory


def as_a_stream(pieces: Sequence[memoryview], most: Callable[[], int]) -> memoryview:
    """The message through a writer that takes as many bytes at once as it likes."""
    stream = io.BytesIO()

    def write(offered: list[memoryview]) -> int:
        assert 0 < len(offered) <= outofband.MOST_PIECES
        return stream.write(b"".join(offered)[: most()])

    outofband.pour(pieces, write)
    return stream.getbuffer()


@each_payload
def test_what_was_taken_apart_is_put_together(name: str) -> None:
    again = outofband.put_together(*outofband.take_apart(PAYLOADS[name]))
    assert payloads.digest(again) == payloads.digest(PAYLOADS[name])


@each_payload
def test_a_message_begins_with_its_length_and_holds_the_payload(name: str) -> None:
    memory = in_memory(outofband.message(PAYLOADS[name]))
    assert outofband.SIZE.unpack_from(memory) == (memory.nbytes,)
    assert payloads.digest(outofband.read(memory)) == payloads.digest(PAYLOADS[name])


@each_payload
def test_a_stream_gets_the_same_message(name: str) -> None:
    pieces = outofband.message(PAYLOADS[name])
    assert as_a_stream(pieces, lambda: 10**9) == in_memory(pieces)


@given(data=st.data())
def test_a_writer_may_take_as_little_as_it_likes(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(0, 9), max_size=20))
    pieces = [memoryview(os.urandom(length)) for length in lengths]
    written = as_a_stream(pieces, lambda: data.draw(st.integers(1, 12)))
    assert written == b"".join(pieces)


def test_nothing_is_copied_until_it_is_written() -> None:
    array = np.arange(1000.0)
    _, (buffer,) = outofband.take_apart(array)
    assert np.shares_memory(np.frombuffer(buffer), array)
    assert any(np.shares_memory(np.frombuffer(piece, np.uint8), array) for piece in outofband.message(array))


@given(lengths=st.lists(st.integers(0, 200), max_size=8), start=st.integers(0, 200))
def test_buffers_begin_at_multiples_of_64_and_do_not_overlap(lengths: list[int], start: int) -> None:
    offsets, end = outofband.spread([memoryview(bytes(length)) for length in lengths], start)
    assert all(offset % 64 == 0 for offset in offsets)
    ends = [start, *(offset + length for offset, length in zip(offsets, lengths, strict=True))]
    assert ends[-1] == end
    assert all(0 <= offset - before < 64 for before, offset in zip(ends, offsets, strict=False))


def test_arrays_lie_at_multiples_of_64_in_the_message() -> None:
    memory = in_memory(outofband.message([np.arange(3.0), np.arange(5.0)]))
    begin = np.frombuffer(memory, np.uint8).ctypes.data
    assert [(array.ctypes.data - begin) % 64 for array in outofband.read(memory)] == [0, 0]


@pytest.mark.parametrize("writable", [True, False])
def test_who_may_write_into_the_memory_may_write_into_the_payload(writable: bool) -> None:
    memory = in_memory(outofband.message(np.arange(3.0)))
    payload = outofband.read(memory if writable else memory.toreadonly())
    assert payload.flags.writeable == writable
