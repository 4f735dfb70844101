"""Records: what is written is read again, and what is not whole is refused by name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff import records
from handoff.records import BadTable, InvocationFile, Table

CELLS: dict[type, st.SearchStrategy[Any]] = {
    # Blanks within a cell are folded into one, so that a row is a line.
    str: st.text(st.characters(blacklist_categories=["Cs"]), max_size=12).map(lambda text: " ".join(text.split())),
    int: st.none() | st.integers(-(2**62), 2**62),
    float: st.none() | st.floats(-(2.0**62), 2.0**62).map(lambda x: float(f"{x:.9g}")),
}
STATUS = st.sampled_from([*records.STATUSES])


def rows(table: Table) -> st.SearchStrategy[list[records.Row]]:
    cells = {column.name: CELLS[column.type] for column in table.columns if column.name != "schema_version"}
    cells |= {"status": STATUS} if "status" in cells else {}
    return st.lists(st.fixed_dictionaries(cells), max_size=3)


@pytest.mark.parametrize("table", records.TABLES, ids=lambda table: table.name)
@given(data=st.data())
def test_a_table_is_read_as_it_was_written(table: Table, data: st.DataObject) -> None:
    written = data.draw(rows(table))
    read = records.parse_csv(table, records.to_csv(table, written), "here")
    assert read == [{"schema_version": records.SCHEMA_VERSION, **row} for row in written]


@pytest.mark.parametrize("table", records.TABLES, ids=lambda table: table.name)
def test_an_unknown_column_is_refused(table: Table) -> None:
    with pytest.raises(KeyError, match=r"has no column.*sped"):
        records.to_csv(table, [{"sped": 1}])


def test_a_cell_that_is_no_number_is_named() -> None:
    with pytest.raises(BadTable, match="here, line 2, column block: 'x' is not of type int"):
        records.parse_csv(records.TIMINGS, "schema_version,block\n1.0,x\n", "here")


def test_an_older_minor_version_is_read_with_the_new_column_empty() -> None:
    [row] = records.parse_csv(records.TIMINGS, "schema_version,block\n1.0,3\n", "here")
    assert (row["block"], row["total_s"], row["reason"]) == (3, None, "")


def test_another_major_version_is_refused_with_the_command() -> None:
    with pytest.raises(BadTable, match=r"here, line 2: written in form 2\.7.*make report"):
        records.parse_csv(records.TIMINGS, "schema_version,block\n2.7,3\n", "here")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "block~1.csv"
    transfers: list[records.Row] = [{"block": 1, "total_s": 0.5, "status": "ok"}, {"block": 1, "total_s": 0.25}]
    records.write_invocation(path, InvocationFile({"campaign": "é"}, {"seed": 1}, transfers))
    return path


def test_an_invocation_is_read_as_it_was_written(written: Path) -> None:
    record = records.read_invocation(written)
    assert (record.invocation["campaign"], record.plan) == ("é", {"seed": 1})
    assert [row["total_s"] for row in record.transfers] == [0.5, 0.25]


def test_an_invocation_cut_short_anywhere_is_refused_by_name(written: Path) -> None:
    whole = written.read_bytes()
    for length in range(0, len(whole), 7):
        written.write_bytes(whole[:length])
        with pytest.raises(BadTable) as caught:
            records.read_invocation(written)
        assert str(caught.value).startswith(str(written)), length


def test_an_edited_invocation_is_refused_by_name(written: Path) -> None:
    written.write_text(written.read_text("utf-8").replace("0.25", "0.24"), "utf-8")
    with pytest.raises(BadTable, match="cut short or edited") as caught:
        records.read_invocation(written)
    assert str(written) in str(caught.value)


def test_an_invocation_of_another_major_version_is_refused(written: Path) -> None:
    body = ""
    head = {"schema_version": "0.9", "sha256": hashlib.sha256(body.encode()).hexdigest(), "invocation": {}, "plan": {}}
    written.write_text(f"# {json.dumps(head)}\n{body}", "utf-8")
    with pytest.raises(BadTable, match=r"form 0\.9"):
        records.read_invocation(written)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    records.write_atomically(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        records.write_atomically(path, "new")
    assert path.read_text("utf-8") == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.csv"]
