"""Whether the hosts that measured a run agree about its answer. Alike ones may be cooled or set up otherwise."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Final, NamedTuple

from handoff.health.material import HealthWarning, Key, Material, job_of, warning
from handoff.scenarios import Scenario
from handoff.words import ratio

LEAST: Final = 2
"""Blocks of a host: with one alone, what is fastest there may be chance."""

SURE: Final = 6
"""Blocks of each of two hosts, all of one mind. Of two ways named beforehand chance makes both hosts so once in 4096
times; here the ways are those that came out fastest, so it is more often."""

Times = Mapping[str, Mapping[Key, float]]
"""Of one scenario: candidate -> its logarithms of seconds by block."""


class _Disagreement(NamedTuple):
    """Two hosts, what is fastest on each, and by how much in each block over the other host's choice (log ratios)."""

    hosts: tuple[str, str]
    fastest: tuple[str, str]
    ahead: tuple[list[float], list[float]]

    @property
    def distance(self) -> float:
        return min(map(median, self.ahead))

    @property
    def sure(self) -> bool:
        return all(len(each) >= SURE and min(each) > 0 for each in self.ahead)


def _ahead(times: Times, keys: set[Key], mine: str, other: str) -> list[float]:
    return [times[other][key] - times[mine][key] for key in sorted(keys & times[mine].keys() & times[other].keys())]


def _disagreements(times: Times, blocks: Mapping[str, set[Key]], zone: float) -> Iterator[_Disagreement]:
    fastest = {}
    for host, keys in blocks.items():
        of_host = {name: [logs[key] for key in keys & logs.keys()] for name, logs in times.items()}
        medians = {name: median(found) for name, found in of_host.items() if len(found) >= LEAST}
        if medians:
            fastest[host] = min(medians, key=lambda name: (medians[name], name))
    for one, other in itertools.combinations(sorted(fastest), 2):
        mine, theirs = fastest[one], fastest[other]
        ahead = _ahead(times, blocks[one], mine, theirs), _ahead(times, blocks[other], theirs, mine)
        if mine != theirs and all(each and median(each) > math.log1p(zone) for each in ahead):
            yield _Disagreement((one, other), (mine, theirs), ahead)


def hosts(of: Material) -> list[HealthWarning] | None:
    """What is fastest on one host is slower on another by more than the tie zone, and the other way round."""
    blocks: defaultdict[str, defaultdict[str, set[Key]]] = defaultdict(lambda: defaultdict(set))
    for row in of.invocations:
        blocks[str(row["kind"])][str(row.get("host", ""))].add(job_of(row).key)
    several = {kind: found for kind, named in blocks.items() if len(found := _seen_enough(named)) > 1}
    if not several:
        return None
    times: defaultdict[Scenario, dict[str, Mapping[Key, float]]] = defaultdict(dict)
    for scenario, strategy, logs in of.candidates(LEAST):
        times[scenario][strategy] = logs
    warnings = []
    for scenario, candidates in times.items():
        named = several.get(scenario.payload.kind, {})
        disagreements = list(_disagreements(candidates, named, of.plan.tie_zone))
        if disagreements:
            warnings.append(_said(scenario, max(disagreements, key=lambda each: (each.sure, each.distance))))
    return warnings


def _seen_enough(named: Mapping[str, set[Key]]) -> dict[str, set[Key]]:
    return {host: keys for host, keys in named.items() if len(keys) >= LEAST}


def _said(scenario: Scenario, of: _Disagreement) -> HealthWarning:
    parts = [
        f"on {host}, {mine} is fastest and {theirs} takes {ratio(math.exp(median(ahead)))} times as long"
        for host, mine, theirs, ahead in zip(of.hosts, of.fastest, reversed(of.fastest), of.ahead, strict=True)
    ]
    return warning(
        "hosts",
        f"Two hosts do not agree: {'; '.join(parts)}.",
        "They are of one kind by processor, memory and kernel, and differ in something else.",
        "Measure each under a run name of its own (a nodelist, or a constraint), and compare the runs: "
        "docs/comparing-runs.md.",
        sure=of.sure, scenario=scenario,
    )  # fmt: skip
