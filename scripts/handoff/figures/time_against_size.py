"""Time against size: for each kind, task, pattern and worker count with two sizes or more."""

from __future__ import annotations

from handoff.costs import but_size
from handoff.figures.curve_groups import below_said, family_said
from handoff.figures.drawing import Drawing, nothing
from handoff.figures.lines import Panel, draw_panels, has_times
from handoff.figures.run import Run
from handoff.scenarios import Scenario, format_size


def _families(run: Run) -> list[list[Scenario]]:
    """Scenarios that differ in size alone, smallest first; those with one size are left out."""
    families: dict[tuple[object, ...], list[Scenario]] = {}
    for scenario in run.plan.scenarios:
        if scenario.payload.size and run.rows(scenario, "candidate"):
            families.setdefault(but_size(scenario), []).append(scenario)
    grown = [sorted(family, key=lambda scenario: scenario.payload.size) for family in families.values()]
    return [family for family in grown if len({scenario.payload.size for scenario in family}) >= 2]


def draw(run: Run) -> Drawing:
    """One panel for every family of scenarios that differ in size alone."""
    families = [family for family in _families(run) if has_times(run, family)]
    if not families:
        return nothing("No line to draw: no kind, task, pattern and worker count was measured with two sizes or more.")
    panels = [
        Panel(
            family_said(family[0]),
            below_said(family[0]),
            "size of one payload",
            "payload, bytes",
            {each.payload.size: each for each in family},
        )
        for family in families
    ]
    caption = (
        f"Median time of one transfer against the payload's size, both logarithmic, over {run.blocks_said}. "
        f"Bands are the medians' intervals. {run.interval_said} "
        "Between the measured sizes the lines are a guide, not a measurement. Dashed grey: the floors, for one task "
        "alone. Sizes at which a strategy failed or ran out of time stand beside its name. "
        "Not shown: strategies that cannot carry this payload, scenarios of a single size, first transfers."
    )
    return draw_panels(run, panels, format_size, caption)
