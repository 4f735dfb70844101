"""How right the verdicts are: strategies compared with themselves, and with themselves made slower on purpose.

An A/A pair is one strategy measured twice in every block (@again): it should be a tie, and never faster or
slower. A planted pair is one strategy and the same made 5, 10 or 20 % slower (@slow10): it should be slower.
All go through the whole pipeline, as any other strategy does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import Any, Final, TypedDict, cast

from handoff import statistics
from handoff.records import SCHEMA_VERSION, read_json
from handoff.scenarios import Plan
from handoff.shapes import shaped
from handoff.summaries import Blocks, BlockValues

QUIET: Final = 0.026
"""Spread up to which ten blocks are promised to be enough: the standard deviation of the logarithms of block values."""

SPREADS: Final = (0.0, 0.013, QUIET, 0.05, 0.1, 0.2, math.inf)
"""Ends of the classes of spread in which power is shown."""


@dataclass(frozen=True)
class Pair:
    """A strategy and its marked twin in one scenario."""

    scenario: str
    strategy: str
    planted: float
    """By which share the twin was made slower; 0 for an A/A pair."""
    spread: float
    """Standard deviation of log block values, of both together."""
    log_ratios: tuple[float, ...]
    """Twin over strategy, a block each, in the order of blocks."""

    def verdict(self, zone: float, blocks: int) -> str:
        """On the twin, from the first so many blocks."""
        return statistics.verdict(self.log_ratios[:blocks], zone)


def _spread(mine: Blocks, theirs: Blocks) -> float:
    """Of the blocks that both have."""
    both = [key for key in mine if key in theirs]
    return math.sqrt(fmean(variance([math.log(side[key]) for key in both]) for side in (mine, theirs)))


def pairs(plan: Plan, values: BlockValues) -> list[Pair]:
    """Every pair of the run whose twins both have enough blocks for an interval; none that was cut off."""
    found = []
    for scenario in plan.scenarios:
        for twin in plan.known(scenario.strategies):
            if not (twin.is_sentinel or twin.planted):
                continue
            mine, theirs = (values.get((scenario.id, name), {}) for name in (twin.id, twin.base))
            log_ratios = statistics.paired_log_ratios(mine, theirs)
            whole = all(map(math.isfinite, (*mine.values(), *theirs.values())))
            if whole and len(log_ratios) >= statistics.MIN_BLOCKS:
                spread = _spread(mine, theirs)
                found.append(Pair(scenario.id, twin.base, twin.planted, spread, tuple(log_ratios)))
    return found


def _share(verdicts: Sequence[str], *words: str) -> float | None:
    return sum(verdict in words for verdict in verdicts) / len(verdicts) if verdicts else None


def _judged(found: Iterable[Pair], zone: float, blocks: int) -> dict[str, Any]:
    """Rates over A/A pairs, and the power for each planted share."""
    found = list(found)
    same = [pair.verdict(zone, blocks) for pair in found if not pair.planted]
    shares = sorted({pair.planted for pair in found} - {0.0})
    return {
        "pairs": len(same),
        "tie_rate": _share(same, "tie"),
        "false_verdict_rate": _share(same, "faster", "slower"),
        "planted_pairs": {f"{share:.2f}": sum(pair.planted == share for pair in found) for share in shares},
        "power": {
            f"{share:.2f}": _share([pair.verdict(zone, blocks) for pair in found if pair.planted == share], "slower")
            for share in shares
        },
    }


class Estimate(TypedDict):
    """A figure of overhead.json."""

    estimate: float


class Overhead(TypedDict):
    """What is used of overhead.json."""

    null_payload_us: dict[str, Estimate]
    null_payload_reuse_us: dict[str, Estimate]
    busy_task_error_us: float


def read_overhead(path: Path) -> Overhead:
    """The instrument's own cost, as measure_overhead.py wrote it.

    Raises:
        BadTable: it is missing or damaged.
    """
    return read_json(path, _overhead)


def _overhead(data: Any) -> Overhead:
    overhead = cast(Overhead, shaped(data, Overhead))
    if not overhead["null_payload_us"] or not overhead["null_payload_reuse_us"]:
        raise ValueError("no executor stands in it")
    return overhead


class Rates(TypedDict):
    """What is said of pairs."""

    pairs: int
    tie_rate: float | None
    false_verdict_rate: float | None
    power: dict[str, float | None]


class QuietRates(Rates):
    """The same of those whose times hardly spread."""

    spread_up_to: float


class Calibration(Rates):
    """What is said of calibration.json."""

    blocks: int
    tie_zone: float
    quiet: QuietRates
    overhead_us: float
    overhead_reuse_us: float
    busy_task_error_us: float


def read_sentences(path: Path) -> list[str]:
    """What a calibration.json says, in words.

    Raises:
        BadTable: it is missing or damaged.
    """
    return read_json(path, lambda data: sentences(shaped(data, Calibration)))


def judge(plan: Plan, values: BlockValues, overhead: Overhead) -> dict[str, Any]:
    """What calibration.json holds."""
    found, zone = pairs(plan, values), math.log1p(plan.tie_zone)
    most = max((len(pair.log_ratios) for pair in found), default=0)
    classes = [
        {"spread_from": low, "spread_below": high if math.isfinite(high) else None, "blocks": blocks,
         **_judged((pair for pair in found if low <= pair.spread < high), zone, blocks)}
        for low, high in itertools.pairwise(SPREADS)
        for blocks in range(statistics.MIN_BLOCKS, most + 1)
    ]  # fmt: skip
    return {
        "schema_version": SCHEMA_VERSION,
        "blocks": most,
        "tie_zone": plan.tie_zone,
        **_judged(found, zone, most),
        "quiet": {"spread_up_to": QUIET, **_judged((pair for pair in found if pair.spread <= QUIET), zone, most)},
        "power_by_spread_and_blocks": [row for row in classes if row["pairs"] or row["planted_pairs"]],
        "overhead_us": max(each["estimate"] for each in overhead["null_payload_us"].values()),
        "overhead_reuse_us": max(each["estimate"] for each in overhead["null_payload_reuse_us"].values()),
        "busy_task_error_us": overhead["busy_task_error_us"],
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}".replace("%", " %")


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What the calibration found, in words."""
    if not found["pairs"]:
        return [
            f"Nothing can be said yet: it takes {statistics.MIN_BLOCKS} blocks in which both of a pair have a time."
        ]
    quiet = found["quiet"]
    power = ", ".join(f"{float(share):.0%} in {_percent(rate)}" for share, rate in found["power"].items())
    lines = [
        f"{found['pairs']} strategies were compared with themselves over {found['blocks']} blocks: "
        f"{_percent(found['false_verdict_rate'])} were called faster or slower, {_percent(found['tie_rate'])} a tie, "
        "the others unclear.",
        f"Slow-downs planted on purpose were found: {power} (the tie zone is {found['tie_zone']:.0%}).",
    ]
    if quiet["pairs"]:
        lines.append(
            f"Where times spread by no more than {100 * quiet['spread_up_to']:g} % between invocations, "
            f"{_percent(quiet['tie_rate'])} of {quiet['pairs']} were a tie, "
            f"{_percent(quiet['false_verdict_rate'])} faster or slower"
            + (f", and 10 % were found in {_percent(quiet['power'].get('0.10'))}." if quiet["power"] else ".")
        )
    lines.append(
        f"The instrument adds {found['overhead_us']:.1f} µs to a call ({found['overhead_reuse_us']:.1f} µs in reuse), "
        f"and reproduces a busy task of 100 ms within {found['busy_task_error_us']:.0f} µs."
    )
    return [line.replace("%", " %").replace("  %", " %") for line in lines]


def page(found: Mapping[str, Any]) -> str:
    """The same as a page of Markdown, with power by spread and number of blocks."""
    header = "| spread | blocks | A/A pairs | tie | faster or slower | 5 % found | 10 % found | 20 % found |"
    lines = ["# Calibration", "", *sentences(found), "", "## By spread and number of blocks", "",
             "Spread is the standard deviation of the logarithms of block values. Fewer blocks are the first ones.", "",
             header, "|---" * 8 + "|"]  # fmt: skip
    for row in found["power_by_spread_and_blocks"]:
        low, high = 100 * row["spread_from"], row["spread_below"]
        spread = f"from {low:g} %" if high is None else f"{low:g} to {100 * high:g} %"
        cells = [spread, row["blocks"], row["pairs"], _percent(row["tie_rate"]), _percent(row["false_verdict_rate"]),
                 *(_percent(row["power"].get(share)) for share in ("0.05", "0.10", "0.20"))]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"
