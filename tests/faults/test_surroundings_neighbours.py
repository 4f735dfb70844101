"""Without a network, and with another run on the machine: nobody is measured while somebody else is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from surroundings import KEYS, SMALL, Run, Workflow, World, keys, saw

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def test_no_network_is_needed(tmp_path: Path) -> None:
    flow = Workflow(tmp_path, SMALL)
    with World("! ip -brief link show up 2> /dev/null | grep .", "--net") as world:
        Run(flow, world=world).succeeded()
    assert keys(flow) == KEYS
    assert {row["status"] for row in flow.timings} == {"ok"}
    assert (flow.run / "report.html").is_file()
    saw("there is no network, not even loopback", "the run ends whole", [])


def test_runs_at_once_measure_one_after_the_other(tmp_path: Path) -> None:
    flows = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        flows.append(Workflow(tmp_path / name, SMALL))
    runs = [Run(flow) for flow in flows]
    runs[0].wait_for(lambda: list(flows[0].run.rglob("block~1.csv")))
    third = Run(flows[0])
    assert third.process.wait(60) != 0
    assert "Another workflow is writing into results/tiny; wait for it" in third.printed
    assert "Traceback" not in third.printed
    printed = [run.succeeded() for run in runs]
    assert any("Another run is measuring on this machine; waiting" in each for each in printed)
    rows = [row for flow in flows for row in flow.invocations]
    spans = sorted((int(row["started_ns"] or 0), int(row["ended_ns"] or 0)) for row in rows)
    assert len(spans) == 2 * len(KEYS)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    for flow in flows:
        assert keys(flow) == KEYS
        assert {row["status"] for row in flow.timings} == {"ok"}
        assert len({row["campaign"] for row in flow.invocations}) == 1
    saw("two runs at once in two folders", "each waits while the other measures, and says so; both end whole", [])
    saw("two runs at once in one folder", "the second ends with one error; the first ends whole", [])
