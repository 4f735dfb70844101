"""Answer a question of your own: which way to hand this payload to that function, on this machine?

Measures until the answer is decided or the time is up. The same command again goes on where it was, and so does
--thorough, with more time. Options after `--` are Snakemake's.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Final

from handoff import probes
from handoff.configuration import complete, load
from handoff.effort import read_state, said
from handoff.figures.run import read_run
from handoff.mine import (
    Question,
    asked,
    choose,
    code_of,
    config_text,
    left_out_said,
    seconds_left,
    told_by_probes,
    where_it_goes,
)
from handoff.mistakes import step
from handoff.recommend import read_answers
from handoff.records import write_atomically
from handoff.scenarios import Plan, make_plan, parse_duration
from handoff.starts import start
from handoff.strategies import expand

REPORT_S: Final = 20.0
"""Seconds that are kept for the report."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--configfile", type=Path, required=True, help="what holds beside the question: config/mine.yaml"
    )
    parser.add_argument("--payload", default="", help="your data: a file, module:function or module:function(argument)")
    parser.add_argument("--task", default="", help="your function: module:function or folder/module.py:function")
    parser.add_argument("--pattern", default="", help="how data flow; send unless you say otherwise")
    parser.add_argument("--workers", default="", help="how many at once; one for each core unless you say otherwise")
    parser.add_argument("--run", default="", help="the run's name; made of the question unless you give one")
    parser.add_argument("--seconds", default="170s", help="how long to take in all, as 90s, 5min or 2h")
    parser.add_argument("--thorough", action="store_true", help="take 30 minutes more, if it takes them to be sure")
    parser.add_argument("snakemake", nargs="*", help="options for Snakemake")
    given = parser.parse_args()
    if {"--config", "-C"}.intersection(given.snakemake):
        parser.error(
            "--config is taken by this script, and Snakemake would heed the last one alone; edit the config file"
        )
    return given


def snakemake(configfile: Path, options: list[str], budget: float, targets: list[Path], quiet: bool = False) -> None:
    """One start of the workflow; ends this program as the workflow ends if that fails. quiet: it is heard only then."""
    command = [
        sys.executable, "-m", "snakemake", *map(str, targets), "--configfile", str(configfile), *options, "--config",
        f"budget={max(1, round(budget))}s",
    ]  # fmt: skip
    if code := start(command, heard=not quiet):
        raise SystemExit(code)


def prepare(config: dict[str, Any], options: list[str]) -> tuple[Plan, Path]:
    """Describe the payloads, look at the function, choose the strategies; the plan and its config file."""
    plan = make_plan(complete(config), Path.cwd())
    folder = Path("results", plan.run)
    first = folder / "question.yaml"
    write_atomically(first, config_text(config, "The question as it was asked."))
    targets = [folder / "payloads" / payload.description for payload in plan.payloads.values()]
    print("Looking at your data and your function ...", flush=True)
    snakemake(first, options, 60, [*targets, folder / "probes.json"], quiet=True)
    found = probes.read(folder / "probes.json")
    print("\n".join(probes.text(found)), end="\n\n", flush=True)
    config = told_by_probes(config, found)
    plan = make_plan(complete(config), Path.cwd())
    choice = choose(plan, expand(config["strategies"]), folder)
    print(f"{left_out_said(choice)}\n", flush=True)
    file = folder / "config.yaml"
    chosen = {**config, "strategies": list(choice.measured)}
    write_atomically(file, config_text(chosen, "The question with the strategies that can answer it."))
    return plan, file


def show(plan: Plan, thorough: bool) -> None:
    """What stands below the answer itself: where the time goes, and the code."""
    folder = Path("results", plan.run)
    run = read_run(*(folder / name for name in ("plan.json", "summary.csv", "timings.csv", "invocations.csv")))
    answers = read_answers(folder / "recommendations.json")
    print("\n".join(("", *where_it_goes(run))))
    for name, code in code_of(run, answers).items():
        write_atomically(folder / name, code)
        print(f"Code: {folder / name}")
    if not thorough and any(answer["confidence"] != "decided" for answer in answers):
        print("To be surer, with 30 minutes at most: the same command with THOROUGH=1 (--thorough).")


@step
def main() -> None:
    given = arguments()
    begun = time.monotonic()
    deadline = begun + (1800.0 if given.thorough else parse_duration(given.seconds))
    config = asked(Question(given.payload, given.task, given.pattern, given.workers), load(given.configfile))
    if given.run:
        config["run"] = given.run
    plan, file = prepare(config, given.snakemake)
    effort = Path("results", plan.run, "effort.json")
    spent: list[tuple[float, float]] = []
    before = read_state(effort)["spent_s"] if effort.is_file() else 0.0
    budget = before + (deadline - time.monotonic())
    while True:
        started = time.monotonic()
        snakemake(file, given.snakemake, budget, [effort])
        found = read_state(effort)
        spent.append((time.monotonic() - started, found["spent_s"] - before))
        before = found["spent_s"]
        if not found["next"]:
            break
        print(f"\n{said(found)}\n", flush=True)
        budget = before + seconds_left(deadline, time.monotonic(), spent, REPORT_S)
    snakemake(file, given.snakemake, budget, [])
    show(plan, given.thorough)


if __name__ == "__main__":
    main()
