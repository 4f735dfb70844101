"""Pages of invented runs for the tests in a browser, drawn once."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from example_run import answers, array, example, example_machine, health_of

from handoff.figures import drawing, figure_names
from handoff.figures.run import Run
from handoff.report import page
from handoff.report.pictures import Picture, pictures
from handoff.scenarios import Payload, Scenario
from handoff.strategies import TABLE

HOSTILE = "</script><script>alert(1)</script>\"><img src=x onerror=alert(2)>{{ 7*7 }}\u202etxt.exe\u2028'&"
"""What a name may be, at worst."""


@cache
def run() -> Run:
    return example()


def _drawn(of: Run, names: tuple[str, ...]) -> list[Picture]:
    with TemporaryDirectory() as name:
        files = [Path(name, f"{figure}.svg") for figure in names]
        for file in files:
            drawing.plot(file.stem, of, file)
        numbers = {
            "columns": ["scenario", "strategy", "median, s"],
            "rows": [[row["scenario"], row["strategy"], row["median_s"]] for row in of.summary],
        }
        Path(name, "ranking.json").write_text(json.dumps(numbers), encoding="utf-8")
        return pictures(files)


@cache
def ordinary() -> str:
    """The report of the made-up run, with its figures."""
    names = tuple(name for name in ("ranking", "phases", "failures") if name in figure_names())
    return page(run(), answers(run()), [example_machine()], _drawn(run(), names), health=health_of(run()))


@cache
def hostile() -> str:
    """The report of a run whose every name is hostile."""
    given = run()
    rename = {scenario.payload.id: HOSTILE for scenario in given.plan.scenarios}
    scenarios = tuple(
        dataclasses.replace(each, payload=Payload(f"{HOSTILE}{place}", "frame", path=f"{HOSTILE}.npy"))
        for place, each in enumerate(given.plan.scenarios)
    )
    ids = {old.id: new.id for old, new in zip(given.plan.scenarios, scenarios, strict=True)}
    plan = dataclasses.replace(given.plan, run=HOSTILE, scenarios=scenarios)

    def renamed(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [
            {**row, "scenario": ids[str(row["scenario"])], "payload": rename[str(row["payload"])], "reason": HOSTILE,
             "flags": HOSTILE}
            for row in rows
        ]  # fmt: skip

    summary = [{**row, "status": "error"} for row in renamed(given.summary)]
    timings = [{key: row[key] for key in old} for row, old in zip(renamed(given.timings), given.timings, strict=True)]
    jobs = [{**row, "host": HOSTILE, "status": "error", "stderr_tail": HOSTILE, "fail_reason": HOSTILE}
            for row in given.invocations]  # fmt: skip
    made = [
        {**answer, "scenario": ids[answer["scenario"]], "why": HOSTILE,
         "rejected": [{"strategy": HOSTILE, "because": HOSTILE}]}
        for answer in answers(given)
    ]  # fmt: skip
    machine = {"hardware": {HOSTILE: HOSTILE}, "warnings": [{"what": HOSTILE, "remedy": HOSTILE}]}
    return page(Run(plan, summary, timings, jobs), made, [machine], [])


@cache
def large() -> str:
    """The report of a run with over 10,000 rows in its summary, 24 or more answers of 60 rejected strategies each."""
    given = run()
    names = tuple(strategy.id for strategy in TABLE)
    sizes = [(2**power * 2**10, f"{2**power}KiB") for power in range(20)]
    scenarios = tuple(
        Scenario(array(size, name), "read", pattern, workers, strategies=names)
        for size, name in sizes for pattern in ("send", "return") for workers in (1, 2, 3, 4)
    )  # fmt: skip
    like = [row for row in given.summary if row["scenario"] == "array-4MiB.read.send.w1"]
    of_strategy = {str(row["strategy"]): row for row in like}
    every = [*of_strategy.values(), *({**like[5], "strategy": name} for name in names if name not in of_strategy)]
    summary = [
        {**row, "scenario": each.id, "payload": each.payload.id, "payload_bytes": each.payload.size,
         "pattern": each.pattern, "workers": each.workers,
         "median_s": 1.0e-6 * (1 + place * 7919 % 100_003), "first_s": 1.37e-6 * (1 + place * 104_729 % 99_991)}
        for place, (each, row) in enumerate((each, row) for each in scenarios for row in every)
    ]  # fmt: skip
    one = next(answer for answer in answers(given) if answer["scenario"] == "array-4MiB.read.send.w1")
    because = "it takes 425 µs: 6.25 times as long as threads-reference, 95 % interval {:.4g} to {:.4g}"
    made = [
        {**one, "scenario": each.id,
         "rejected": [{"strategy": name, "because": because.format(place + 1.01, number + 2.02)}
                      for number, name in enumerate(names[:60])]}
        for place, each in enumerate(scenarios)
    ]  # fmt: skip
    plan = dataclasses.replace(given.plan, scenarios=scenarios)
    shown = _drawn(given, tuple(figure_names()))
    return page(Run(plan, summary, [], given.invocations), made, [example_machine()], shown)
