"""Whatever stands in a file that a step reads: it works, or says in one line which file, what is wrong, what to do.

Every sort of file is damaged in every way of damages.py, and read by the function that reads it in a run. Then each
step is run over a run of which one file is damaged.
"""

from __future__ import annotations

import importlib
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import damages
import numpy as np
import pandas as pd
import pytest
from damaged_run import ARENA, MACHINE, REFERENCE, THREADS, small_plan, whole_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handoff import blocks, payloads, probes
from handoff.calibration import read_overhead, read_sentences
from handoff.effort import read_state, said
from handoff.figures import figure_names
from handoff.health import in_short, read_health
from handoff.machine import read_machine
from handoff.measure.pilot import wanted_transfers
from handoff.mistakes import HandoffError
from handoff.packs import members
from handoff.payloads import user_files
from handoff.payloads.generation import generate
from handoff.recommend import read_answers
from handoff.records import COSTS, INVOCATIONS, RECOMMENDATIONS, TIMINGS, parse_invocation, read_invocation, read_table
from handoff.report import costs as costing
from handoff.report.article import deadlock_said, hangs, read_deadlock
from handoff.report.environment import facts
from handoff.report.pictures import picture
from handoff.scenarios import Payload, read_plan
from handoff.schedule import Schedule
from handoff.tables import read_summary

ROOT = Path(__file__).parents[2]
BLOCK = f"timings/array/{THREADS}/block~1.csv"
PAYLOAD = "payloads/array-64KiB.npy"
REMEDY = re.compile(
    r"[Dd]elete |Move |[Rr]un the same command again|measured anew|[Pp]ut the file back|give |it should |was it "
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, in a folder results/. Nobody changes it."""
    folder = tmp_path_factory.mktemp("whole") / "results" / "example run"
    whole_run(folder)
    return folder


@pytest.fixture(scope="module")
def others(run: Path) -> list[Path]:
    """Files of other sorts, to be swapped with."""
    names = (
        "plan.json",
        "summary.csv",
        "answer.txt",
        "figures/workers.svg",
        f"timings/array/{ARENA}/block~2.csv",
        PAYLOAD,
    )
    return [run / name for name in names]


def check_clear(error: HandoffError, path: Path, remedy: re.Pattern[str] = REMEDY) -> None:
    """It is one line that names the file and a remedy."""
    assert path.name in str(error)
    assert remedy.search(str(error))
    assert "\n" not in str(error)


def reads_or_tells(read: Callable[[Path], object], path: Path) -> None:
    try:
        read(path)
    except HandoffError as error:
        # A measuring job's file needs no remedy: the next start sees it and measures its block anew.
        check_clear(error, path, re.compile("") if read in (read_invocation, all_of_pack) else REMEDY)


# ---------------------------------------------------------------- what a run writes and reads again


def due(path: Path) -> object:
    """As the Snakefile reads it at its start."""
    return blocks.continued(small_plan(), path.parents[1])


def schedule(path: Path) -> object:
    return Schedule(small_plan(), path.parent)


def all_of_pack(path: Path) -> object:
    return [parse_invocation(data.decode(), f"{path}, {name}") for name, data in members(path).items()]


def all_of_deadlock(path: Path) -> object:
    found = read_deadlock(path)
    return deadlock_said(found), hangs(found)


def all_of_costs(path: Path) -> object:
    rows = read_table(path, COSTS)
    return costing.groups(rows), costing.break_evens(rows, {REFERENCE, ARENA}), costing.contention_said(rows)


@dataclass(frozen=True)
class Sort:
    """A sort of file: where it lies, whoever reads it, and how its values are damaged beyond its bytes."""

    file: str
    read: Callable[[Path], object]
    values: Callable[[bytes], damages.Damaged] | None = None


SORTS = {
    "block": Sort(BLOCK, read_invocation),
    "pack": Sort("timings/array/block~1.zip", all_of_pack),
    "pilot": Sort(BLOCK, lambda path: wanted_transfers([path] * 3)),
    "invocations": Sort("invocations.csv", lambda path: read_table(path, INVOCATIONS), damages.of_csv),
    "timings": Sort("timings.csv", lambda path: read_table(path, TIMINGS), damages.of_csv),
    "summary": Sort("summary.csv", lambda path: read_summary(path, small_plan()), damages.of_csv),
    "recommendations.csv": Sort("recommendations.csv", lambda path: read_table(path, RECOMMENDATIONS), damages.of_csv),
    "costs": Sort("costs.csv", all_of_costs, damages.of_csv),
    "probes": Sort("probes.json", lambda path: probes.text(probes.read(path)), damages.of_json),
    "plan": Sort("plan.json", read_plan, damages.of_json),
    "plan at the start": Sort("plan.json", due, damages.of_json),
    "effort": Sort("effort.json", lambda path: said(read_state(path)), damages.of_json),
    "effort at the start": Sort("effort.json", due, damages.of_json),
    "again": Sort("again.json", schedule, damages.of_json),
    "health": Sort("health.json", lambda path: in_short(read_health(path)["warnings"]), damages.of_json),
    "overhead": Sort("overhead.json", read_overhead, damages.of_json),
    "deadlock": Sort("deadlock.json", all_of_deadlock, damages.of_json),
    "recommendations": Sort("recommendations.json", read_answers, damages.of_json),
    "machine": Sort(f"machines/{MACHINE}.json", lambda path: facts(read_machine(path)), damages.of_json),
    "calibration": Sort("calibration.json", read_sentences, damages.of_json),
    "figure": Sort("figures/failures.svg", picture),
}  # fmt: skip


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """The same run, to be damaged."""
    shutil.copytree(run, tmp_path / "results" / run.name)
    return tmp_path / "results" / run.name


UNHURRIED = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)
MANY = settings(max_examples=20, deadline=None, suppress_health_check=UNHURRIED)
FEW = settings(MANY, max_examples=6)
"""A step reads several files through the same readers, and takes longer."""


@pytest.mark.parametrize("sort", SORTS.values(), ids=SORTS)
def test_a_whole_file_is_read(sort: Sort, run: Path) -> None:
    sort.read(run / sort.file)


@pytest.mark.parametrize("sort", SORTS.values(), ids=SORTS)
@MANY
@given(data=st.data())
def test_a_damaged_file_is_read_or_told(
    sort: Sort, copy: Path, run: Path, others: list[Path], data: st.DataObject
) -> None:
    content = (run / sort.file).read_bytes()
    how = damages.of_bytes(content, [other.read_bytes() for other in others])
    path = copy / sort.file
    path.write_bytes(data.draw(how | sort.values(content) if sort.values else how))
    reads_or_tells(sort.read, path)


# ---------------------------------------------------------------- payloads


PAYLOADS = {
    "array": Payload("array-2KiB", "array", 2048, (("dtype", "float64"), ("content", "random"))),
    "ones": Payload("array-2KiB-ones", "array", 2048, (("dtype", "float64"), ("content", "ones"))),
    "frame": Payload("frame-2KiB", "frame", 2048, (("columns", 2), ("dtype", "mixed"))),
    "text_frame": Payload("text_frame-2KiB", "text_frame", 2048),
    "objects": Payload("objects-2KiB", "objects", 2048),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one payload of each kind, described. Nobody changes it."""
    folder = tmp_path_factory.mktemp("payloads")
    for payload in PAYLOADS.values():
        generate(payload, 1, folder / payload.file, folder / payload.description)
    return folder


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@MANY
@given(data=st.data())
def test_a_payload_that_is_not_what_was_described_is_never_read(
    payload: Payload, made: Path, others: list[Path], data: st.DataObject, tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    path, content = tmp_path / payload.file, (made / payload.file).read_bytes()
    path.write_bytes(data.draw(damages.of_bytes(content, [other.read_bytes() for other in others])))
    if path.read_bytes() != content:
        with pytest.raises(payloads.PayloadError) as error:
            payloads.verify(payload, tmp_path)
        check_clear(error.value, path)
        assert f"Delete {path} and run the same command again" in str(error.value)
    else:
        payloads.verify(payload, tmp_path)


@MANY
@given(data=st.data())
def test_a_damaged_description_is_read_or_told(
    made: Path, others: list[Path], data: st.DataObject, tmp_path: Path
) -> None:
    payload = PAYLOADS["objects"]
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    path, content = tmp_path / payload.description, (made / payload.description).read_bytes()
    how = damages.of_bytes(content, [other.read_bytes() for other in others]) | damages.of_json(content)
    path.write_bytes(data.draw(how))
    # A description of other bytes looks as if the data were damaged: the remedy makes both anew.
    try:
        payloads.read(payload, tmp_path)
    except payloads.PayloadError as error:
        check_clear(error, tmp_path / payload.file)


def test_missing_data_are_named(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    payload = PAYLOADS["array"]
    (tmp_path / payload.file).unlink()
    with pytest.raises(payloads.PayloadError) as error:
        payloads.verify(payload, tmp_path)
    check_clear(error.value, tmp_path / payload.file)


FRAME = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, 1.5], "c": ["x", "é", None]})
USERS: dict[str, Callable[[Path], None]] = {
    "npy": lambda path: np.save(path, np.arange(6.0).reshape(2, 3)),
    "csv": lambda path: FRAME.to_csv(path, index=False),
    "parquet": lambda path: FRAME.to_parquet(path),
    "pkl": lambda path: path.write_bytes(pickle.dumps({"a": [1, 2.5, "x"], "b": FRAME})) and None,
}


@pytest.mark.parametrize("suffix", USERS)
@MANY
@given(data=st.data())
def test_a_users_own_damaged_file_is_described_or_told(
    suffix: str, others: list[Path], data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / f"own.{suffix}"
    USERS[suffix](path)
    content = path.read_bytes()
    how = damages.of_bytes(content, [other.read_bytes() for other in others])
    if suffix == "pkl":
        # Other bytes could be a program, or ask for any amount of memory: a pickle is its owner's to trust.
        how = st.integers(0, len(content) - 1).map(lambda at: content[:at]) | st.sampled_from(
            [b"", b"no pickle", b"\xff"]
        )
    path.write_bytes(data.draw(how))
    payload = Payload("own", "own", path=str(path))
    reads_or_tells(lambda _: generate(payload, 1, None, tmp_path / payload.description), path)


HEADERS = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999, ), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, ), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2**9, ), }",
    "{'descr': [('a', '<f8', (1, -2))], 'fortran_order': False, 'shape': (1, ), }",
    "{'descr': ('<f8', ), 'fortran_order': False, 'shape': (1, ), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1, ), }",
    "{'descr': '<U99999999999', 'fortran_order': False, 'shape': (1, ), }",
    "[" * 300 + "]" * 300,
    "{" * 60,
    "\x00",
    "()",
    "None",
]


@pytest.mark.parametrize("header", HEADERS)
def test_an_array_with_an_odd_header_is_told(header: str, tmp_path: Path) -> None:
    text = f"{header}\n".encode()
    path = tmp_path / "own.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 8)
    with pytest.raises(payloads.PayloadError) as error:
        user_files.read(path)
    assert path.name in str(error.value)


# ---------------------------------------------------------------- every step


@dataclass(frozen=True)
class Step:
    """A script, the files of a run that it reads, and its options, in which {run}, {out} and {whole} are folders."""

    reads: tuple[str, ...]
    options: str
    status: int = 1
    """With which it ends where it cannot do its work."""


MEASURED = ("plan.json", "invocations.csv", "timings.csv")
THESE = "--plan {run}/plan.json --invocations {run}/invocations.csv --timings {run}/timings.csv"
SUMMED = f"{THESE} --summary {{run}}/summary.csv"
MACHINES = f"machines/{MACHINE}.json"
FIGURES = tuple(f"figures/{name}.svg" for name in figure_names())

STEPS = {
    "collect_timings": Step(
        ("plan.json", BLOCK, f"{PAYLOAD}.digest.json"),
        "--plan {run}/plan.json --invocations {out}/invocations.csv --timings {out}/timings.csv",
    ),
    "summarize_timings": Step(MEASURED, f"{THESE} --out {{out}}/summary.csv --effort {{out}}/effort.json"),
    "check_health": Step(MEASURED, f"{THESE} --out {{out}}/health.json"),
    "fit_costs": Step((*MEASURED, MACHINES), f"{THESE} --machine {{run}}/{MACHINES} --out {{out}}/costs.csv"),
    "recommend_strategy": Step(
        (*MEASURED, "summary.csv"),
        f"{SUMMED} --out-json {{out}}/r.json --out-csv {{out}}/r.csv --out-text {{out}}/r.txt",
    ),
    "summarize_calibration": Step(
        (*MEASURED, "overhead.json"),
        f"{THESE} --overhead {{run}}/overhead.json --out {{out}}/calibration.json --page {{out}}/calibration.md",
    ),
    "plot_figure": Step(
        (*MEASURED, "summary.csv"), f"--figure failures {SUMMED} --out {{out}}/f.svg"
    ),
    "write_report": Step(
        (*MEASURED, "summary.csv", "recommendations.json", "health.json", "deadlock.json", "probes.json", "costs.csv",
         MACHINES, FIGURES[0]),
        f"{SUMMED} --recommendations {{run}}/recommendations.json --health {{run}}/health.json "
        f"--probes {{run}}/probes.json --costs {{run}}/costs.csv "
        f"--deadlock {{run}}/deadlock.json --machine {{run}}/{MACHINES} --out {{out}}/report.html "
        f"--figure {' '.join(f'{{run}}/{figure}' for figure in FIGURES)}",
    ),
    "write_readme": Step(
        (*MEASURED, "summary.csv", "recommendations.json", "deadlock.json", "calibration.json", MACHINES),
        "--run {run} --article {run} --calibration {run}/calibration.json --readme {out}/README.md",
    ),
    "keep_example": Step(("timings.csv",), "--run {run} --example {out}/example"),
    "compare_runs": Step(
        (*MEASURED, "summary.csv", "recommendations.json", MACHINES), "{whole} {run} --across machines", 2
    ),
}  # fmt: skip
"""All but those that measure, describe or draw without reading what a step before them wrote."""


def arguments(step: Step, run: Path, whole: Path, out: Path) -> list[str]:
    """Its options, and what it finds beside them."""
    out.mkdir(exist_ok=True)
    if "README.md" in step.options:
        shutil.copyfile(ROOT / "README.md", out / "README.md")
    return [option.format(run=run, whole=whole, out=out) for option in step.options.split()]


def ended(name: str, options: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Its exit status and what it has to say for itself, run in this process."""
    monkeypatch.setattr(sys, "argv", [f"scripts/{name}.py", *options])
    try:
        importlib.import_module(name).main()
    except SystemExit as error:
        return (1, error.code) if isinstance(error.code, str) else (int(error.code or 0), "")
    return 0, ""


@pytest.mark.parametrize("name", STEPS)
def test_a_step_ends_well_on_a_whole_run(
    name: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(name, arguments(STEPS[name], run, run, tmp_path / "out"), monkeypatch) == (0, "")
    assert capsys.readouterr().err == ""


READINGS = [(name, file) for name, step in STEPS.items() for file in step.reads]


@pytest.mark.parametrize("name, file", READINGS)
@FEW
@given(data=st.data())
def test_a_step_works_or_tells_whatever_is_damaged(
    name: str, file: str, copy: Path, run: Path, others: list[Path], data: st.DataObject,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    content = (run / file).read_bytes()
    of_values = {".json": damages.of_json, ".csv": damages.of_csv}.get(Path(file).suffix)
    how = damages.of_bytes(content, [other.read_bytes() for other in others])
    (copy / file).write_bytes(data.draw(how | of_values(content) if of_values and file != BLOCK else how))
    try:
        status, told = ended(name, arguments(STEPS[name], copy, run, copy.parent / "out"), monkeypatch)
    finally:
        (copy / file).write_bytes(content)
    told = told or capsys.readouterr().err.strip()
    if status and not (name == "compare_runs" and status == 1):
        assert status == STEPS[name].status
        assert told.startswith(f"{name}: ")
        # Where two runs are no equals, a line says each difference; a page may need a way that a run has not.
        assert "\n" not in told or "are not equals" in told
        assert REMEDY.search(told) or "are not equals" in told or "no strategy between processes" in told, told
    else:
        assert told == ""


@pytest.mark.parametrize("name", STEPS)
def test_a_script_ends_with_one_line_and_its_status(name: str, copy: Path, run: Path, tmp_path: Path) -> None:
    step = STEPS[name]
    path = copy / step.reads[-1]
    path.write_bytes(path.read_bytes()[:-40])
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *arguments(step, copy, run, tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stdout) == (step.status, "")
    assert "Traceback" not in done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{name}: ")
    assert path.name in line
