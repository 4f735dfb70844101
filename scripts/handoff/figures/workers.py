"""Time against workers: for each payload, task and pattern with two worker counts or more."""

from __future__ import annotations

from handoff.figures.drawing import Drawing, nothing
from handoff.figures.lines import Panel, draw_panels, has_times
from handoff.figures.run import Run, said
from handoff.scenarios import PATTERNS, Scenario
from handoff.words import counted


def _families(run: Run) -> list[dict[int, Scenario]]:
    """Scenarios that differ in their number of workers alone, by that number; those with one number are left out."""
    families: dict[tuple[object, ...], list[Scenario]] = {}
    for scenario in run.plan.scenarios:
        if run.rows(scenario, "candidate"):
            key = (scenario.payload, scenario.task, scenario.pattern, scenario.calls, scenario.cold)
            families.setdefault(key, []).append(scenario)
    grown = [sorted(family, key=lambda scenario: scenario.workers) for family in families.values()]
    return [{scenario.workers: scenario for scenario in family} for family in grown if len(family) >= 2]


def _title(scenario: Scenario) -> tuple[str, str]:
    name = scenario.payload.id
    in_flight = PATTERNS[scenario.pattern].in_flight
    title = said(scenario, f"one {name}" if in_flight else name, "each worker" if in_flight else "all workers")
    return title + (", first transfer of a cold pool" if scenario.cold else ""), f"task {scenario.task}"


def _workers(count: int) -> str:
    return counted(count, "worker")


def draw(run: Run) -> Drawing:
    """One panel for every family of scenarios that differ in their number of workers alone."""
    families = [family for family in _families(run) if has_times(run, family.values())]
    if not families:
        return nothing("No line to draw: no payload, task and pattern was measured with two worker counts or more.")
    panels = [
        Panel(*_title(next(iter(family.values()))), "workers, all at once", "workers", family) for family in families
    ]
    caption = (
        f"Median time of one transfer against the number of workers, both logarithmic, over {run.blocks_said}. "
        f"Bands are the medians' intervals. {run.interval_said} "
        "Where each worker has a payload of its own, more workers have more to do; calls over one payload are the same "
        "work for any number, so a line that falls gains from them and a level one does not. "
        "Between the measured numbers the lines are a guide. Dashed grey: the floors, for one task alone or one "
        "worker's share of the calls. Numbers at which a strategy failed or ran out of time stand beside its name. "
        "Not shown: strategies that cannot carry this payload, scenarios of a single number of workers, first "
        "transfers, how many cores there were (see the machine)."
    )
    return draw_panels(run, panels, _workers, caption)
