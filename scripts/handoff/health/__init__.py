"""How sound a run is: what is wrong with it, each as a warning with its figures, its cause and its remedy.

A note may be chance, or changes no answer. A warning is more than chance with all the places in view that were looked
at, or stands in the way of an answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict, cast

from handoff.health.hosts import hosts
from handoff.health.interference import disturbed, frequency
from handoff.health.material import Check, HealthWarning, Material
from handoff.health.movement import autocorrelation, drift, step
from handoff.health.scatter import modality, slow_first, spread
from handoff.health.twice import unstable
from handoff.records import SCHEMA_VERSION, Row, read_json
from handoff.scenarios import Plan
from handoff.shapes import of_shape
from handoff.words import counted

CHECKS: Final[Mapping[str, tuple[Check, str]]] = {
    "unstable": (unstable, "the same thing measured twice differs"),
    "disturbed": (disturbed, "something else was going on"),
    "frequency": (frequency, "the processor's clock varied"),
    "step": (step, "times jump"),
    "drift": (drift, "times drift"),
    "autocorrelation": (autocorrelation, "blocks take after the one before"),
    "slow_first": (slow_first, "the first block was slow"),
    "modality": (modality, "times have two modes"),
    "spread": (spread, "times spread widely"),
    "hosts": (hosts, "hosts disagree about the fastest"),
}
"""Code of a warning -> the check that gives it, and what it finds in a few words; in the order of the report."""

SAME_THING: Final[Mapping[str, Sequence[str]]] = {
    "step": ("drift", "autocorrelation", "slow_first", "modality"),
    "drift": ("autocorrelation",),
}
"""What else a finding looks like: a step is a drift, too, and two modes, of the same strategy."""


class Health(TypedDict):
    """What health.json holds."""

    schema_version: str
    warnings: list[HealthWarning]
    """Gravest first."""
    checked: list[str]
    """The checks that could be made."""
    in_short: str
    """Of in_short's."""


def read_health(path: Path) -> Health:
    """What a health.json holds.

    Raises:
        BadTable: it is missing or damaged.
    """
    return cast(Health, read_json(path, of_shape(Health)))


def _said_once(warnings: Sequence[HealthWarning]) -> list[HealthWarning]:
    """Without those that another one of the same scenario and strategy explains, and that are no graver than it.

    What is a warning about the run is as grave in each of its scenarios.
    """
    of_the_run = {each["code"] for each in warnings if not each["scenario"] and each["severity"] == "warning"}
    explained = {
        (each["scenario"], each["strategy"], code, severity)
        for each in warnings
        for code in SAME_THING.get(each["code"], ())
        for severity in ("note", "warning" if each["code"] in of_the_run else each["severity"])
    }
    return [
        each for each in warnings
        if (each["scenario"], each["strategy"], each["code"], each["severity"]) not in explained
    ]  # fmt: skip


def in_short(warnings: Iterable[Mapping[str, Any]]) -> str:
    """'3 warnings about this run: times drift (2), times spread widely; see the report'; '' if there is none.

    One line for a terminal. Notes are not counted.
    """
    counts = Counter(str(each["code"]) for each in warnings if each["severity"] == "warning")
    if not counts:
        return ""
    found = [(said, counts[code]) for code, (_, said) in CHECKS.items() if counts[code]]
    named = ", ".join(f"{said} ({count})" if count > 1 else said for said, count in found)
    return f"{counted(counts.total(), 'warning')} about this run: {named}; see the report"


def examine(plan: Plan, invocations: Sequence[Row], timings: Sequence[Row]) -> Health:
    """What health.json holds.

    Raises:
        BadTable: the tables are not of one run.
    """
    of = Material(plan, invocations, timings)
    found = {code: warnings for code, (check, _) in CHECKS.items() if (warnings := check(of)) is not None}
    warnings = _said_once([each for those in found.values() for each in those])
    return {
        "schema_version": SCHEMA_VERSION,
        "warnings": sorted(warnings, key=lambda each: each["severity"] != "warning"),
        "checked": list(found),
        "in_short": in_short(warnings),
    }
