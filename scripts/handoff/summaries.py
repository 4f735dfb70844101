"""From the transfers of all blocks to one row a scenario and strategy: what summary.csv holds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median, median_low
from typing import Final, TypeAlias, cast

from handoff import statistics
from handoff.flags import slow_release
from handoff.records import SCHEMA_VERSION, SUMMARY, BadTable, Row
from handoff.scenarios import Plan, Scenario
from handoff.strategies import Strategy, transport_facts

Blocks: TypeAlias = Mapping[tuple[str, int], float]
"""(campaign, block) -> seconds; +inf where the strategy ran into its time limit."""

BlockValues: TypeAlias = Mapping[tuple[str, str], Blocks]
"""(scenario, strategy) -> its blocks."""

BELOW_FLOOR: Final = math.log(0.9)
"""Who is faster than this share of the task alone cannot have read the payload. One tenth is left to noise."""

MOST_TELLING: Final = (
    "invalid", "crashed", "out_of_memory", "timeout", "error", "leaked", "skipped", "unsupported", "raced_out", "ok",
)  # fmt: skip
"""Which status stands for a scenario and strategy whose blocks ended differently: the first of these."""


def taking_part(plan: Plan, scenario: Scenario) -> tuple[Strategy, ...]:
    """Who has a row in this scenario: floors, candidates, sentinels, planted ones; also those that cannot carry it."""
    return tuple(s for s in plan.known(scenario.strategies) if plan.takes_part(scenario, s))


def _by_pair(timings: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    pairs: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in timings:
        pairs[str(row["scenario"]), str(row["strategy"])].append(row)
    return pairs


def _campaigns(invocations: Iterable[Row]) -> dict[str, str]:
    return {str(row["invocation"]): str(row["campaign"]) for row in invocations}


def compared(rows: Iterable[Row], warm: int = 1) -> list[Row]:
    """The rows of one scenario and strategy whose times are compared: steady ones, or with warm=0 the first ones.

    No block counts more of them than the median block has, the earliest first. Transfers still get a little quicker
    as a process goes on, and the first blocks, which are the pilot, make more of them than the others.
    """
    blocks: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == "ok" and not row["instrumented"] and row["warm"] == warm:
            blocks[str(row["invocation"])].append(row)
    most = median_low(map(len, blocks.values())) if blocks else 0
    return [row for each in blocks.values() for row in sorted(each, key=lambda row: cast(int, row["transfer"]))[:most]]


def medians(rows: Iterable[Row], column: str) -> dict[int, float]:
    """block -> the median of a column over the rows that have a number there, in block order."""
    values: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if isinstance(value := row.get(column), int | float):
            values[cast(int, row["block"])].append(value)
    return {block: median(values[block]) for block in sorted(values)}


def _per_block(rows: Sequence[Row], warm: int, campaigns: Mapping[str, str]) -> dict[tuple[str, int], float]:
    """The median of each block's transfers that are compared; a transfer that was cut off counts as +inf."""
    values: dict[tuple[str, int], list[float]] = defaultdict(list)
    cut_off = [row for row in rows if row["status"] == "timeout"]
    for row in (*compared(rows, warm), *cut_off):
        invocation = str(row["invocation"])
        if invocation not in campaigns:
            raise BadTable(
                f"timings.csv: invocation {invocation!r} is not in invocations.csv; the two tables are not of one run. "
                "Delete both: the next run collects them anew"
            )
        key = campaigns[invocation], cast(int, row["block"])
        values[key].append(math.inf if row["status"] == "timeout" else cast(float, row["total_s"]))
    return {key: median(values[key]) for key in sorted(values)}


def block_values(invocations: Iterable[Row], timings: Iterable[Row]) -> BlockValues:
    """The value of every block, (scenario, strategy) -> {(campaign, block): seconds}.

    It is the median of the steady transfers' total_s (of a cold scenario: of the first transfers'), +inf
    where the time limit cut off at least half of them. Blocks that failed otherwise have no value.

    Raises:
        BadTable: timings.csv speaks of an invocation that invocations.csv does not have.
    """
    campaigns = _campaigns(invocations)
    return {
        (scenario, strategy): blocks
        for (scenario, strategy), rows in _by_pair(timings).items()
        if (blocks := _per_block(rows, 0 if scenario.endswith(".cold") else 1, campaigns))
    }


def _outcome(rows: Sequence[Row], swept: Mapping[str, str]) -> tuple[str, str]:
    """The most telling status of a scenario and strategy, and why; `swept` has the invocations that leaked."""
    ends = [
        ("leaked", swept[str(row["invocation"])], row["block"])
        if row["status"] == "ok" and str(row["invocation"]) in swept
        else (str(row["status"]), str(row.get("reason") or ""), row["block"])
        for row in rows
    ]
    status = min((end[0] for end in ends), key=MOST_TELLING.index)
    if status == "ok":
        return status, ""
    reason = next(end[1] for end in ends if end[0] == status)
    blocks, hit = {end[2] for end in ends}, {end[2] for end in ends if end[0] == status}
    share = f"in {len(hit)} of {len(blocks)} blocks" if len(hit) < len(blocks) else ""
    return status, ": ".join(filter(None, (share, reason)))


def below_floor(log_ratios: Sequence[float], level: float) -> bool:
    """Whether the log ratios to the floor lie wholly below 0.9: their interval or, with too few blocks, all of them."""
    interval = statistics.signed_rank_interval(log_ratios, level)
    highest = interval.high if interval else max(log_ratios, default=math.inf)
    return highest < BELOW_FLOOR


def _finite(value: float | None) -> float | None:
    """An end that nobody knows, because values were cut off, is an empty cell."""
    return value if value is not None and math.isfinite(value) else None


def _ratio(log_ratios: Sequence[float]) -> float | None:
    centre = statistics.hodges_lehmann(log_ratios) if log_ratios else None
    return math.exp(centre) if centre is not None and math.isfinite(centre) else None


def _times(blocks: Blocks, level: float) -> Row:
    values = list(blocks.values())
    interval = statistics.median_interval(values, level)
    return {
        "n_blocks": sum(map(math.isfinite, values)),
        "median_s": _finite(median(values)) if values else None,
        "low_s": _finite(interval.low) if interval else None,
        "high_s": _finite(interval.high) if interval else None,
    }


def _against_reference(log_ratios: Sequence[float], tie_zone: float, level: float) -> Row:
    if not log_ratios:
        return {}
    interval = statistics.signed_rank_interval(log_ratios, level)
    return {
        "ratio_to_reference": _ratio(log_ratios),
        "ratio_low": _finite(math.exp(interval.low)) if interval and interval.low > -math.inf else None,
        "ratio_high": _finite(math.exp(interval.high)) if interval else None,
        "verdict": statistics.verdict(log_ratios, math.log1p(tie_zone), level),
    }


def against_itself(sentinel: Strategy, blocks: Mapping[str, Blocks]) -> tuple[list[float], statistics.Interval | None]:
    """A sentinel's log ratios to its twin, of the blocks in which neither was cut off, and their interval.

    It is one of LEVEL in every run, adaptive ones too: no sentinel decides when a run stops.
    """
    both = statistics.paired_log_ratios(blocks.get(sentinel.id, {}), blocks.get(sentinel.twin, {}))
    ratios = [value for value in both if math.isfinite(value)]
    return ratios, statistics.signed_rank_interval(ratios)


def _flags(strategy: Strategy, rows: Sequence[Row], blocks: Mapping[str, Blocks], level: float) -> list[str]:
    mine = blocks.get(strategy.id, {})
    flags = []
    if 0 < len(mine) < statistics.SURE_BLOCKS:
        flags.append("indicative")
    to_floor = statistics.paired_log_ratios(mine, blocks.get(strategy.floor, {}))
    # The floor is the task as it is written for the payload's own library.
    comparable = not transport_facts(strategy.transport).arrives_in
    if strategy.role == "candidate" and comparable and below_floor(to_floor, level):
        flags.append("below_floor")
    if strategy.role == "candidate" and slow_release(rows):
        flags.append("slow_release")
    if strategy.is_sentinel:
        _, interval = against_itself(strategy, blocks)
        if interval and not interval.low <= 0 <= interval.high:
            flags.append("unstable")
    return flags


def _row(plan: Plan, scenario: Scenario, strategy: Strategy, rows: Sequence[Row],
         blocks: Mapping[str, Blocks], first: Blocks, outcome: tuple[str, str]) -> Row:  # fmt: skip
    mine, reference, floor = (blocks.get(name, {}) for name in (strategy.id, plan.reference, strategy.floor))
    times = _times(mine, plan.level)
    sizes = [cast(int, row["payload_bytes"]) for row in rows if row.get("payload_bytes")]
    size = max(sizes, default=scenario.payload.size or None)
    peaks = [cast(int, row["peak_extra_bytes"]) for row in rows if row.get("peak_extra_bytes") is not None]
    to_floor = _ratio(statistics.paired_log_ratios(floor, mine))
    seconds = cast("float | None", times["median_s"])
    against: Row = {"ratio_to_reference": 1.0} if strategy.id == plan.reference and mine else _against_reference(
        statistics.paired_log_ratios(mine, reference), plan.tie_zone, plan.level)  # fmt: skip
    return {
        **dict.fromkeys(SUMMARY.names),
        "schema_version": SCHEMA_VERSION,
        "scenario": scenario.id,
        "payload": scenario.payload.id,
        "kind": scenario.payload.kind,
        "payload_bytes": size,
        "task": scenario.task,
        "pattern": scenario.pattern,
        "workers": scenario.workers,
        "strategy": strategy.id,
        "executor": strategy.executor,
        "transport": strategy.transport,
        "storage": strategy.storage,
        "role": strategy.role,
        **times,
        "first_s": _finite(median(first.values())) if first else None,
        **against,
        "floor_fraction": to_floor,
        "bandwidth_bytes_per_s": size * scenario.workers / seconds if size and seconds else None,
        "peak_extra_bytes": max(peaks, default=None),
        "stop_reason": "",  # effort.py fills it in, from the rows of a whole scenario
        "status": outcome[0],
        "reason": outcome[1],
        "flags": " ".join(_flags(strategy, rows, blocks, plan.level)),
    }


def fastest(rows: Iterable[Row]) -> str:
    """The id of the fastest candidate of a scenario by its median; '' if none has a time that can be believed."""
    timed = [
        (cast(float, row["median_s"]), str(row["strategy"])) for row in rows
        if row["role"] == "candidate" and row["status"] == "ok" and row["median_s"] is not None
        and "below_floor" not in str(row["flags"]).split()
    ]  # fmt: skip
    return min(timed, default=(0.0, ""))[1]


def summarize(invocations: Sequence[Row], timings: Sequence[Row], plan: Plan) -> list[Row]:
    """The rows of summary.csv: each scenario of the plan with each strategy that takes part in it, timed or not.

    Raises:
        BadTable: the tables lack a strategy that the plan has, or are not of one run.
    """
    campaigns, pairs, values = _campaigns(invocations), _by_pair(timings), block_values(invocations, timings)
    swept = {str(row["invocation"]): str(row.get("swept") or "") for row in invocations if row["status"] == "leaked"}
    summary: list[Row] = []
    for scenario in plan.scenarios:
        rows: list[Row] = []
        strategies = taking_part(plan, scenario)
        blocks = {s.id: values.get((scenario.id, s.id), {}) for s in strategies}
        for strategy in strategies:
            seen = pairs.get((scenario.id, strategy.id), [])
            impossible = plan.unsupported(scenario, strategy)
            if not seen and not impossible:
                raise BadTable(
                    f"timings.csv has no row of {strategy.id} in {scenario.id}, which plan.json has. "
                    "Delete timings.csv and invocations.csv: the next run collects them anew"
                )
            outcome = _outcome(seen, swept) if seen else ("unsupported", impossible)
            first = _per_block([row for row in seen if row["status"] == "ok"], 0, campaigns)
            rows.append(_row(plan, scenario, strategy, seen, blocks, first, outcome))
        best = blocks.get(fastest(rows), {})
        for row in rows:
            row["ratio_to_best"] = _ratio(statistics.paired_log_ratios(blocks[str(row["strategy"])], best))
        summary += rows
    told = {str(row["invocation"]) for row in timings}
    if silent := [name for name in campaigns if name not in told]:
        raise BadTable(
            f"timings.csv has no row of invocation {silent[0]!r}, which invocations.csv has. "
            "Delete both: the next run collects them anew"
        )
    return summary
