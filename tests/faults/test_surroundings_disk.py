"""The whole workflow where it may not write, or where there is no more room: one clear error, and nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from surroundings import KEYS, SMALL, Run, Workflow, World, fill, keys, saw, tmpfs, without_override

from handoff.records import read_invocation

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

NO_ROOM = "There is no room left for results/tiny"
WHOLE = "whole files; the same command goes on"


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Each result of a measuring job below it, proven whole, and when it was written."""
    found = sorted(folder.rglob("block~*.csv"))
    for file in found:
        read_invocation(file)
    return {file.name + file.parent.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in found}


def half_written(folder: Path) -> list[str]:
    """Files that somebody began to write and did not finish."""
    return [file.name for file in folder.rglob(".*") if file.is_file() and file.name != ".lock"]


def test_a_full_disk_is_told_and_costs_nothing_that_was_whole(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    flow = Workflow(tmp_path, SMALL)
    with World(tmpfs(results, "8m")) as world:
        inside = world.seen(results)
        inner = Workflow(world.seen(tmp_path), SMALL)

        run = Run(flow, world=world)
        run.wait_for(lambda: (inner.run / "summary.csv").exists())
        filler = fill(inside)
        printed = run.failed()
        assert NO_ROOM in printed
        first = files(inside)
        assert len(first) == len(KEYS)
        assert half_written(inside) == []
        assert not (inner.run / "report.html").exists()
        saw("the disk fills up as the report is made", "one error that says how much room there is", [WHOLE])

        filler.unlink()
        flow.config["blocks"] = 2
        run = Run(flow, world=world)
        run.wait_for(lambda: len(list(inside.rglob("block~2.csv"))) >= 3)
        filler = fill(inside)
        printed = run.failed()
        assert NO_ROOM in printed
        assert "No space left on device" in printed
        second = files(inside)
        assert len(second) < 2 * len(KEYS)
        assert {name: second[name] for name in first} == first
        assert half_written(inside) == []
        saw("the disk fills up in the middle of measuring", "one error that says how much room there is", [WHOLE])

        filler.unlink()
        Run(flow, world=world).succeeded()
        last = files(inside)
        assert len(last) == 2 * len(KEYS)
        assert {name: last[name] for name in first} == first
        assert {key[0] for key in keys(inner)} == {1, 2}
        assert {row["status"] for row in inner.timings} == {"ok"}
        assert (inner.run / "report.html").stat().st_size > 10_000
        assert "Nothing to be done" in Run(flow, world=world).succeeded()


def test_a_disk_that_snakemake_needs_too_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    flow = Workflow(folder, SMALL)
    with World(tmpfs(folder, "8m")) as world:
        inner = Workflow(world.seen(folder), SMALL)
        inner.command()  # writes the config file inside, too
        run = Run(flow, "results/tiny/timings.csv", world=world)
        run.wait_for(lambda: len(list(inner.run.rglob("block~1.csv"))) >= 3)
        filler = fill(inner.folder)
        printed = run.failed()
        assert "No space left on device" in printed
        assert half_written(inner.run) == []
        assert len(files(inner.run)) < len(KEYS)
        filler.unlink()
        Run(flow, "results/tiny/timings.csv", world=world).succeeded()
        assert len(files(inner.run)) == len({row["strategy"] for row in inner.timings}) == len(KEYS)
    saw("the disk fills up, Snakemake's own folder on it", "Snakemake's error, 'No space left on device'", [WHOLE])


def test_results_that_may_not_be_written_are_told_before_anything_is_measured(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "mine").write_text("kept", encoding="utf-8")
    with World(f"mount --bind '{results}' '{results}' && mount -o remount,ro,bind '{results}'") as world:
        printed = Run(Workflow(tmp_path, SMALL), world=world).failed()
    assert "Nothing can be written into results/tiny (Read-only file system)." in printed
    assert [file.name for file in results.iterdir()] == ["mine"]
    saw("`results/` is read-only", "one error before anything is measured", [])


def test_results_of_somebody_else_are_told_before_anything_is_measured(tmp_path: Path) -> None:
    prefix = without_override()
    results = tmp_path / "results"
    results.mkdir(mode=0o555)
    if prefix:
        os.chown(results, 4242, 4242)
    printed = Run(Workflow(tmp_path, SMALL), prefix=prefix).failed()
    assert "Nothing can be written into results/tiny (Permission denied)." in printed
    assert list(results.iterdir()) == []
    saw("`results/` is another user's", "one error before anything is measured", [])


def test_a_working_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    flow = Workflow(folder, SMALL)
    flow.command()
    before = {file.name for file in folder.iterdir()} | {"printed-0.txt"}
    with World(f"mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}'") as world:
        run = Run(flow, world=world)
        assert run.ended() != 0
    assert run.printed.rstrip().endswith(f"Read-only file system: '{folder}/.snakemake'")
    assert {file.name for file in folder.iterdir()} == before
    saw("the working folder is read-only", "Snakemake's error before anything is measured, which names the folder", [])


@pytest.mark.parametrize(
    "case", ["may not be written", "does not exist", "is on a full disk", "has blanks, quotes and signs"]
)
def test_no_place_for_temporary_files_is_needed(tmp_path: Path, case: str) -> None:
    place = tmp_path / ("a b;$(touch pwned)'\"&<x>{y}%" if case.startswith("has") else "temporary")
    prefix: list[str] = []
    if case != "does not exist":
        place.mkdir()
    if case == "may not be written":
        prefix = without_override()
        place.chmod(0o555)
        if prefix:
            os.chown(place, 4242, 4242)
    with World(tmpfs(place, "1m") if case == "is on a full disk" else "true") as world:
        if case == "is on a full disk":
            fill(world.seen(place))
        flow = Workflow(tmp_path, SMALL)
        # The last case goes the whole way; for the others, figures are the step that uses most libraries.
        targets = [] if case.startswith("has") else ["results/tiny/figures/phases.svg"]
        Run(flow, *targets, prefix=prefix, world=world, variables={"TMPDIR": str(place)}).succeeded()
        left = [file.name for file in world.seen(place).iterdir() if file.name != "filler"] if place.exists() else []
    assert left == []
    assert {row["status"] for row in flow.timings} == {"ok"}
    assert list(tmp_path.rglob("pwned")) == []
    saw(f"TMPDIR {case}", "the run ends whole", left)
