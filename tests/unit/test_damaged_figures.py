"""Every figure of tables in which a value is damaged: it is drawn, or there is one clear error."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import damages
import pytest
from example_run import example, write_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented_times import ARENA, NPY, REFERENCE, THREADS
from large_run import with_costs

from handoff import figures
from handoff.figures.drawing import Drawing
from handoff.figures.run import read_run
from handoff.figures.style import theme
from handoff.mistakes import HandoffError
from handoff.records import COSTS, write_table

TABLES = ("summary", "timings", "invocations", "costs")
FEW = settings(
    max_examples=int(os.environ.get("DAMAGES", "3")), deadline=None,
    suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large),
)  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run's files, by the option that takes them."""
    run = with_costs(example(blocks=2, strategies=(THREADS, REFERENCE, ARENA, NPY)))
    folder = tmp_path_factory.mktemp("run")
    found = {**write_run(run, folder), "costs": folder / "costs.csv"}
    write_table(found["costs"], COSTS, run.costs)
    return found


def drawn(name: str, paths: dict[str, Path]) -> Drawing:
    run = read_run(*(paths[each] for each in ("plan", "summary", "timings", "invocations", "costs")))
    with theme():
        drawing: Drawing = importlib.import_module(f"handoff.figures.{name}").draw(run)
        return drawing


@pytest.mark.parametrize("name", figures.figure_names())
def test_a_whole_run_is_drawn(name: str, paths: dict[str, Path]) -> None:
    assert (len(drawn(name, paths).table.rows) > 0) == (name != "memory")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", figures.figure_names())
@FEW
@given(data=st.data())
def test_a_damaged_value_is_drawn_or_told(name: str, table: str, paths: dict[str, Path], data: st.DataObject) -> None:
    content = paths[table].read_bytes()
    paths[table].write_bytes(data.draw(damages.of_csv(content)))
    told = ""
    try:
        assert drawn(name, paths).caption
    except HandoffError as error:
        told = str(error)
    finally:
        paths[table].write_bytes(content)
    assert not told or paths[table].name in told
