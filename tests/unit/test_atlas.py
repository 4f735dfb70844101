"""Invented runs of several machines in one atlas: what is kept, what is refused, and what a stranger's names can do."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from invented_times import ARENA, REFERENCE, THREADS, plan_of, scenario_of, steady
from test_comparison import MACHINE, SCENARIO, usual, write
from test_comparison_page import HOSTILE, OTHER, Seen

from handoff import atlas
from handoff.atlas import CannotMerge, add, examine, index, read_atlas
from handoff.records import ATLAS, INVOCATIONS, TIMINGS, BadTable, read_table, write_table

SCRIPT = Path(__file__).parents[2] / "scripts" / "merge_runs.py"


def finished(folder: Path, *arguments: Any, **options: Any) -> Path:
    """An invented run whose invocations have ids of their own, as those of real runs have."""
    write(folder, *arguments, **options)
    for table in (INVOCATIONS, TIMINGS):
        rows = read_table(folder / table.name, table)
        write_table(folder / table.name, table, [{**r, "invocation": f"{folder.name}/{r['invocation']}"} for r in rows])
    return folder


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    return finished(tmp_path / "laptop", usual(), started_at="2026-01-01T12:00:00Z")


@pytest.fixture
def server(tmp_path: Path) -> Path:
    times = usual(inline=0.3, threads=20.0, arena=0.3, reference=0.3)
    return finished(
        tmp_path / "server", times, machine=OTHER, machine_id="ffffffffffff", started_at="2026-01-02T12:00:00Z"
    )


def merge(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, text=True, capture_output=True, check=False, timeout=100)


def refusal(place: Path, *folders: Path) -> str:
    """Why the runs are refused; nothing is left of them."""
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises((BadTable, CannotMerge)) as refused:
        add(place, folders)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    return str(refused.value)


# What an atlas holds.


def test_a_row_is_one_scenario_on_one_machine(tmp_path: Path, laptop: Path, server: Path) -> None:
    add(tmp_path / "atlas", [server, laptop])
    mine, theirs = read_table(tmp_path / "atlas" / "atlas.csv", ATLAS)
    assert (mine["scenario"], mine["machine_id"], mine["recommended"]) == (SCENARIO.id, "0123456789ab", THREADS)
    assert (theirs["scenario"], theirs["machine_id"], theirs["recommended"]) == (SCENARIO.id, "ffffffffffff", ARENA)
    assert (mine["processor"], mine["cores"], mine["kernel"]) == ("Example CPU", 2, "6.1.0")
    assert (mine["interpreter"], mine["reference"], mine["n_blocks"]) == ("CPython 3.13.0", REFERENCE, 10)
    ratio, low, high = (float(str(mine[name])) for name in ("ratio_to_reference", "ratio_low", "ratio_high"))
    assert low < ratio < high
    assert ratio == pytest.approx(0.05, rel=0.02)


def test_an_entry_is_a_run_like_any_other(tmp_path: Path, laptop: Path) -> None:
    _, (name,) = add(tmp_path / "atlas", [laptop])
    entry = examine(tmp_path / "atlas" / "runs" / name)
    assert entry.name == name
    assert entry.results.rows == examine(laptop).results.rows


def test_only_what_was_read_is_kept(tmp_path: Path, laptop: Path) -> None:
    (laptop / "report.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    (laptop / "machines" / "other.json").write_text("{}", encoding="utf-8")
    _, (name,) = add(tmp_path / "atlas", [laptop])
    kept = tmp_path / "atlas" / "runs" / name
    assert {path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()} == {
        "plan.json", "invocations.csv", "timings.csv", "summary.csv", "recommendations.json",
        "machines/0123456789ab.json",
    }  # fmt: skip


def test_the_order_of_adding_does_not_matter(tmp_path: Path, laptop: Path, server: Path) -> None:
    add(tmp_path / "one", [laptop, server])
    add(tmp_path / "two", [server])
    add(tmp_path / "two", [laptop])
    assert (tmp_path / "one" / "atlas.csv").read_bytes() == (tmp_path / "two" / "atlas.csv").read_bytes()


def test_what_is_there_already_stays(tmp_path: Path, laptop: Path, server: Path) -> None:
    add(tmp_path / "atlas", [laptop])
    entries, new = add(tmp_path / "atlas", [laptop, server])
    assert len(entries) == 2
    assert [name.split("-")[1] for name in new] == ["ffffffff"]


def test_a_deleted_entry_is_gone(tmp_path: Path, laptop: Path, server: Path) -> None:
    place = tmp_path / "atlas"
    assert merge(laptop, server, "--out", place).returncode == 0
    gone = next((place / "runs").glob("*-ffffffff-*"))
    for file in sorted(gone.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    gone.rmdir()
    ended = merge("--out", place)
    assert ended.returncode == 0, ended.stderr
    assert {row["machine_id"] for row in read_table(place / "atlas.csv", ATLAS)} == {"0123456789ab"}
    assert not (place / "atlas.html").exists()


def test_two_runs_of_one_machine_are_two_entries(tmp_path: Path, laptop: Path) -> None:
    again = finished(tmp_path / "again", usual(threads=1.1), started_at="2026-02-01T12:00:00Z")
    entries, _ = add(tmp_path / "atlas", [laptop, again])
    assert [row["n_blocks"] for row in index(entries)] == [10, 10]


def test_one_page_tells_of_all(tmp_path: Path, laptop: Path, server: Path) -> None:
    ended = merge(laptop, server, "--out", tmp_path / "atlas")
    assert ended.returncode == 0, ended.stderr
    assert "2 runs added; the atlas has 2 of 2 machines.\n" in ended.stdout
    assert "In the one scenario that they share, the 2 runs do not recommend the same." in ended.stdout
    seen = Seen((tmp_path / "atlas" / "atlas.html").read_text(encoding="utf-8"))
    assert "The runs are of different machines." in seen.said
    assert "Other <CPU>" in seen.said


def test_who_shares_nothing_stands_in_the_table_alone(tmp_path: Path, laptop: Path) -> None:
    other = scenario_of(THREADS, REFERENCE, size=2**22, name="4MiB")
    alone = finished(tmp_path / "alone", {other.id: usual()}, plan_of(other, blocks=10))
    ended = merge(laptop, alone, "--out", tmp_path / "atlas")
    assert ended.returncode == 0, ended.stderr
    assert "Only in the table, because they share nothing with" in ended.stdout
    assert len(read_table(tmp_path / "atlas" / "atlas.csv", ATLAS)) == 2


# What is refused.


def test_a_measurement_counts_once(tmp_path: Path, laptop: Path) -> None:
    add(tmp_path / "atlas", [laptop])
    other = write(tmp_path / "copy" / "laptop", usual(), started_at="2027-01-01T12:00:00Z")
    finished(other, usual(), started_at="2027-01-01T12:00:00Z")
    said = refusal(tmp_path / "atlas", other)
    assert f"{other} holds invocation 'laptop/{SCENARIO.id}/" in said
    assert said.endswith("which " + str(read_atlas(tmp_path / "atlas")[0].folder)
                         + " holds as well; a measurement counts once, so leave one of the two out.")  # fmt: skip
    assert "holds invocation" in refusal(tmp_path / "new", laptop, laptop)


def test_the_same_name_for_something_else(tmp_path: Path, laptop: Path) -> None:
    unlike = replace(SCENARIO, payload=replace(SCENARIO.payload, size=7))
    other = finished(tmp_path / "other", usual(), plan_of(unlike, blocks=10))
    said = refusal(tmp_path / "atlas", laptop, other)
    assert f"was not measured as {laptop} was (scenario {SCENARIO.id}: payload.size: 1048576 against 7)" in said


def test_machines_are_never_pooled(tmp_path: Path, laptop: Path) -> None:
    rows = read_table(laptop / "invocations.csv", INVOCATIONS)
    rows[0]["machine_id"] = "ffffffffffff"
    write_table(laptop / "invocations.csv", INVOCATIONS, rows)
    assert "its rows are of 2 machines, and rows of unlike machines are never pooled" in refusal(tmp_path / "a", laptop)


@pytest.mark.parametrize(
    "damage, said",
    [
        ("major", "written in form 99.0"),
        ("cut", "was cut short"),
        ("machine", "an atlas has to say which machine"),
        ("answer", "its answer in"),
        ("twice", "stands in its invocations.csv twice"),
        ("large", "are more than the"),
        ("missing", "no summary.csv"),
    ],
)
def test_what_is_damaged(
    damage: str, said: str, tmp_path: Path, laptop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    table = laptop / "timings.csv"
    if damage == "major":
        lines = table.read_text(encoding="utf-8").splitlines()
        table.write_text("\n".join([lines[0], *(f"99.0{line[3:]}" for line in lines[1:])]) + "\n", encoding="utf-8")
    elif damage == "cut":
        table.write_text(table.read_text(encoding="utf-8")[:-5], encoding="utf-8")
    elif damage == "machine":
        (laptop / "machines" / "0123456789ab.json").unlink()
    elif damage == "answer":
        answers = json.loads((laptop / "recommendations.json").read_text(encoding="utf-8"))
        answers[0]["recommended"] = "../../other"
        (laptop / "recommendations.json").write_text(json.dumps(answers), encoding="utf-8")
    elif damage == "twice":
        rows = read_table(laptop / "invocations.csv", INVOCATIONS)
        write_table(laptop / "invocations.csv", INVOCATIONS, [rows[0], *rows])
    elif damage == "large":
        monkeypatch.setattr(atlas, "MOST_BYTES", 10)
    else:
        (laptop / "summary.csv").unlink()
    assert said in refusal(tmp_path / "atlas", laptop)


def test_a_folder_that_is_no_atlas(tmp_path: Path, laptop: Path, server: Path) -> None:
    assert "so it is no atlas; give --out a folder of its own." in refusal(laptop, server)


def test_the_script_ends_with_one_line(tmp_path: Path, laptop: Path) -> None:
    for ended in (merge(tmp_path / "nothing", "--out", tmp_path / "a"), merge("--out", tmp_path / "a")):
        assert ended.returncode == 1
        assert ended.stderr.startswith("merge_runs: ")
        assert ended.stderr.count("\n") == 1


# A stranger's names.


def test_no_name_leaves_the_atlas_or_becomes_a_formula(tmp_path: Path, laptop: Path) -> None:
    plan = json.loads((laptop / "plan.json").read_text(encoding="utf-8"))
    (laptop / "plan.json").write_text(json.dumps(plan | {"run": "=../../up\x1b[2J"}), encoding="utf-8")
    hardware = {"processor": '=HYPERLINK("http://x")', "cores": 2}
    path = laptop / "machines" / "0123456789ab.json"
    path.write_text(json.dumps({**MACHINE, "hardware": hardware}), encoding="utf-8")
    _, (name,) = add(tmp_path / "atlas", [laptop])
    assert name.startswith("up_2J-01234567-")
    assert [path.name for path in (tmp_path / "atlas" / "runs").iterdir()] == [name]
    (row,) = read_table(tmp_path / "atlas" / "atlas.csv", ATLAS)
    assert row["run"] == "'=../../up\N{REPLACEMENT CHARACTER}[2J"
    assert row["processor"] == '\'=HYPERLINK("http://x")'


def test_no_name_becomes_markup(tmp_path: Path, laptop: Path, server: Path) -> None:
    path = server / "machines" / "ffffffffffff.json"
    path.write_text(json.dumps({**MACHINE, "hardware": {"processor": HOSTILE, "cores": 2}}), encoding="utf-8")
    ended = merge(laptop, server, "--out", tmp_path / "atlas")
    assert ended.returncode == 0, ended.stderr
    seen = Seen((tmp_path / "atlas" / "atlas.html").read_text(encoding="utf-8"))
    assert "script" not in seen.tags
    assert HOSTILE in seen.said


def test_noise_of_many_blocks_is_no_reason_to_pool(tmp_path: Path) -> None:
    """Two runs of one machine keep their own medians: no row is a mean of both."""
    times = [{**usual(), THREADS: steady(value, 10)} for value in (0.004, 0.006)]
    folders = [finished(tmp_path / f"run{n}", each) for n, each in enumerate(times)]
    entries, _ = add(tmp_path / "atlas", folders)
    assert sorted(round(float(str(row["median_s"])), 3) for row in index(entries)) == [0.004, 0.006]
