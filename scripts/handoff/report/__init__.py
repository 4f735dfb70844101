"""The report: one offline HTML page with the answer first and everything that it rests on below.

It is the same for the same tables. It loads nothing, and runs its own script alone: a policy in its head allows no
other, and no connection.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from handoff import breakdown, strategies
from handoff.figures.drawing import MOST_PANELS
from handoff.figures.run import Run, words
from handoff.health.twice import sentinels
from handoff.probes import Entry
from handoff.probes.finding import LEVELS
from handoff.records import COSTS, INVOCATIONS, RECOMMENDATIONS, SUMMARY, TIMINGS
from handoff.report import answers, article, environment, tables, trust
from handoff.report import costs as costing
from handoff.report.parts import parts
from handoff.report.pictures import Picture, within
from handoff.report.tables import Table, embedded, packed
from handoff.scenarios import PATTERNS, TASKS, Scenario
from handoff.statistics import SURE_BLOCKS
from handoff.summaries import block_values
from handoff.words import counted, interval, number, ratio, seconds, size, text

HERE: Final = Path(__file__).parent
TURNING: Final = {
    sign: f"\\u{sign:04x}" for sign in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""The signs of Unicode that turn the direction of writing, and how they are shown instead."""
MOST_ELEMENTS: Final = 4_600
"""Of the page as it is loaded, pictures included: browsers stay quick, and the script may add some hundreds."""
MOST_FAILURES: Final = 40
"""Reasons of failures that the page shows by itself."""
MOST_REJECTED: Final = 4_000
"""Reasons why not the others, of all answers together."""

FILES: Final = (
    ("plan.json", "everything that the run measures, derived from its config"),
    ("machines/", "each machine's description"),
    ("payloads/", "the payloads that Handoff made, each with its digest"),
    ("timings/", "what each measuring job wrote, one file a job"),
    *((table.name, table.one_row) for table in (INVOCATIONS, TIMINGS, SUMMARY, COSTS, RECOMMENDATIONS)),
    ("probes.json", "what was found out of your own data and functions before anything was measured"),
    ("health.json", "the warnings about the run, each with its cause and its remedy"),
    ("figures/", "the pictures of this page"),
)
"""What stands behind the page, inside the run's folder."""


def why_unsafe(strategy: str) -> str:
    """Why it is not safe; '' if it is."""
    known = strategies.find(strategy)
    executor, transport = strategies.executor_facts(known.executor), strategies.transport_facts(known.transport)
    return "" if known.safe else executor.why_not_safe or transport.why_not_safe or "it is marked so by its facts"


def about(strategy: str) -> str:
    """Who runs the task and how the payload gets there, in two sentences of the facts."""
    known = strategies.find(strategy)
    parts = [strategies.executor_facts(known.executor).about, strategies.transport_facts(known.transport).about]
    return " ".join(f"{part[:1].upper()}{part[1:].rstrip('.')}." for part in parts)


def moment(stamp: str) -> str:
    """'2026-01-01T12:00:00Z' as one reads it: '2026-01-01 12:00 UTC'; anything else as it is."""
    day, _, time = stamp.partition("T")
    return f"{day} {time[:5]} UTC" if time.endswith("Z") else stamp


def _split(run: Run) -> list[tuple[Scenario, str]]:
    """Where the reference's time goes in each scenario that has one, in sentences."""
    found = []
    for scenario in run.plan.scenarios[:MOST_PANELS]:
        if split := run.breakdown(scenario, run.plan.reference):
            task = "your function" if ":" in scenario.task else f"the task {scenario.task}"
            found.append((scenario, f"{breakdown.said(split, task)} {breakdown.start_said(split)}".rstrip()))
    return found


def _seen(run: Run, column: str) -> list[str]:
    return sorted({text(row, column) for row in run.invocations if row[column]})


def _sizes(run: Run) -> dict[str, int]:
    """The bytes of each scenario's payload, as far as they are known."""
    return {text(row, "scenario"): int(found) for row in run.summary if (found := number(row, "payload_bytes"))}


def _turning_nothing(value: Any) -> Any:
    """Text without signs that turn the direction of writing: the numbers behind such a name would be read backwards."""
    return value.translate(TURNING) if type(value) is str else value


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=_turning_nothing,
    )  # fmt: skip
    made.filters.update(
        seconds=seconds, ratio=ratio, size=size, counted=counted,
        in_seconds=article.in_seconds,
        status=lambda status: str(status).replace("_", " "),
    )  # fmt: skip
    made.globals.update(
        interval=interval, seconds=seconds, thousandths=article.thousandths,
        why_unsafe=why_unsafe, about=about, words=words,
        headline=answers.headline, sureness=answers.sureness, told_by_headline=answers.told_by_headline,
    )  # fmt: skip
    return made


class _Elements(HTMLParser):
    """How many elements a page has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.count = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count += 1


@cache
def _script() -> tuple[str, str]:
    """The page's script, and the hash by which its policy lets it run."""
    said = "".join((HERE / name).read_text(encoding="utf-8") for name in ("forms.js", "page.js"))
    return said, f"sha256-{base64.b64encode(hashlib.sha256(said.encode()).digest()).decode()}"


def _tables(run: Run, pictures: Sequence[Picture], of_text: Mapping[str, Table]) -> dict[str, Table]:
    """The tables whose rows the script makes, by the name that the template gives them; none without rows."""
    found = {
        "summary": tables.summary(run),
        **{each.name: each.table for each in pictures if each.table and each.drawn},
        **of_text,
    }
    return {name: table for name, table in found.items() if table.rows or name == "summary"}


def page(
    run: Run,
    recommendations: Sequence[Mapping[str, Any]],
    machines: Sequence[Mapping[str, Any]],
    pictures: Sequence[Picture],
    deadlock: Mapping[str, Any] | None = None,
    health: Mapping[str, Any] | None = None,
    found_out: Sequence[Entry] = (),
) -> str:
    """The report as the text of an HTML file.

    recommendations, machines and health are the content of recommendations.json, machines/<machine_id>.json and
    health.json, and found_out that of probes.json.
    """
    found = sentinels(run.plan, block_values(run.invocations, run.timings))
    warnings, checked = (health["warnings"], health["checked"]) if health else ([], [])
    told = trust.told(warnings, recommendations, run.plan.reference)
    scenarios = run.plan.scenarios
    of_scenario = {answer["scenario"]: answer for answer in recommendations}
    answered = [(scenario, of_scenario[scenario.id]) for scenario in scenarios if scenario.id in of_scenario]
    drawn = {each.name: each for each in pictures if each.drawn}
    fitted = costing.groups(run.costs)
    break_evens = costing.break_evens(
        run.costs, {run.plan.reference, *(answer["recommended"] for answer in recommendations)}
    )
    snippets = answers.snippets(recommendations, scenarios, _sizes(run))
    split, experiments = _split(run), article.beside(run, deadlock, machines)
    held = _tables(run, pictures, {
        "rejected": tables.rejected([answer for _, answer in answered], MOST_REJECTED),
        "costs": tables.costs(fitted, run.plan.reference),
        "twice": tables.twice(found),
        "elsewhere": tables.warnings(told.elsewhere[: trust.MOST_ELSEWHERE]),
        "jobs": tables.jobs(trust.failed_jobs(run)),
    })  # fmt: skip
    unsafe = {name: why for row in run.summary if (why := why_unsafe(name := text(row, "strategy")))}
    has = {"now": split, "found": found_out, "code": snippets, "article": experiments, "costs": fitted or break_evens}
    script, script_hash = _script()
    content: dict[str, Any] = {
        "run": run,
        "plan": run.plan,
        "css": Markup((HERE / "style.css").read_text(encoding="utf-8")),  # nosec B704 # our own file
        "script": Markup(script),  # nosec B704 # our own files
        "script_hash": Markup(script_hash),  # nosec B704 # base64
        "data": "",
        "parts": parts(drawn, [name for name, content in has.items() if content]),
        "tables": held,
        "unsafe": unsafe,
        "caution": answers.caution(recommendations),
        "in_short": answers.in_short(recommendations),
        "answers": answered,
        "split": split,
        "snippets": snippets,
        "code_of": {name: place for place, each in enumerate(snippets, start=1) for name in each.scenarios},
        "not_drawn": [each for each in pictures if not each.drawn],
        "scenarios_left": max(0, len(scenarios) - MOST_PANELS),
        "failures": trust.failures(run),
        "most_failures": MOST_FAILURES,
        "statuses": trust.statuses(run),
        "told": told,
        "most_elsewhere": trust.MOST_ELSEWHERE,
        "checked_said": trust.checked_said(checked, len(_seen(run, "host"))),
        "sentinels_said": trust.sentinels_said(found, any(each["code"] == "unstable" for each in told.of_the_run)),
        "disturbances": trust.disturbances(run),
        "commands": trust.commands(run.plan.run),
        "machines": [(machine, environment.facts(machine), environment.warnings(machine)) for machine in machines],
        "experiments": experiments,
        "hangs": article.hangs(deadlock),
        "article_python": article.ARTICLE_PYTHON,
        "pythons": article.pythons(run),
        "hosts": _seen(run, "host"),
        "machine_ids": _seen(run, "machine_id"),
        "environment_ids": _seen(run, "environment_id"),
        "campaigns": _seen(run, "campaign"),
        "began": moment(min(_seen(run, "started_at"), default="")),
        "ended": moment(max(_seen(run, "ended_at"), default="")),
        "patterns": {scenario.pattern: PATTERNS[scenario.pattern].about for scenario in scenarios},
        "tasks": {scenario.task: TASKS.get(scenario.task, "your own function") for scenario in scenarios},
        "found_out": [(each, sorted(each.findings, key=lambda one: -LEVELS.index(one.level))) for each in found_out],
        "break_evens": break_evens,
        "contention_said": costing.contention_said(run.costs),
        "sure_blocks": SURE_BLOCKS,
        "files": FILES,
    }  # fmt: skip
    template = _environment().get_template("page.html.jinja")
    # How many elements are left for pictures is known once all else is there: each is an image in the first try.
    images = {each.name: each for each in within(list(drawn.values()), 0)}
    room = MOST_ELEMENTS - _Elements(template.render(content, drawn=images)).count
    fitting = {each.name: each for each in within(list(drawn.values()), room)}
    packs = {name: packed(table) for name, table in held.items()}
    return template.render(content | {"data": embedded({"tables": packs, "unsafe": unsafe})}, drawn=fitting)
