"""One strategy against its peers: every cell is there, verdicts are those of block pairs, slower ones show why."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

from example_run import example, write_run
from invented_times import ARENA, NPY, REFERENCE, THREADS, Times, plan_of, scenario_of, steady, tables

from handoff import peers
from handoff.records import Row
from handoff.scenarios import Plan
from handoff.summaries import block_values

SCRIPTS = Path(__file__).parents[2] / "scripts"
SMALL, LARGE = (
    scenario_of(ARENA, NPY, THREADS, REFERENCE, f"{REFERENCE}@again", name=name, size=size)
    for name, size in (("1MiB", 2**20), ("64MiB", 2**26))
)


def page_of(small: Times, large: Times, blocks: int = 6) -> tuple[list[peers.Cell], str]:
    plan = plan_of(SMALL, LARGE, scenario_of(NPY, name="2MiB"), blocks=blocks)
    others: Times = {NPY: steady(2.0, blocks)}
    invocations, timings = tables(plan, {SMALL.id: small, LARGE.id: large, plan.scenarios[2].id: others})
    return _page(plan, invocations, [_with_phases(row) for row in timings])


def _with_phases(row: Row) -> Row:
    if row["status"] != "ok":
        return row
    total = float(str(row["total_s"]))
    return row | {f"{phase}_s": total / 5 for phase in peers.PHASES}


def _page(plan: Plan, invocations: list[Row], timings: list[Row]) -> tuple[list[peers.Cell], str]:
    values = block_values(invocations, timings)
    cells = peers.cells(plan, values, timings, ARENA)
    return cells, peers.page(plan, cells, peers.against_floor(plan, values, ARENA), ARENA)


TIMES: Times = {
    ARENA: steady(0.010), NPY: steady(0.008, turn=3), THREADS: steady(0.010, turn=2), REFERENCE: steady(0.1, turn=1),
    "memcpy": steady(0.0098, turn=4),
}  # fmt: skip
SLOW_FLOOR: Times = {**TIMES, NPY: ["crashed"] * 6, "memcpy": steady(0.008, turn=4)}


def test_every_cell_is_there_with_the_verdict_on_the_subject() -> None:
    cells, text = page_of(TIMES, SLOW_FLOOR)
    assert [(cell.scenario, cell.peer, cell.verdict, cell.ended) for cell in cells] == [
        (SMALL.id, NPY, "slower", ""), (SMALL.id, THREADS, "tie", ""), (SMALL.id, REFERENCE, "faster", ""),
        (LARGE.id, NPY, "", "crashed"), (LARGE.id, THREADS, "tie", ""), (LARGE.id, REFERENCE, "faster", ""),
    ]  # fmt: skip
    assert "The subject is slower by verdict in 1 of 5 cells with times on both sides (20 %)." in text
    assert f"| {LARGE.id} | {NPY} | 10.0 ms | crashed | – | – | – |" in text
    ratios = [cell.ratio for cell in cells if cell.ratio]
    assert [round(ratio, 2) for ratio in ratios] == [1.25, 1.0, 0.1, 1.0, 0.1]
    assert all(cell.low <= cell.ratio <= cell.high for cell in cells if cell.ratio and cell.low and cell.high)


def test_where_it_is_slower_the_phases_of_both_say_why() -> None:
    _, text = page_of(TIMES, SLOW_FLOOR)
    told = text[text.index("## Where it is slower") :]
    assert told.count(f"| {SMALL.id} |") == 2
    assert f"| {SMALL.id} | {ARENA} | 2.00 ms | 2.00 ms | 2.00 ms | 2.00 ms | 2.00 ms |" in told
    assert f"| {SMALL.id} | {NPY} | 1.60 ms |" in told
    assert LARGE.id not in told


def test_the_floor_decides_by_the_whole_interval() -> None:
    _, text = page_of(TIMES, SLOW_FLOOR)
    told = text[text.index("## Against the floor") : text.index("## All cells")]
    small, large = (next(line for line in told.splitlines() if scenario.id in line) for scenario in (SMALL, LARGE))
    assert small.startswith(f"| {SMALL.id} | 0.98 | [0.9")
    assert small.endswith("| no |")
    assert large.startswith(f"| {LARGE.id} | 0.80 | [0.80, 0.80] |")
    assert large.endswith("| yes |")


def test_with_too_few_blocks_nothing_is_claimed() -> None:
    few: Times = {name: values[:3] for name, values in TIMES.items()}
    cells, text = page_of(few, few, blocks=3)
    assert {cell.verdict for cell in cells} == {"unclear"}
    assert {(cell.low, cell.high) for cell in cells} == {(None, None)}
    assert "slower by verdict in 0 of 6 cells" in text
    assert text.endswith("In no cell.\n")
    assert "| yes |" not in text


def test_who_was_cut_off_is_slower_by_an_unknown_factor() -> None:
    slow: Times = {**TIMES, NPY: [math.inf] * 6}
    cells, text = page_of(slow, TIMES)
    assert (cells[0].verdict, cells[0].ratio, cells[0].peer_s) == ("faster", None, None)
    assert f"| {SMALL.id} | {NPY} | 10.0 ms | – | – | – | faster |" in text


def test_the_page_is_written_from_a_finished_run(tmp_path: Path) -> None:
    paths = write_run(example(), tmp_path)
    assert {"plan.json", "invocations.csv", "timings.csv"} <= {path.name for path in paths.values()}
    page = tmp_path / "page.md"
    subprocess.run(
        [sys.executable, str(SCRIPTS / "write_arena_page.py"), "--run", str(tmp_path), "--out", str(page)], check=True
    )
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {ARENA} against its peers\n")
    assert text.count(f"| {NPY} |") > 3
