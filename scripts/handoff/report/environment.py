"""A machine's description as tables of two columns, whatever its keys are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handoff.words import NONE, seconds, size


@dataclass(frozen=True)
class Facts:
    """One group of facts: its heading, and names with values."""

    heading: str
    lines: list[tuple[str, str]]


def said(key: str, value: Any) -> str:
    """A value of machines/<machine_id>.json in words; the key's ending tells its unit."""
    if value is None or value == "" or value == []:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if key.endswith("_bytes"):
            return size(value)
        return (
            seconds(value)
            if key.endswith("_s")
            else f"{value:,}"
            if isinstance(value, int) and value >= 10_000
            else f"{value}"
        )
    return ", ".join(said(key, part) for part in value) if isinstance(value, list) else str(value)


def _name(key: str) -> str:
    return key.removesuffix("_bytes").removesuffix("_s").replace("_", " ")


def _flat(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{_name(key)}: ")
        elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
            for place, part in enumerate(value, start=1):
                yield from _flat(part if isinstance(part, Mapping) else {key: part}, f"{before}{_name(key)} {place}: ")
        else:
            yield f"{before}{_name(key)}", said(key, value)


def facts(machine: Mapping[str, Any]) -> list[Facts]:
    """Every key of the description, the single ones first, then each group; warnings are told apart."""
    rest = {key: value for key, value in machine.items() if key != "warnings"}
    single = {key: value for key, value in rest.items() if not isinstance(value, Mapping)}
    groups = [Facts(_name(key), list(_flat(value))) for key, value in rest.items() if isinstance(value, Mapping)]
    return [group for group in (Facts("identity", list(_flat(single))), *groups) if group.lines]


def warnings(machine: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What may spoil the times on this machine, each with what helps."""
    return [(str(warning["what"]), str(warning["remedy"])) for warning in machine.get("warnings", [])]
