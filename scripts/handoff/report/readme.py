"""The parts of README.md that hold figures: each is made from a run's tables, none is typed by hand.

A part stands between a line `<!-- generated: NAME -->` and a line `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from handoff import strategies
from handoff.contest import unmet
from handoff.figures.run import Run, words
from handoff.mistakes import HandoffError
from handoff.records import TIMINGS, Row, write_atomically
from handoff.report import article
from handoff.scenarios import Scenario
from handoff.statistics import SURE_BLOCKS
from handoff.words import NONE, counted, interval, number, ratio, seconds, size, text

MARKED: Final = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

SHARED: Final = ("process_spawn-arena", "process_spawn-shared_memory")
"""Shown beside the reference as a row of timings.csv: the first that the run has."""


class BadReadme(HandoffError):
    """The page's markers and the parts do not fit each other: which, and what to do."""


def read_page(path: Path) -> str:
    """The page's text.

    Raises:
        BadReadme: it is missing, or no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadReadme(f"{path}: cannot be read ({error})") from error


def fill(page: str, parts: Mapping[str, str]) -> str:
    """The page with each given part between its markers; other parts stay as they are.

    Raises:
        BadReadme: a part has no place in the page, or two.
    """
    places = [match[2] for match in MARKED.finditer(page)]
    for name in parts:
        if places.count(name) != 1:
            raise BadReadme(
                f"the page has {counted(places.count(name), 'place')} for the part {name!r}; it needs one line "
                f"'<!-- generated: {name} -->' and after it one line '<!-- end -->'"
            )
    return MARKED.sub(
        lambda match: f"{match[1]}{parts[match[2]].strip()}\n{match[3]}" if match[2] in parts else match[0], page
    )


def renew(page: Path, parts: Mapping[str, str]) -> None:
    """Put the parts into the page's file; raises what read_page and fill do."""
    write_atomically(page, fill(read_page(page), parts))


def _cell(value: str) -> str:
    """Text that cannot break a Markdown table, nor become markup in it."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine_said(machine: Mapping[str, Any]) -> str:
    """A machine in one line: processor, cores, memory, kernel and Python, as far as they are known."""
    hardware, kernel, python = (machine.get(group) or {} for group in ("hardware", "kernel", "python"))
    cores, memory = hardware.get("cores"), hardware.get("memory_bytes")
    parts = (
        str(hardware.get("processor") or ""),
        counted(cores, "core") if cores else "",
        f"{size(memory)} of memory" if memory else "",
        "a virtual machine" if str(hardware.get("hypervisor") or "no") != "no" else "",
        f"kernel {kernel['release']}" if kernel.get("release") else "",
        f"{python.get('implementation', 'Python')} {python['version']}" if python.get("version") else "",
    )
    return _cell(", ".join(part for part in parts if part)) or "a machine that is not described"


def _between_processes(run: Run, scenario: Scenario) -> Row | None:
    """The fastest candidate that hands an object from memory over to another process, is proven and meets the needs."""
    for row in run.rows(scenario, "candidate"):
        strategy = strategies.find(text(row, "strategy"))
        if (
            row["status"] == "ok"
            and number(row, "median_s") is not None
            and "below_floor" not in text(row, "flags").split()
            and strategies.executor_facts(strategy.executor).processes
            and not strategies.transport_facts(strategy.transport).from_file
            and not unmet(strategy, scenario, run.plan.needs)
        ):
            return row
    return None


def _timed(row: Row | None) -> str:
    return f"`{row['strategy']}`, {seconds(number(row, 'median_s'))}" if row else NONE


def headline(run: Run, answers: Sequence[Mapping[str, Any]], machine: Mapping[str, Any]) -> str:
    """What the reference takes in each scenario, what to use, and what that takes."""
    of_scenario = {answer["scenario"]: answer for answer in answers}
    lines = []
    for scenario in run.plan.scenarios:
        use = str(of_scenario.get(scenario.id, {}).get("recommended") or "")
        row, reference = run.row(scenario, use) if use else None, run.row(scenario, run.plan.reference)
        share = ratio(number(row, "ratio_to_reference")) if row else NONE
        doubt = interval(number(row, "ratio_low"), number(row, "ratio_high")) if row else ""
        lines.append([
            _cell(words(scenario)),
            seconds(number(reference, "median_s")) if reference else NONE,
            f"`{use}`" if use else "nothing",
            seconds(number(row, "median_s")) if row else NONE,
            f"{share} {doubt}".strip(),
            size(number(row, "peak_extra_bytes")) if row else NONE,
            _timed(_between_processes(run, scenario)),
        ])  # fmt: skip
    header = ["to …", f"`{run.plan.reference}` takes", "use", "it takes", "ratio [95 % interval]", "extra memory",
              "fastest safe way between processes"]  # fmt: skip
    few = f" Below {SURE_BLOCKS} blocks all of it is indicative." if run.measured_blocks[0] < SURE_BLOCKS else ""
    return (
        f"{_table(header, lines)}\n\nMedians of {run.blocks_said}, on {machine_said(machine)}.{few} "
        "*Extra memory* is the most that one transfer needed beyond the payload itself."
    )


def article_part(run: Run, deadlock: Mapping[str, Any] | None, machine: Mapping[str, Any]) -> str:
    """The article's figures and ours, experiment by experiment."""
    rows = []
    for beside in article.beside(run, deadlock, [machine]):
        experiment = beside.experiment
        name = f"{experiment.id}: {experiment.title}"
        for line in beside.lines:
            ours = f"{article.in_seconds(line.median_s)} {interval(line.low_s, line.high_s, article.thousandths)}"
            note = f" ({line.note})" if line.note else ""
            theirs = article.in_seconds(line.article_s)
            ratios = [ratio(value) if value else "" for value in (line.article_ratio, line.our_ratio)]
            rows.append([_cell(name), _cell(line.name), theirs, _cell(f"{ours.strip()}{note}"), *ratios])
            name = ""
        if beside.said:
            theirs = "" if beside.lines else _cell(experiment.says) or NONE
            rows.append([_cell(name), "", theirs, _cell("; ".join(beside.said)), "", ""])
    if not rows:
        raise BadReadme(f"the run {run.plan.run!r} lists none of the article's experiments; make article")
    header = ["experiment", "", "the article", "here", "article's ratio", "ratio here"]
    pythons = ", ".join(article.pythons(run)) or "no Python"
    return (
        f"{_table(header, rows)}\n\nThe article's figures are of its author's machine and {article.ARTICLE_PYTHON}. "
        f"Ours: {run.blocks_said}, {pythons}, on {machine_said(machine)}. A ratio is an experiment's first line "
        "over the later one; between two machines it is what can be compared, times are not."
    )


def largest_array(run: Run) -> Scenario:
    """The scenario that sends the most bytes of one array to one worker.

    Raises:
        BadReadme: the run sends no array.
    """
    sent = [s for s in run.plan.scenarios if s.payload.kind == "array" and s.pattern == "send" and not s.cold]
    if not sent:
        raise BadReadme(f"the run {run.plan.run!r} sends no array to a worker")
    return max(sent, key=lambda scenario: (scenario.workers == 1, scenario.payload.size))


def _telling(run: Run) -> list[Row]:
    """The reference's first steady transfer of the largest array, one through shared memory, and one that cannot be.

    Where everything could be measured, the third is the reference's instrumented transfer.
    """
    scenario = largest_array(run)

    def first(*names: str, instrumented: int = 0) -> Row | None:
        wanted = [
            row for row in run.timings
            if row["scenario"] == scenario.id and row["status"] == "ok"
            and row["warm"] and row["instrumented"] == instrumented
        ]  # fmt: skip
        return next((row for name in names for row in wanted if row["strategy"] == name), None)

    missing = [row for row in run.timings if row["status"] != "ok"]
    third = next((row for row in missing if row["status"] == "unsupported"), None) or next(iter(missing), None)
    shown = first(run.plan.reference), first(*SHARED), third or first(run.plan.reference, instrumented=1)
    return [row for row in shown if row is not None]


def rows(run: Run) -> str:
    """Three lines of timings.csv as a table of columns, each with its meaning."""
    chosen = _telling(run)
    lines = []
    for column in TIMINGS.columns:
        cells = [text(row, column.name) for row in chosen]
        if column.name != "schema_version" and any(cells):
            unit = f" ({column.unit})" if column.unit else ""
            lines.append([f"`{column.name}`", *map(_cell, cells), _cell(f"{column.meaning}{unit}")])
    header = ["column", *("one line", "another", "a third")[: len(chosen)], "meaning"]
    return (
        f"{_table(header, lines)}\n\n"
        "An empty cell means “does not apply” or “not known”, never zero. Columns that are empty in all are left out."
    )


def paste(run: Run) -> str:
    """The snippet of the fastest safe way between processes for the largest array.

    Raises:
        BadReadme: no such strategy has a time, or it has no snippet.
    """
    scenario = largest_array(run)
    row = _between_processes(run, scenario)
    path = strategies.find(text(row, "strategy")).snippet if row else None
    if row is None or path is None or not path.is_file():
        raise BadReadme(f"no strategy between processes with a time and a snippet in {scenario.id}")
    reference = run.row(scenario, run.plan.reference)
    code = path.read_text(encoding="utf-8").rstrip()
    beside = f"; `{run.plan.reference}` takes {seconds(number(reference, 'median_s'))}" if reference else ""
    return (
        f"To {words(scenario)}, `{row['strategy']}` takes {seconds(number(row, 'median_s'))}{beside}. "
        f"The whole program (`scripts/handoff/snippets/{path.name}`):\n\n```python\n{code}\n```"
    )
