"""What the folder of a finished run holds, and what makes two finished runs unlike.

Times are compared as equals only if the machine, the environment and what was measured are equal. What is not is
named key by key, so that a reader can decide whether to compare all the same.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypedDict

from handoff import statistics
from handoff.machine import read_machine
from handoff.records import BadTable, Row, read_json
from handoff.scenarios import Plan, Scenario
from handoff.shapes import of_shape
from handoff.summaries import BlockValues, block_values
from handoff.tables import read_measurements, read_summary

Pair: TypeAlias = tuple[str, str]
"""A scenario and a strategy."""

NEEDED: Final = ("plan.json", "invocations.csv", "timings.csv", "summary.csv", "recommendations.json")

OF_THE_MACHINE: Final = ("hardware", "kernel", "limits")
OF_THE_ENVIRONMENT: Final = ("python", "packages")
"""Groups of facts in machines/<machine_id>.json."""

PASSING: Final = frozenset({
    "kernel.boot", "limits.memory_available_bytes", "limits.cgroup_memory_left_bytes", "limits.dev_shm_free_bytes",
})  # fmt: skip
"""Facts that hold for one moment only."""

ACROSS: Final = ("machines", "environments")
"""What may differ if the user says so. Another config means other scenarios, and no option compares those."""


class CannotCompare(Exception):
    """Two runs that say nothing about each other: what differs, a line each, and what to do."""


# Reading a run.


@dataclass(frozen=True)
class Results:
    """A finished run, as far as it is compared."""

    folder: Path
    plan: Plan
    invocations: Sequence[Row]
    values: BlockValues
    rows: Mapping[Pair, Row]
    """Rows of summary.csv, without sentinels: these are their twins a second time."""
    answers: Mapping[str, Mapping[str, Any]]
    """Scenario -> its recommendation."""
    machines: Mapping[str, Mapping[str, Any]]
    """machine_id -> its description."""

    @property
    def scenarios(self) -> dict[str, Scenario]:
        return {scenario.id: scenario for scenario in self.plan.scenarios}

    def ids(self, column: str, kind: str = "") -> set[str]:
        """The values of a column of invocations.csv, of one payload kind or of all."""
        return {str(row[column]) for row in self.invocations if kind in ("", row["kind"])}

    def facts(self, groups: Collection[str]) -> dict[str, str]:
        """The lasting facts of those groups in the machine's description; none if there is no description."""
        machine = next((self.machines[name] for name in sorted(self.ids("machine_id")) if name in self.machines), {})
        chosen = {group: machine[group] for group in groups if group in machine}
        return {key: value for key, value in flat(chosen) if key not in PASSING}

    def outcome(self, pair: Pair) -> str:
        """'ok', or why its times are missing or cannot be believed."""
        row = self.rows[pair]
        return "below_floor" if "below_floor" in str(row["flags"]).split() else str(row["status"])

    def logs(self, pair: Pair) -> list[float]:
        """The logarithm of each block's time."""
        return [math.log(value) for value in self.values.get(pair, {}).values()]

    def log_ratios(self, pair: Pair, against: str) -> list[float]:
        """To another strategy of the same scenario, paired by block; none to itself."""
        if pair[1] == against:
            return []
        return statistics.paired_log_ratios(self.values.get(pair, {}), self.values.get((pair[0], against), {}))


def flat(facts: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts as ('hardware.cores', '2'), in their order."""
    if not isinstance(facts, Mapping | list | tuple):
        yield key, "none" if facts is None or facts == "" else str(facts)
        return
    for name, part in facts.items() if isinstance(facts, Mapping) else enumerate(facts):
        yield from flat(part, f"{key}.{name}" if key else str(name))


class Answer(TypedDict):
    """What is compared of an entry of recommendations.json."""

    scenario: str
    recommended: str
    confidence: str


def read_results(folder: Path) -> Results:
    """The results of the run in that folder.

    Raises:
        BadTable: the folder or a file of it is missing or damaged.
    """
    if not folder.is_dir():
        raise BadTable(f"{folder}: there is no such folder; give the folder of a run, as results/default")
    if missing := [name for name in NEEDED if not (folder / name).is_file()]:
        raise BadTable(f"{folder}: no {' and no '.join(missing)}; only a finished run with all its tables is compared")
    plan, invocations, timings = read_measurements(
        folder / "plan.json", folder / "invocations.csv", folder / "timings.csv"
    )
    answers = read_json(folder / "recommendations.json", of_shape(list[Answer]))
    machines = {path.stem: read_machine(path) for path in sorted(folder.glob("machines/*.json"))}
    return Results(
        folder, plan, invocations, block_values(invocations, timings),
        {
            (str(row["scenario"]), str(row["strategy"])): row
            for row in read_summary(folder / "summary.csv", plan) if row["role"] != "sentinel"
        },
        {entry["scenario"]: {key: entry[key] for key in ("recommended", "confidence")} for entry in answers},
        machines,
    )  # fmt: skip


# What differs beside the times.


@dataclass(frozen=True)
class Difference:
    """Something that makes two runs unlike."""

    what: str
    """'config', or one of ACROSS."""
    said: str


def _unlike(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Keys whose values differ, with both: 'hardware.cores: 2 against 4'."""
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [f"{key}: {before.get(key, 'not there')} against {after.get(key, 'not there')}" for key in keys]


def _facts(before: Results, after: Results, groups: Collection[str]) -> list[str]:
    for run in (before, after):
        if not run.facts(groups):
            return [f"{run.folder / 'machines'} has no description of it"]
    return _unlike(before.facts(groups), after.facts(groups))


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)) or "none"


def _definition(scenario: Scenario) -> dict[str, str]:
    """What was measured. A user's file is known by its name: it may lie elsewhere on another machine."""
    return dict(flat(scenario.to_json())) | {"payload.path": Path(scenario.payload.path).name}


def _of_the_config(before: Results, after: Results) -> Iterator[str]:
    if before.plan.reference != after.plan.reference:
        yield f"reference: {before.plan.reference} against {after.plan.reference}"
    for name, scenario in before.scenarios.items():
        if name in after.scenarios:
            unlike = _unlike(_definition(scenario), _definition(after.scenarios[name]))
            yield from (f"scenario {name}: {text}" for text in unlike)


def _of_the_machine(before: Results, after: Results) -> Iterator[str]:
    ids = before.ids("machine_id"), after.ids("machine_id")
    if ids[0] != ids[1]:
        yield f"machine_id: {_listed(ids[0])} against {_listed(ids[1])}"
        yield from _facts(before, after, OF_THE_MACHINE) or ["what machines/ says of both is alike"]


def _of_the_environment(before: Results, after: Results) -> Iterator[str]:
    names = [
        f"environment_id of {kind}: {_listed(ids[0])} against {_listed(ids[1])}"
        for kind in before.plan.kinds if kind in after.plan.kinds
        and (ids := (before.ids("environment_id", kind), after.ids("environment_id", kind)))[0] != ids[1]
    ]  # fmt: skip
    if names:
        interpreters = [{"interpreter": _listed(run.ids("interpreter"))} for run in (before, after)]
        facts = _unlike(*interpreters) + _facts(before, after, OF_THE_ENVIRONMENT)
        yield from names
        yield from facts or ["Python and packages are alike: it is Handoff's own code, or the choice of strategies"]
    yield from _of_own_files(before, after)


def _of_own_files(before: Results, after: Results) -> Iterator[str]:
    """A plan does not say what is in a user's file; that it is another one may show in its size in memory."""
    sizes = [
        {str(row["payload"]): row["payload_bytes"] for row in run.rows.values() if row["payload_bytes"]}
        for run in (before, after)
    ]
    for name, payload in before.plan.payloads.items():
        if payload.path and all(name in known for known in sizes) and sizes[0][name] != sizes[1][name]:
            yield f"payload {name}: {sizes[0][name]} bytes in memory against {sizes[1][name]}"


def differences(before: Results, after: Results) -> list[Difference]:
    """What makes the two runs unlike, key by key."""
    return [
        *(Difference("config", said) for said in _of_the_config(before, after)),
        *(Difference("machines", said) for said in _of_the_machine(before, after)),
        *(Difference("environments", said) for said in _of_the_environment(before, after)),
    ]


def refuse(before: Results, after: Results, found: Sequence[Difference], across: Collection[str]) -> None:
    """Stop where things that are not equal would be compared as equals.

    Raises:
        CannotCompare: what differs that `across` does not allow, and the option that would.
    """
    forbidden = [difference for difference in found if difference.what not in across]
    if not forbidden:
        return
    kinds = {difference.what for difference in forbidden}
    options = " ".join(f"--across {what}" for what in ACROSS if what in kinds)
    remedy = (
        "No option allows another config: measure one of the two again with the config of the other."
        if "config" in kinds
        else f"To compare them all the same: {options}"
    )
    said = "".join(f"  {difference.said}\n" for difference in forbidden)
    raise CannotCompare(f"{before.folder} and {after.folder} are not equals:\n{said}{remedy}")


def remarks(before: Results, after: Results) -> Iterator[str]:
    """What differs and forbids nothing, in sentences."""
    hosts = before.ids("host"), after.ids("host")
    if hosts[0] != hosts[1]:
        yield f"Measured on different hosts: {_listed(hosts[0])}, then {_listed(hosts[1])}."
    if before.ids("machine_id") == after.ids("machine_id") and before.machines and after.machines:
        for text in _facts(before, after, OF_THE_MACHINE):
            yield f"The machine has the same id, but is described differently: {text}."
    for key in ("tie_zone", "needs"):
        mine, theirs = getattr(before.plan, key), getattr(after.plan, key)
        if mine != theirs:
            yield f"The recommendations rest on different configs: {key} {mine} against {theirs}."
