"""The plan and the tables of a run, read together and proven to belong together.

Later steps look rows up, divide by them and take their logarithms. What they rely on is checked here once, so that a
damaged table ends as one clear error and not somewhere in a computation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from handoff.records import ANEW, INVOCATIONS, SUMMARY, TIMINGS, BadTable, Row, Table, read_table
from handoff.scenarios import Plan, read_plan
from handoff.strategies import find
from handoff.words import number

SHORTEST_S: Final = 1e-12
"""No hand-over takes less, and the ratio of two times that are not shorter can be computed."""

VERDICTS: Final = ("faster", "slower", "tie", "unclear", "")

MAY_BE_ZERO: Final = frozenset({"n_blocks", "payload_bytes", "peak_extra_bytes"})
"""Of the numbers in summary.csv; all others are above it."""


def read_measurements(plan: Path, invocations: Path, timings: Path) -> tuple[Plan, list[Row], list[Row]]:
    """The plan, and the rows of invocations.csv and timings.csv that were measured for it.

    Raises:
        BadTable: one of them is missing or damaged, or they are not of one run.
    """
    made = read_plan(plan)
    pairs = _pairs(made)
    strategies = {strategy for _, strategy in pairs}
    jobs = _checked(invocations, INVOCATIONS, lambda row: _job_misfit(row, made.kinds, strategies))
    known = {str(row["invocation"]): row for row in jobs}
    return made, jobs, _checked(timings, TIMINGS, lambda row: _transfer_misfit(row, known, pairs))


def read_summary(path: Path, plan: Plan) -> list[Row]:
    """The rows of a plan's summary.csv.

    Raises:
        BadTable: it is missing, damaged or of another plan.
    """
    pairs = _pairs(plan)
    rows = _checked(path, SUMMARY, lambda row: _summary_misfit(row, pairs))
    found = [(row["scenario"], row["strategy"]) for row in rows]
    if sorted(map(str, found)) != sorted(map(str, pairs)):
        raise BadTable(f"{path}: has not one row for each scenario and strategy of plan.json; it is damaged. {ANEW}")
    return rows


def _pairs(plan: Plan) -> dict[tuple[str, str], int]:
    """Who takes part in which scenario, with its workers."""
    return {
        (scenario.id, strategy.id): scenario.workers
        for scenario in plan.scenarios
        for strategy in plan.known(scenario.strategies)
        if plan.takes_part(scenario, strategy)
    }


def _checked(path: Path, table: Table, misfit: Callable[[Row], str]) -> list[Row]:
    rows = read_table(path, table)
    for line, row in enumerate(rows, start=2):
        if problem := misfit(row):
            raise BadTable(f"{path}, line {line}: {problem}; the file is damaged, or of another run. {ANEW}")
    return rows


def _job_misfit(row: Row, kinds: Collection[str], strategies: Collection[str]) -> str:
    """Why it cannot be a row of invocations.csv; '' if it can."""
    if not (row["invocation"] and row["status"] and (number(row, "block") or 0) >= 1):
        return "invocation, status or block is missing"
    known = row["kind"] in kinds and row["strategy"] in strategies
    return "" if known else f"the plan has no {row['strategy']!r} with payloads of the kind {row['kind']!r}"


def _transfer_misfit(row: Row, jobs: Mapping[str, Row], pairs: Mapping[tuple[str, str], int]) -> str:
    """Why it cannot be a row of timings.csv; '' if it can."""
    if (str(row["scenario"]), str(row["strategy"])) not in pairs:
        return f"{row['strategy']!r} takes no part in {row['scenario']!r} by the plan"
    if not row["status"]:
        return "status is missing"
    if not row["invocation"]:
        return "" if row["status"] == "unsupported" else "invocation is missing"
    job = jobs.get(str(row["invocation"]))
    if job and any(row[name] != job[name] for name in ("block", "strategy", "kind")):
        return f"block, strategy or kind is not that of invocation {row['invocation']!r}"
    if row["status"] == "ok" and (row["transfer"] is None or row["warm"] not in (0, 1)):
        return "a transfer without its number, or neither first nor steady"
    if row["status"] == "ok" and not row["instrumented"] and (number(row, "total_s") or 0.0) < SHORTEST_S:
        return "it is ok and has no time"
    return ""


def _summary_misfit(row: Row, pairs: Mapping[tuple[str, str], int]) -> str:
    """Why it cannot be a row of summary.csv; '' if it can."""
    pair = str(row["scenario"]), str(row["strategy"])
    if pair not in pairs:
        return f"{pair[1]!r} takes no part in {pair[0]!r} by the plan"
    if not row["status"] or row["workers"] != pairs[pair] or row["role"] != find(pair[1]).role:
        return "status, workers or role is not what it must be"
    if row["verdict"] not in VERDICTS:
        return f"{row['verdict']!r} is no verdict"
    for column in SUMMARY.columns:
        value = number(row, column.name)
        if value is not None and (value < 0 or (value == 0 and column.name not in MAY_BE_ZERO)):
            return f"{column.name} is {value:g}"
    return ""
