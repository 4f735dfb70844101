"""Ways to damage a file: its bytes whatever it holds, the values of its JSON, the cells of its CSV. For tests alone."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Damaged = st.SearchStrategy[bytes]

DEEP = json.loads("[" * 200 + "]" * 200)
VALUES: list[Any] = [
    None, True, 0, -1, 7, 1.5, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), 10**30, 2**64, "", "x", "0",
    "é", "\x00", "\ud800", "a\nb\x1b[2J", "../../x", "x" * 5000, [], {}, [None], {"a": 1}, DEEP, "pool_spawn-pickle",
]  # fmt: skip
CELLS = [
    "", "0", "-1", "7", "1.5", "1e-320", "1e308", "-1e308", "1e999", "nan", "inf", "9" * 5000, "x", "ok", "timeout",
    "invalid", "inline", "pool_spawn-pickle", "1_0", "é", "a\x00b", '"', "a,b", "x" * 200_000,
]  # fmt: skip


def of_bytes(content: bytes, others: Sequence[bytes]) -> Damaged:
    """Cut, emptied, flipped, replaced, deleted or repeated bytes; another file's; any at all; no UTF-8."""
    place = st.integers(0, max(0, len(content) - 1))
    part = st.tuples(place, st.integers(1, 60)).map(lambda at: slice(at[0], at[0] + at[1]))

    def flipped(at: int, bits: int) -> bytes:
        return content[:at] + bytes([content[at] ^ bits]) + content[at + 1 :]

    def with_instead(of: slice, new: bytes) -> bytes:
        return content[: of.start] + new + content[of.stop :]

    some = st.binary(max_size=20) | st.sampled_from([b"", b"\xff", b"\x00", b'"', b"\n", b",", b"-", b"9", b"1e", b"{"])
    return st.one_of(
        place.map(lambda at: content[:at]),
        place.map(lambda at: content[at:]),
        st.builds(flipped, place, st.integers(1, 255)),
        st.builds(with_instead, part, some),
        st.builds(lambda at, new: content[:at] + new + content[at:], place, some),
        part.map(lambda of: content[: of.stop] + content[of]),
        st.sampled_from([b"", b"\xff\xfe", b"\xef\xbb\xbf" + content, content * 2, content.replace(b"\n", b"\r")]),
        st.sampled_from(others),
        st.binary(max_size=80),
    )  # fmt: skip


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value below."""
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [found for key, value in below for found in ((*path, key), *_places(value, (*path, key)))]


def of_json(content: bytes) -> Damaged:
    """A value somewhere is another one, of whatever type, or gone, or under another name."""
    data = json.loads(content)
    places = _places(data)

    def changed(path: tuple[Any, ...], how: str, value: Any) -> bytes:
        other = copy.deepcopy(data)
        holder = other
        for key in path[:-1]:
            holder = holder[key]
        if how == "value":
            holder[path[-1]] = value
        else:
            taken = holder.pop(path[-1])
            if how == "renamed" and isinstance(holder, dict):
                holder[f"{path[-1]}_"] = taken
            elif how == "renamed":
                holder.insert(0, taken)
        return json.dumps(other).encode()

    # One in two changes a value near the top: there are few of them.
    shallow = [path for path in places if len(path) <= 2]
    anywhere = st.sampled_from(shallow) | st.sampled_from(places)
    how = st.sampled_from(["value", "value", "gone", "renamed"])
    return st.builds(changed, anywhere, how, st.sampled_from(VALUES)) | st.sampled_from(VALUES).map(
        lambda value: json.dumps(value).encode()
    )


def of_csv(content: bytes) -> Damaged:
    """A cell is another one, or a line or a column is gone, twice there or elsewhere."""
    header, *rows = list(csv.reader(io.StringIO(content.decode())))

    def text(lines: Sequence[Sequence[str]]) -> bytes:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(lines)
        return out.getvalue().encode()

    def cell(row: int, column: int, value: str) -> bytes:
        other = [list(each) for each in rows]
        other[row][column] = value
        return text([header, *other])

    def line(row: int, how: str, to: int) -> bytes:
        other = [*rows]
        taken = other.pop(row)
        if how == "moved":
            other.insert(to, taken)
        return text([header, *other] if how != "twice" else [header, taken, *rows])

    def column(at: int, how: str) -> bytes:
        lines = [list(each) for each in (header, *rows)]
        for each in lines:
            if how == "gone":
                del each[at]
            else:
                each[at], each[0] = each[0], each[at]
        return text(lines)

    row, at = st.integers(0, len(rows) - 1), st.integers(0, len(header) - 1)
    return st.one_of(
        st.builds(cell, row, at, st.sampled_from(CELLS)),
        st.builds(line, row, st.sampled_from(["gone", "twice", "moved"]), row),
        st.builds(column, at, st.sampled_from(["gone", "swapped"])),
        row.map(lambda last: text([header, *rows[:last]])),
    )
