"""The report: one offline HTML page with the answer first and everything that it rests on below.

It is the same for the same tables. It loads nothing and runs nothing; a policy in its head forbids both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from handoff import breakdown, strategies
from handoff.figures.drawing import MOST_PANELS
from handoff.figures.phases import PHASES, components
from handoff.figures.run import Run, words
from handoff.health.twice import sentinels
from handoff.probes import Entry
from handoff.probes.finding import LEVELS
from handoff.records import COSTS, INVOCATIONS, RECOMMENDATIONS, STATUSES, SUMMARY, TIMINGS, Row
from handoff.report import answers, article, environment, trust
from handoff.report import costs as costing
from handoff.report.pictures import Picture
from handoff.scenarios import PATTERNS, TASKS, Scenario
from handoff.statistics import SURE_BLOCKS
from handoff.summaries import block_values
from handoff.words import counted, interval, number, ratio, seconds, size, text

HERE: Final = Path(__file__).parent

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


def _phases(run: Run, scenario: Scenario) -> list[tuple[str, dict[str, float]]]:
    timed = [row for row in run.rows(scenario, "candidate", "floor") if number(row, "median_s") is not None]
    return [(name := text(row, "strategy"), components(run, scenario, name)) for row in timed]


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


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
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


def page(
    run: Run,
    recommendations: Sequence[Mapping[str, Any]],
    machines: Sequence[Mapping[str, Any]],
    pictures: Sequence[Picture],
    deadlock: Mapping[str, Any] | None = None,
    health: Mapping[str, Any] | None = None,
    found_out: Sequence[Entry] = (),
    costs: Sequence[Row] = (),
) -> str:
    """The report as the text of an HTML file.

    recommendations, machines and health are the content of recommendations.json, machines/<machine_id>.json and
    health.json; found_out that of probes.json, and costs are the rows of costs.csv.
    """
    found = sentinels(run.plan, block_values(run.invocations, run.timings))
    warnings, checked = (health["warnings"], health["checked"]) if health else ([], [])
    told = trust.told(warnings, recommendations, run.plan.reference)
    scenarios = run.plan.scenarios
    of_scenario = {answer["scenario"]: answer for answer in recommendations}
    roles = ("candidate", "floor")
    return _environment().get_template("page.html.jinja").render(
        run=run,
        plan=run.plan,
        css=Markup((HERE / "style.css").read_text(encoding="utf-8")),  # nosec B704 # our own file
        caution=answers.caution(recommendations),
        in_short=answers.in_short(recommendations),
        answers=[(scenario, of_scenario[scenario.id]) for scenario in scenarios if scenario.id in of_scenario],
        split=_split(run),
        snippets=answers.snippets(recommendations, scenarios, _sizes(run)),
        pictures=pictures,
        rankings=[(scenario, run.rows(scenario, *roles)) for scenario in scenarios[:MOST_PANELS]],
        phases=[(scenario, _phases(run, scenario)) for scenario in scenarios[:MOST_PANELS]],
        phase_names=list(PHASES),
        scenarios_left=max(0, len(scenarios) - MOST_PANELS),
        failures=trust.failures(run),
        failed_jobs=trust.failed_jobs(run),
        statuses=trust.statuses(run),
        status_meanings=STATUSES,
        told=told,
        most_elsewhere=trust.MOST_ELSEWHERE,
        checked_said=trust.checked_said(checked),
        sentinels=found,
        sentinels_said=trust.sentinels_said(found, any(each["code"] == "unstable" for each in told.of_the_run)),
        disturbances=trust.disturbances(run),
        machines=[(machine, environment.facts(machine), environment.warnings(machine)) for machine in machines],
        experiments=article.beside(run, deadlock, machines),
        hangs=article.hangs(deadlock),
        article_python=article.ARTICLE_PYTHON,
        pythons=article.pythons(run),
        hosts=_seen(run, "host"),
        machine_ids=_seen(run, "machine_id"),
        environment_ids=_seen(run, "environment_id"),
        campaigns=_seen(run, "campaign"),
        began=moment(min(_seen(run, "started_at"), default="")),
        ended=moment(max(_seen(run, "ended_at"), default="")),
        patterns={scenario.pattern: PATTERNS[scenario.pattern].about for scenario in scenarios},
        tasks={scenario.task: TASKS.get(scenario.task, "your own function") for scenario in scenarios},
        found_out=[(entry, sorted(entry.findings, key=lambda each: -LEVELS.index(each.level))) for entry in found_out],
        costs=costing.groups(costs),
        break_evens=costing.break_evens(
            costs, {run.plan.reference, *(answer["recommended"] for answer in recommendations)}
        ),
        contention_said=costing.contention_said(costs),
        sure_blocks=SURE_BLOCKS,
        files=FILES,
    )  # fmt: skip
