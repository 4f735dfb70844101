"""How the blocks of one strategy lie: a slow first one, two groups, a wide spread and where it comes from."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median, stdev
from typing import Final, NamedTuple

from handoff import statistics
from handoff.health import series
from handoff.health.material import BY_CHANCE, MATTERS, HealthWarning, Key, Logs, Material, warning
from handoff.records import Row
from handoff.scenarios import Scenario
from handoff.words import counted, number, percent, seconds

SLOW: Final = math.log(1.25)
"""A first block that is less than a quarter above the others is nothing to speak of. Of five others the outer fence is
no more than a rough guess: one first block in twenty lies above it by chance."""

WIDE_SPREAD: Final = 0.1
"""Standard deviation of log block values. pyperf, too, calls a benchmark unstable from 10 % of the mean on."""

EXPLAINS_RHO: Final = 0.7
"""From there on a column goes with half of the variation, by ranks."""


def slow_first(of: Material) -> list[HealthWarning] | None:
    """A strategy's first block is far above all others."""
    looked_at = list(of.candidates(statistics.MIN_BLOCKS))
    warnings = []
    for scenario, strategy, logs in looked_at:
        first, *others = logs.values()
        usual = median(others)
        if first > series.outer_fence(others) and first - usual > SLOW:
            warnings.append(warning(
                "slow_first",
                f"The first block of {strategy} took {seconds(math.exp(first))}, the others {seconds(math.exp(usual))} "
                "at the median.",
                "Cold caches: files that were not in memory yet, a processor at rest.",
                "Nothing needed: one block hardly moves a median. To be rid of it, run make quick before.",
                sure=False, scenario=scenario, strategy=strategy, keys=list(logs)[:1],
            ))  # fmt: skip
    return warnings if looked_at else None


def modality(of: Material) -> list[HealthWarning] | None:
    """A strategy's blocks fall into two groups with nothing between them."""
    looked_at = list(of.candidates(statistics.SURE_BLOCKS))
    warnings = []
    for scenario, strategy, logs in looked_at:
        two = series.modes(list(logs.values()))
        if two and two.high - two.low > MATTERS:
            warnings.append(warning(
                "modality",
                f"{strategy} has two modes: about {seconds(math.exp(two.low))} in {counted(two.below, 'block')} and "
                f"about {seconds(math.exp(two.high))} in {len(logs) - two.below}.",
                "The machine, or the memory that it got, was in one of two states: huge pages or none, one core's "
                "cache or two, a fast clock or a slow one.",
                "Expect both times: a median between them is nobody's time. The ranking shows every block as a stroke.",
                sure=False, scenario=scenario, strategy=strategy,
            ))  # fmt: skip
    return warnings if looked_at else None


class Source(NamedTuple):
    """What a spread may come from: columns of a table, and what it means if the times go with them."""

    said: str
    columns: tuple[str, ...]
    """Several are added up."""
    cause: str
    remedy: str


_QUIET: Final = "Make the machine quiet (make doctor), or raise blocks."
_VARIES: Final = "It is part of the cost, and it varies. Raise blocks."

OF_TRANSFERS: Final = (
    Source("page faults", ("minor_faults",),
           "Sometimes the memory was there already, sometimes it had to be mapped.", _VARIES),
    Source("page faults that wait for a disk", ("major_faults",), "Files were not always in memory.",
           "Free memory, or use smaller payloads."),
    Source("memory in huge pages", ("huge_pages",), "The kernel did not always have huge pages to give.", _VARIES),
)  # fmt: skip
"""Columns of timings.csv."""

OF_JOBS: Final = (
    Source("time that the hypervisor took", ("steal_s",), "The virtual machine's host was busy.",
           "Measure when the host is quiet."),
    Source("what other programs used", ("others_cpu_s",), "Other programs took cores, caches and memory's speed.",
           "Close them."),
    Source("waiting for a core", ("cpu_pressure",), "More tasks wanted a core than there are.", _QUIET),
    Source("the load before the job", ("load_before",), "Something had been going on before, and still was.", _QUIET),
)  # fmt: skip
"""Columns of invocations.csv."""

PROCESSOR: Final = Source(
    "processor time", ("cpu_sender_s", "cpu_workers_s"),
    "It computed and copied more slowly, rather than waited: caches, memory's speed, the clock.", _QUIET,
)  # fmt: skip
"""Of timings.csv. It is part of the time itself, so it is named only where nothing that lies behind it is."""

_UNKNOWN: Final = Source("", (), "Not known.", _QUIET)


def _by_block(rows: Iterable[tuple[Key, Row]], columns: Sequence[str]) -> dict[Key, float]:
    """Each block's median of the columns' sum, as far as the table has them."""
    values: dict[Key, list[float]] = defaultdict(list)
    for key, row in rows:
        known = [value for column in columns if (value := number(row, column)) is not None]
        if known:
            values[key].append(sum(known))
    return {key: median(those) for key, those in values.items()}


def explanation(logs: Logs, columns: Mapping[Source, Mapping[Key, float]]) -> tuple[Source, float] | None:
    """What the values go with most clearly, and the rank correlation; None if there is nothing.

    It has to be no chance finding as one of all these (Holm).
    """
    found: dict[Source, series.Correlation] = {}
    for source, values in columns.items():
        both = [key for key in logs if key in values]
        if len(both) >= statistics.MIN_BLOCKS:
            together = series.correlation([values[key] for key in both], [logs[key] for key in both])
            found |= {source: together} if together else {}
    adjusted = statistics.holm([each.p for each in found.values()])
    clear = [
        (source, each.rho) for (source, each), p in zip(found.items(), adjusted, strict=True)
        if abs(each.rho) >= EXPLAINS_RHO and p < BY_CHANCE
    ]  # fmt: skip
    return max(clear, key=lambda pair: abs(pair[1]), default=None)


def _source(of: Material, scenario: Scenario, strategy: str, logs: Logs) -> tuple[Source, str]:
    """What the spread of these values comes from, and that as a clause."""
    transfers, jobs = of.transfers[scenario.id, strategy], of.jobs[scenario.payload.kind, strategy]
    columns = {source: _by_block(transfers, source.columns) for source in OF_TRANSFERS}
    columns |= {source: _by_block(jobs, source.columns) for source in OF_JOBS}
    processor = {PROCESSOR: _by_block(transfers, PROCESSOR.columns)}
    if (found := explanation(logs, columns) or explanation(logs, processor)) is None:
        return _UNKNOWN, "none of the recorded columns explains it"
    source, rho = found
    return source, f"its times go {'with' if rho > 0 else 'against'} {source.said} (rank correlation {rho:.2f})"


def spread(of: Material) -> list[HealthWarning] | None:
    """A strategy's blocks differ widely; a warning where its verdict is unclear, since that may be the reason."""
    zone = math.log1p(of.plan.tie_zone)
    looked_at = list(of.candidates(statistics.MIN_BLOCKS))
    warnings = []
    for scenario, strategy, logs in looked_at:
        deviation = stdev(logs.values())
        if deviation < WIDE_SPREAD:
            continue
        source, clause = _source(of, scenario, strategy, logs)
        ratios = of.against_reference(scenario, strategy)
        enough = statistics.signed_rank_rank(len(ratios), of.plan.level) is not None
        unclear = enough and statistics.verdict(ratios, zone, of.plan.level) == "unclear"
        hindered = unclear and strategy != of.plan.reference
        warnings.append(warning(
            "spread",
            f"The times of {strategy} spread by {percent(deviation, 2)} from block to block; {clause}."
            + (f" Its verdict is unclear; {_until_clear(ratios, zone, of.plan.level)}." if hindered else ""),
            source.cause, source.remedy, sure=hindered, scenario=scenario, strategy=strategy,
        ))  # fmt: skip
    return warnings if looked_at else None


def _until_clear(log_ratios: Sequence[float], zone: float, level: float) -> str:
    """How many more blocks would decide its verdict, as a clause."""
    more = statistics.more_blocks(log_ratios, zone, level)
    if more > statistics.MANY_BLOCKS:
        return f"it would take more than {statistics.MANY_BLOCKS} more blocks"
    return f"about {counted(math.ceil(more), 'more block')} would decide it"
