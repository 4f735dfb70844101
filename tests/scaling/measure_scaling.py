"""What planning, collecting and summarising cost as a run grows: 100, 1,000 and 10,000 measuring jobs.

    python tests/scaling/measure_scaling.py --page docs/scaling.md

makes runs of these sizes with invented times, in a folder of its own, and takes for each step the wall-clock time and
the most memory that its process held (VmHWM). It ends with 1 where ten times as many jobs cost more than twelve times
as much, or a step holds more than 500 MB. On a quiet machine it takes less than ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

HOUSE: Final = Path(__file__).parents[2]
RUN: Final = Path("results", "scaling")
SIZES: Final = (100, 1_000, 10_000)
PATIENCE: Final = 900
"""Seconds for one step."""

DEAREST: Final = 12.0
"""Times the cost of a tenth of the jobs. A little above ten: a step that sorts is no mistake."""

MOST_BYTES: Final = 500_000_000

SNAKEMAKE: Final = ("-m", "snakemake", "-s", str(HOUSE / "Snakefile"), "--configfile", "scaling.json", "--cores", "2",
                    "--dry-run", "--quiet")  # fmt: skip


def _script(name: str, *options: str) -> tuple[str, ...]:
    return str(HOUSE / "scripts" / f"{name}.py"), "--plan", str(RUN / "plan.json"), *options


TABLES: Final = ("--invocations", str(RUN / "invocations.csv"), "--timings", str(RUN / "timings.csv"))

STEPS: Final[Mapping[str, Sequence[str]]] = {
    "plan, nothing measured": SNAKEMAKE,
    "plan, all measured": SNAKEMAKE,
    "collect_timings": _script("collect_timings", *TABLES),
    "summarize_timings": _script(
        "summarize_timings", *TABLES, "--out", str(RUN / "summary.csv"), "--effort", str(RUN / "effort.json")
    ),
}


@dataclass(frozen=True)
class Cost:
    """Of one step of one run."""

    seconds: float
    peak_bytes: int


def cost(command: Sequence[str], folder: Path) -> Cost:
    """What Python's command costs in that folder, in a process of its own, from its start to its end.

    Raises:
        SystemExit: the step failed, or took too long.
    """
    note = folder / "cost.json"
    watched = [sys.executable, str(Path(__file__).resolve()), "--watched", str(note), *command]
    started = time.perf_counter()
    try:
        ended = subprocess.run(
            watched, cwd=folder, check=False, timeout=PATIENCE, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise SystemExit(f"measure_scaling: {command[0]} took more than {PATIENCE} s") from None
    seconds = time.perf_counter() - started
    if ended.returncode:
        raise SystemExit(f"measure_scaling: {' '.join(command)} failed:\n{ended.stdout[-2000:]}")
    return Cost(seconds, json.loads(note.read_text(encoding="utf-8"))["peak_bytes"])


def watched(note: Path, command: Sequence[str]) -> None:
    """Run Python's command in this process, and note the most memory that it ever held.

    VmHWM and not ru_maxrss: the latter begins with what the starting process held, inherited over fork and exec.
    """
    module, *arguments = command[1:] if command[0] == "-m" else command
    sys.argv = [module, *arguments]
    # As if Python had been started with it: the folder of a script, and not this file's.
    sys.path[0] = str(Path(module).parent) if command[0] != "-m" else ""
    code: object = 0
    try:
        if command[0] == "-m":
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(module, run_name="__main__")
    except SystemExit as error:
        code = error.code
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    kibibytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    note.write_text(json.dumps({"peak_bytes": 1024 * kibibytes}), encoding="utf-8")
    sys.exit(code)  # type: ignore[arg-type]


def invent(jobs: int, measured: bool) -> int:
    """In the working folder: the config of a run of that size, or all that measuring it leaves; its number of jobs."""
    sys.path[:0] = [str(HOUSE / "scripts")]
    import invented_jobs

    from handoff.blocks import run_order

    config = invented_jobs.config(jobs)
    plan = invented_jobs.plan_of(config)
    if measured:
        RUN.mkdir(parents=True, exist_ok=True)
        (RUN / "plan.json").write_text(json.dumps(plan.to_json()), encoding="utf-8")
        return invented_jobs.measure(plan, RUN)
    Path("scaling.json").write_text(json.dumps(config), encoding="utf-8")
    return len(run_order(plan))


def _invented(jobs: int, measured: bool, folder: Path) -> int:
    """invent, in a process of its own, so that this one stays small."""
    command = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--invent",
        str(jobs),
        *(["--measured"] if measured else []),
    ]
    return int(subprocess.run(command, cwd=folder, check=True, timeout=PATIENCE, capture_output=True, text=True).stdout)


def costs(jobs: int) -> tuple[int, dict[str, Cost]]:
    """The run's real number of jobs, and what each step costs in it."""
    with tempfile.TemporaryDirectory(prefix="handoff-scaling-") as name:
        folder = Path(name)
        count = _invented(jobs, False, folder)
        found = {}
        for step, command in STEPS.items():
            if step == "plan, all measured":
                _invented(jobs, True, folder)
            found[step] = cost(command, folder)
            print(f"{count:>6,} jobs, {step}: {said(found[step])}", flush=True)
        return count, found


def said(found: Cost) -> str:
    return f"{found.seconds:.1f} s, {found.peak_bytes / 1e6:.0f} MB"


def growth(found: Mapping[int, Mapping[str, Cost]], step: str) -> float:
    """How many times as long the largest run takes as the one before it, per tenfold number of jobs."""
    *_, before, last = sorted(found)
    return found[last][step].seconds / found[before][step].seconds * 10 * before / last


def table(found: Mapping[int, Mapping[str, Cost]]) -> str:
    """Markdown: a line a step, a column a size."""
    head = ["step", *(f"{count:,} jobs" for count in sorted(found)), "ten times as many jobs"]
    lines = [head, ["---"] * len(head)]
    for step in STEPS:
        times = [f"{growth(found, step):.1f} times as long"] if len(found) > 1 else [""]
        lines.append([step, *(said(found[count][step]) for count in sorted(found)), *times])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def too_dear(found: Mapping[int, Mapping[str, Cost]]) -> list[str]:
    """What costs more than is wanted, in words."""
    complaints = [
        f"{step}: ten times as many jobs take {growth(found, step):.1f} times as long"
        for step in STEPS if len(found) > 1 and growth(found, step) > DEAREST
    ]  # fmt: skip
    return complaints + [
        f"{step}: {each.peak_bytes / 1e6:.0f} MB with {count:,} jobs"
        for count, steps in found.items() for step, each in steps.items() if each.peak_bytes > MOST_BYTES
    ]  # fmt: skip


def write_page(page: Path, found: Mapping[int, Mapping[str, Cost]]) -> None:
    """Put the table into the page, between its marks, with the machine and the date."""
    sys.path[:0] = [str(HOUSE / "scripts")]
    from handoff.provenance import interpreter, machine_facts
    from handoff.report.readme import renew

    facts = dict(fact.split(": ", 1) for fact in machine_facts() if ": " in fact)
    where = (
        f"{facts.get('model name', 'unknown processor')}, {facts['cores']} cores, {facts['memory']}, {interpreter()}"
    )
    when = f"Measured {time.strftime('%Y-%m-%d', time.gmtime())} on {where}."
    renew(page, {"scaling": f"{table(found)}\n\n{when}"})


def main() -> None:
    if sys.argv[1:2] == ["--watched"]:
        watched(Path(sys.argv[2]), sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=SIZES, help="sizes of runs (default: 100 1000 10000)")
    parser.add_argument("--page", type=Path, help="the page whose table is renewed; default: none, it is printed")
    parser.add_argument("--json", type=Path, help="write the figures as data, too")
    parser.add_argument("--invent", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measured", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.invent:
        print(invent(given.invent, given.measured))
        return
    found = dict(costs(jobs) for jobs in given.jobs)
    print(table(found))
    if given.page:
        write_page(given.page, found)
    if given.json:
        data = {count: {step: asdict(each) for step, each in steps.items()} for count, steps in found.items()}
        given.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if complaints := too_dear(found):
        sys.exit("measure_scaling: more than is wanted: " + "; ".join(complaints))


if __name__ == "__main__":
    # What Snakemake exports to its jobs has no place here.
    os.environ.pop("PYTHONPATH", None)
    main()
