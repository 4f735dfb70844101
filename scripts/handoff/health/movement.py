"""What moved from block to block: the reference's times as a series.

Ratios are taken inside blocks, so what moves slowly touches both sides alike. It blurs times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from handoff import statistics
from handoff.health import series
from handoff.health.material import BY_CHANCE, MATTERS, HealthWarning, Material, warning
from handoff.scenarios import Scenario
from handoff.words import counted, ratio

DRIFT_RHO: Final = 0.5
"""A weaker correlation does not order the blocks by time, however many of them prove it."""

STEP_P: Final = 0.01
"""A step is looked for behind every block, and what follows is a strong statement. Ten blocks can just reach it."""

TOGETHER: Final = 0.5
"""If so many of the scenarios step at one place, it is the machine that did. By chance half of them step, wherever, in
2 % of the runs at most, however much they share: twice STEP_P (Markov's inequality)."""

MEMORY: Final = 0.4
"""From this lag-1 autocorrelation on, ten blocks are worth fewer than five."""

_AGAIN: Final = (
    "Ratios hardly feel it, times in seconds do. If you need those, let the machine come to rest and measure again "
    "under another run name."
)

_JUMP: Final = "Something changed between two blocks: a program began or ended, memory filled up, the clock fell."


def _sure(p_values: Mapping[Scenario, float]) -> set[Scenario]:
    """Those that are no chance finding as one of all that were looked at (Holm)."""
    adjusted = statistics.holm(list(p_values.values()))
    return {scenario for scenario, p in zip(p_values, adjusted, strict=True) if p < BY_CHANCE}


def _times_as_long(change: float) -> str:
    return f"{ratio(math.exp(change))} times as long"


def _all_at_once(
    of: Material, steps: Sequence[tuple[int, float, HealthWarning]], looked_at: int
) -> list[HealthWarning]:
    """One warning about the run if many of its scenarios step at one place; `steps` by first block after it.

    Two scenarios or more: in ten blocks no step can be sure as one of several, since the clearest of all has a p of
    0.008. Kinds are measured one after another, so that one of them may be a block ahead.
    """
    at: list[list[tuple[int, float, HealthWarning]]] = [
        [each for each in steps if each[0] in (block, block + 1)] for block in sorted({each[0] for each in steps})
    ]
    most = max(at, key=len, default=[])
    if len(most) < 2 or len(most) < TOGETHER * looked_at:
        return []
    first, factors = min(block for block, _, _ in most), sorted(math.exp(change) for _, change, _ in most)
    said = " to ".join(dict.fromkeys((ratio(factors[0]), ratio(factors[-1]))))
    run = warning(
        "step",
        f"From about block {first} on, {of.plan.reference} took {said} times as long as before in {len(most)} of "
        f"{counted(looked_at, 'scenario')}.",
        _JUMP, _AGAIN, sure=True,
    )  # fmt: skip
    run["blocks"] = list(dict.fromkeys(name for _, _, own in most for name in own["blocks"]))
    return [run]


def step(of: Material) -> list[HealthWarning] | None:
    """The reference jumps to another level, and two levels describe its times better than a line."""
    looked_at = of.references(statistics.SURE_BLOCKS)
    found = {scenario: series.step(list(logs.values())) for scenario, logs in looked_at.items()}
    sure = _sure({scenario: each.p for scenario, each in found.items()})
    steps = []
    for scenario, each in found.items():
        line = series.trend(list(looked_at[scenario].values()))
        if each.p < STEP_P and abs(each.change) > MATTERS and line and each.misfit <= line.misfit:
            keys = list(looked_at[scenario])[each.after :]
            own = warning(
                "step",
                f"From block {keys[0][1]} on, {of.plan.reference} took {_times_as_long(each.change)} as in the "
                f"{counted(each.after, 'block')} before (p {each.p:.2g}).",
                _JUMP, _AGAIN,
                sure=scenario in sure, scenario=scenario, strategy=of.plan.reference, keys=keys,
            )  # fmt: skip
            steps.append((keys[0][1], each.change, own))
    return _all_at_once(of, steps, len(looked_at)) + [own for _, _, own in steps] if looked_at else None


def drift(of: Material) -> list[HealthWarning] | None:
    """The reference becomes slower, or faster, from block to block."""
    looked_at = of.references(statistics.MIN_BLOCKS)
    trends = {scenario: series.trend(list(logs.values())) for scenario, logs in looked_at.items()}
    found = {scenario: trend for scenario, trend in trends.items() if trend}
    sure = _sure({scenario: trend.p for scenario, trend in found.items()})
    warnings = [
        warning(
            "drift",
            f"{of.plan.reference} took {_times_as_long(trend.change)} at the end of "
            f"{len(looked_at[scenario])} blocks as at their beginning (rank correlation with time {trend.rho:.2f}).",
            "The machine changed meanwhile: a processor that grew warm, memory that filled up, another program.",
            _AGAIN,
            sure=scenario in sure, scenario=scenario, strategy=of.plan.reference,
        )
        for scenario, trend in found.items()
        if abs(trend.rho) > DRIFT_RHO and trend.p < BY_CHANCE and abs(trend.change) > MATTERS
    ]  # fmt: skip
    return warnings if looked_at else None


def autocorrelation(of: Material) -> list[HealthWarning] | None:
    """A block of the reference takes after the one before, so that all of them are worth fewer."""
    looked_at = of.references(statistics.SURE_BLOCKS)
    warnings = []
    for scenario, logs in looked_at.items():
        lag = series.lag_one(list(logs.values()))
        if lag > MEMORY:
            worth = series.effective_number(len(logs), lag)
            warnings.append(warning(
                "autocorrelation",
                f"A block of {of.plan.reference} takes after the one before (lag-1 autocorrelation {lag:.2f}): "
                f"{len(logs)} blocks tell as much about its time as {worth:.1f} independent ones.",
                "What slows this machine down lasts longer than a block.",
                "Read the intervals of times as wider than they say; ratios hardly feel it. Raise blocks, and go on at "
                "another hour.",
                sure=False, scenario=scenario, strategy=of.plan.reference,
            ))  # fmt: skip
    return warnings if looked_at else None
