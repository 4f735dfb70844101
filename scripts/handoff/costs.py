"""What each way of handing over costs: the rows of costs.csv.

Latency and bandwidth from a curve over sizes, where it crosses the reference's, how long a task must be until workers
pay, and how much workers hinder each other. The numbers behind it are in cost_model.py and regression.py.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple, TypeAlias, cast

import numpy as np

from handoff import statistics
from handoff.cost_model import FEWEST_SIZES, Crossover, Estimate, Fit, Point, crossover, estimate, fit
from handoff.records import COSTS, LARGEST, SCHEMA_VERSION, Row
from handoff.regression import Sample, regress, sample
from handoff.scenarios import PATTERNS, Plan, Scenario, format_size
from handoff.strategies import Strategy
from handoff.words import counted

Blocks: TypeAlias = Mapping[tuple[str, int], float]
"""(campaign, block) -> seconds; +inf where it was cut off."""

Values: TypeAlias = Mapping[tuple[str, str], Blocks]
"""(scenario, strategy) -> its blocks."""

FEWEST_COUNTS: Final = 4
"""Of different numbers of workers, for their contention: three points lie close to many curves."""

PAYING: Final = ("send", "broadcast")
"""Patterns in which workers take tasks off the caller, who holds the payload: those with a break-even."""

MIB: Final = 2**20


@dataclass(frozen=True)
class Curve:
    """A strategy in scenarios that differ in the payload's size alone, smallest first."""

    strategy: Strategy
    scenarios: tuple[Scenario, ...]
    points: tuple[Point, ...]
    """Sizes with a median; a user's file, whose size the plan does not know, is none."""
    cut_off: tuple[int, ...]
    """Sizes at which half of the blocks or more ran into their time limit."""


class Contention(NamedTuple):
    """How a time grows with the number of workers; why not known, if it is not."""

    counts: tuple[int, ...]
    share: Estimate | None
    note: str


def but_size(scenario: Scenario) -> tuple[object, ...]:
    """What scenarios have in common that differ in the payload's size alone."""
    of_payload = (scenario.payload.kind, scenario.payload.options, scenario.payload.path)
    return (*of_payload, scenario.task, scenario.pattern, scenario.calls, scenario.workers, scenario.cold)


def curves(plan: Plan, values: Values) -> list[Curve]:
    """One for each candidate and floor and all scenarios alike but for the size, in the plan's order.

    `values` are the blocks' values as summaries.block_values gives them; a curve without any has no points.
    """
    alike: dict[tuple[object, ...], list[Scenario]] = defaultdict(list)
    for scenario in plan.scenarios:
        alike[but_size(scenario)].append(scenario)
    return [
        _curve(strategy, sorted(group, key=lambda each: each.payload.size), values)
        for group in alike.values()
        for strategy in plan.known({name for scenario in group for name in scenario.strategies})
        if strategy.role in ("candidate", "floor") and any(plan.takes_part(each, strategy) for each in group)
    ]


def _curve(strategy: Strategy, scenarios: Sequence[Scenario], values: Values) -> Curve:
    found = {each.payload.size: values.get((each.id, strategy.id), {}) for each in scenarios}
    known = [Point(size, blocks) for size, blocks in found.items() if size and blocks]
    whole = [point for point in known if math.isfinite(median(point.seconds.values()))]
    cut_off = [point.size for point in known if point not in whole]
    return Curve(strategy, tuple(scenarios), tuple(whole), tuple(cut_off))


def meeting(plan: Plan, values: Values, scenario: Scenario, strategies: tuple[Strategy, Strategy]) -> Crossover | None:
    """The size at which two strategies cost the same in scenarios that differ from this one in the size alone.

    None if they do not meet, or if a curve has too few sizes.
    """
    alike = sorted(
        (each for each in plan.scenarios if but_size(each) == but_size(scenario)), key=lambda each: each.payload.size
    )
    points = [_curve(strategy, alike, values).points for strategy in strategies]
    return crossover(*map(fit, points)) if min(map(len, points)) >= FEWEST_SIZES else None


def break_even(overheads: Blocks, workers: int) -> Estimate | None:
    """The seconds a task must take until that many workers beat the caller; None below 2 workers or without blocks.

    A transfer of W tasks takes its overhead, which is all but the task, and one task, if workers do not hinder each
    other; the caller takes W tasks: W T > overhead + T from T = overhead / (W - 1) on. `overheads` are seconds of each
    block; the interval is the exact one of their median, and infinite on both sides below 6 blocks.
    """
    if workers < 2 or not overheads:
        return None
    lengths = [max(0.0, seconds) / (workers - 1) for seconds in overheads.values()]
    interval = statistics.median_interval(lengths) or statistics.Interval(-math.inf, math.inf)
    return Estimate(median(lengths), *interval)


def contention(times: Mapping[int, Blocks], shared: bool) -> Contention:
    """The share of one worker's time that further workers cannot overlap, from the block values of each count.

    Gunther's Universal Scalability Law (Guerrilla Capacity Planning, 2007, chapter 4) with its contention term alone:
    w workers do 1 / (1 + contention (w - 1)) of what w times one worker would. With as much work for each of them the
    time is T (1 - contention + contention w); where one work is shared (`shared`), it is T ((1 - contention) / w +
    contention), Amdahl's law. More workers than cores wait for a core, which counts as contention too.
    """
    known = {count: blocks for count, blocks in sorted(times.items()) if blocks}
    counts = tuple(count for count, blocks in known.items() if math.isfinite(median(blocks.values())))
    if len(counts) < FEWEST_COUNTS:
        said = counted(len(counts), "worker count")
        return Contention(counts, None, f"contention: cannot tell from {said}, it takes {FEWEST_COUNTS}")
    data: Sample = sample([known[count] for count in counts])
    workers = np.array(counts, dtype=float)
    one = np.ones(len(workers))
    found = regress(data, np.column_stack([1 / workers, one] if shared else [one, workers]))
    of_draws = found.draws[:, 1] / np.maximum(found.draws.sum(axis=1), 1e-300)
    return Contention(counts, estimate(found.parts[1] / max(found.parts.sum(), 1e-300), of_draws), "")


def _steady(timings: Iterable[Row]) -> Iterable[Row]:
    """The transfers whose times are compared: of a cold scenario the first ones."""
    for row in timings:
        warm = 0 if str(row["scenario"]).endswith(".cold") else 1
        if row["status"] == "ok" and not row["instrumented"] and row["warm"] == warm:
            yield row


def overheads(invocations: Iterable[Row], timings: Iterable[Row]) -> Values:
    """Of each scenario, strategy and block the median of total_s - task_s, in seconds."""
    campaigns = {str(row["invocation"]): str(row["campaign"]) for row in invocations}
    found: dict[tuple[str, str], dict[tuple[str, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in _steady(timings):
        if row["total_s"] is not None and row["task_s"] is not None:
            block = campaigns.get(str(row["invocation"]), ""), cast(int, row["block"])
            beside = cast(float, row["total_s"]) - cast(float, row["task_s"])
            found[str(row["scenario"]), str(row["strategy"])][block].append(beside)
    return {pair: {key: median(each) for key, each in sorted(blocks.items())} for pair, blocks in found.items()}


def faults(plan: Plan, timings: Iterable[Row]) -> dict[tuple[str, str], tuple[float, float]]:
    """Of each scenario and strategy, in all steady transfers: minor page faults, and MiB of payload in flight."""
    in_flight = {each.id: each.workers if PATTERNS[each.pattern].in_flight else 1 for each in plan.scenarios}
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for row in _steady(timings):
        size = cast(int, row["payload_bytes"] or 0)
        if row["minor_faults"] is not None and size > 0:
            pair = str(row["scenario"]), str(row["strategy"])
            number, mib = found.get(pair, (0.0, 0.0))
            found[pair] = number + cast(int, row["minor_faults"]), mib + size * in_flight[pair[0]] / MIB
    return found


def rows(
    plan: Plan,
    values: Values,
    caches: Sequence[int] = (),
    beside: Values | None = None,
    page_faults: Mapping[tuple[str, str], tuple[float, float]] | None = None,
) -> list[Row]:
    """The rows of costs.csv, one a curve.

    `caches` are the machine's, in bytes; `beside` has overheads(), and `page_faults` has faults().
    """
    found = curves(plan, values)
    fits = {id(curve): fit(curve.points, caches) for curve in found if len(curve.points) >= FEWEST_SIZES}
    references = {
        but_size(curve.scenarios[0]): fits[id(curve)]
        for curve in found
        if curve.strategy.id == plan.reference and id(curve) in fits
    }
    by_workers = _by_workers(found, values)
    return [
        _row(
            plan, curve, fits.get(id(curve)), references.get(but_size(curve.scenarios[0])),
            contention(by_workers[_but_workers(curve)], _shared(curve)), beside or {}, page_faults or {},
        )
        for curve in found
    ]  # fmt: skip


def _shared(curve: Curve) -> bool:
    """Whether its workers share one work, instead of doing as much each."""
    pattern = PATTERNS[curve.scenarios[0].pattern]
    return pattern.payloads == "parts" or pattern.calls


def _but_workers(curve: Curve) -> tuple[object, ...]:
    """Its largest payload, and all else that does not depend on the number of workers."""
    last = curve.scenarios[-1]
    return curve.strategy.id, last.payload, last.task, last.pattern, last.calls, last.cold


def _by_workers(found: Iterable[Curve], values: Values) -> Mapping[tuple[object, ...], dict[int, Blocks]]:
    times: dict[tuple[object, ...], dict[int, Blocks]] = defaultdict(dict)
    for curve in found:
        last = curve.scenarios[-1]
        times[_but_workers(curve)][last.workers] = values.get((last.id, curve.strategy.id), {})
    return times


def _known(value: float | None) -> float | None:
    """The value, unless it is larger than anything that is measured here: bytes that cost nothing have no bandwidth."""
    return value if value is not None and abs(value) <= LARGEST else None


def _cells(found: Estimate | None, name: str, low: str, high: str) -> Row:
    """A value and its interval; an end that nobody knows is an empty cell."""
    ends = found or (None, None, None)
    return {column: _known(value) for column, value in zip((name, low, high), ends, strict=True)}


def _row(plan: Plan, curve: Curve, found: Fit | None, reference: Fit | None, hindered: Contention,
         beside: Values, page_faults: Mapping[tuple[str, str], tuple[float, float]]) -> Row:  # fmt: skip
    first, strategy = curve.scenarios[0], curve.strategy
    own = [page_faults[each.id, strategy.id] for each in curve.scenarios if (each.id, strategy.id) in page_faults]
    mib = sum(of_mib for _, of_mib in own)
    sizes = [point.size for point in curve.points]
    is_reference = strategy.id == plan.reference
    pays, pays_at, why_not = _pays(curve, beside)
    counts_said = hindered.note if len(hindered.counts) > 1 or strategy.role == "candidate" else ""
    return {
        **dict.fromkeys(COSTS.names),
        "schema_version": SCHEMA_VERSION,
        "strategy": strategy.id,
        "kind": first.payload.kind,
        "payload_options": " ".join(f"{name}={value}" for name, value in first.payload.options),
        "task": first.task,
        "pattern": first.pattern,
        "workers": first.workers,
        "calls": first.calls,
        "cold": int(first.cold),
        "n_sizes": len(sizes),
        "smallest_bytes": min(sizes, default=None),
        "largest_bytes": max(sizes, default=None),
        **(_fitted(found) if found else {}),
        "faults_per_mib": sum(number for number, _ in own) / mib if mib else None,
        **(_meeting(crossover(found, reference)) if found and reference and not is_reference else {}),
        **_cells(pays, "break_even_task_s", "break_even_low_s", "break_even_high_s"),
        "break_even_bytes": pays_at,
        "worker_counts": " ".join(map(str, hindered.counts)),
        **_cells(hindered.share, "contention", "contention_low", "contention_high"),
        "note": "; ".join(filter(None, (_unfitted(curve), why_not, counts_said))),
    }


def _fitted(found: Fit) -> Row:
    beyond = found.bandwidths[-1] if found.steps else None
    return {
        **_cells(found.latency, "latency_s", "latency_low_s", "latency_high_s"),
        **_cells(
            found.bandwidths[0], "bandwidth_bytes_per_s", "bandwidth_low_bytes_per_s", "bandwidth_high_bytes_per_s"
        ),
        "n_steps": len(found.steps),
        "step_bytes": found.steps[-1] if found.steps else None,
        **_cells(
            beyond, "bandwidth_beyond_bytes_per_s", "bandwidth_beyond_low_bytes_per_s",
            "bandwidth_beyond_high_bytes_per_s",
        ),
        "residual": found.residual,
        "largest_residual": found.largest_residual,
    }  # fmt: skip


def _meeting(found: Crossover | None) -> Row:
    interval = Estimate(found.size, found.low, found.high) if found else None
    return {
        **_cells(interval, "crossover_with_reference_bytes", "crossover_low_bytes", "crossover_high_bytes"),
        "crossover_extrapolated": int(found.extrapolated) if found else None,
    }


def _pays(curve: Curve, beside: Values) -> tuple[Estimate | None, int | None, str]:
    """The break-even of the largest payload that has one, that payload's bytes, and what must be known of it."""
    first = curve.scenarios[0]
    if first.pattern not in PAYING or first.workers < 2 or curve.strategy.role != "candidate":
        return None, None, ""
    for scenario in reversed(curve.scenarios):
        blocks = beside.get((scenario.id, curve.strategy.id), {})
        if found := break_even(blocks, scenario.workers):
            gil = "break-even: only of tasks that let go of the GIL" if curve.strategy.executor == "threads" else ""
            return found, scenario.payload.size or None, gil
    return None, None, "break-even: no transfer with a task's time"


def _unfitted(curve: Curve) -> str:
    """Why the curve has no fit, or which of its sizes are not in it; '' if all are."""
    sizes = len(curve.points)
    few = f"no fit: {counted(sizes, 'size')}, it takes {FEWEST_SIZES}" if sizes < FEWEST_SIZES else ""
    late = f"cut off by its time limit: {', '.join(map(format_size, curve.cut_off))}" if curve.cut_off else ""
    return "; ".join(filter(None, (few, late)))
