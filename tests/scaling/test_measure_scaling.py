"""The program that measures scaling: its runs are whole to Handoff, and it judges and writes what it found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import invented_jobs
import measure_scaling
import pytest
from measure_scaling import MOST_BYTES, STEPS, Cost, table, too_dear, write_page

from handoff.blocks import run_order
from handoff.schedule import Schedule

PROGRAM = Path(measure_scaling.__file__)
CHEAP = dict.fromkeys(STEPS, Cost(1.0, 10**6))


@pytest.mark.parametrize("jobs", [100, 1_000, 10_000])
def test_a_run_has_about_as_many_jobs_as_asked_for(jobs: int) -> None:
    plan = invented_jobs.plan_of(invented_jobs.config(jobs))
    assert len(run_order(plan)) == pytest.approx(jobs, rel=0.05)


def test_handoff_takes_an_invented_run_for_a_measured_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = invented_jobs.plan_of(invented_jobs.config(1))
    before = Schedule(plan, tmp_path)
    assert not any(block.whole for block in before.blocks.values())
    assert invented_jobs.measure(plan, tmp_path) == len(before.to_measure)
    assert Schedule(plan, tmp_path).to_measure == []


def test_what_is_too_dear_is_said() -> None:
    found = {10: CHEAP, 100: {step: Cost(10.0, 10**6) for step in STEPS}}
    assert too_dear(found) == []
    first, second, *_ = STEPS
    found[100] |= {first: Cost(12.5, 10**6), second: Cost(10.0, MOST_BYTES + 10**6)}
    assert too_dear(found) == [
        f"{first}: ten times as many jobs take 12.5 times as long", f"{second}: 501 MB with 100 jobs"
    ]  # fmt: skip
    assert f"| {first} | 1.0 s, 1 MB | 12.5 s, 1 MB | 12.5 times as long |" in table(found)


def test_growth_counts_the_jobs_that_there_really_were() -> None:
    assert measure_scaling.growth({99: CHEAP, 1980: dict.fromkeys(STEPS, Cost(20.0, 1))}, next(iter(STEPS))) == 10


def test_the_page_has_a_place_for_the_table(tmp_path: Path) -> None:
    page = tmp_path / "scaling.md"
    page.write_text((PROGRAM.parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8"), encoding="utf-8")
    write_page(page, {99: CHEAP, 990: CHEAP})
    text = page.read_text(encoding="utf-8")
    assert "| collect_timings | 1.0 s, 1 MB | 1.0 s, 1 MB | 1.0 times as long |" in text
    assert re.search(r"^Measured \d{4}-\d{2}-\d{2} on .+ cores, \d+ GiB, CPython ", text, flags=re.MULTILINE)


def test_a_step_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no-such\.py failed"):
        measure_scaling.cost(["no-such.py"], tmp_path)


def test_the_most_that_a_process_held_is_its_own(tmp_path: Path) -> None:
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    script = tmp_path / "small.py"
    script.write_text("import sys; sys.exit(0)\n", encoding="utf-8")
    assert measure_scaling.cost([str(script)], tmp_path).peak_bytes < 100_000_000
    del held


@pytest.mark.slow
def test_it_measures_every_step(tmp_path: Path) -> None:
    command = [sys.executable, str(PROGRAM), "--jobs", "100", "--json", str(tmp_path / "costs.json")]
    ended = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False, timeout=110)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    ((count, steps),) = json.loads((tmp_path / "costs.json").read_text(encoding="utf-8")).items()
    assert 95 <= int(count) <= 105
    assert steps.keys() == STEPS.keys()
    assert all(each["seconds"] > 0 and each["peak_bytes"] > 5_000_000 for each in steps.values())
