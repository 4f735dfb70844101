"""How often the intervals hold the truth in simulated noise, and how often equals are called unequal. Seeded.

docs/method.md quotes the figures, and is held to them here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pytest
from invented_times import ARENA, REFERENCE, THREADS, plan_of, scenario_of
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy import stats

from handoff import statistics as s
from handoff.blocks import block_order
from handoff.strategies import SENTINEL

METHOD = Path(__file__).parents[2] / "docs" / "method.md"

Values: TypeAlias = NDArray[np.float64]
"""Logarithms, one row a simulated run and one column a block."""

Noise: TypeAlias = Callable[[Generator, tuple[int, int]], Values]

SIZES = (6, 8, 10, 15, 20, 30)
RUNS = 10_000
LOOKS = range(10, 41)
STOPPED_RUNS = 3_000


# Noise of one strategy's block values.


def quiet(random: Generator, shape: tuple[int, int]) -> Values:
    return random.normal(0, 0.02, shape)


def spikes(random: Generator, shape: tuple[int, int]) -> Values:
    """Interference lengthens 8 % of the blocks, by half on average."""
    return quiet(random, shape) + (random.random(shape) < 0.08) * random.exponential(0.4, shape)


def modes(random: Generator, shape: tuple[int, int]) -> Values:
    """Two modes 20 % apart, one of them in three of ten blocks."""
    return quiet(random, shape) + (random.random(shape) < 0.3) * math.log(1.2)


def skewed(random: Generator, shape: tuple[int, int]) -> Values:
    """A fixed time and a lognormal one on top of it; one block in twenty takes three times as long."""
    extra = 0.1 * random.lognormal(0, 1, shape)
    return np.log1p(extra) + (random.random(shape) < 0.05) * math.log(3)


def machine(random: Generator, runs: int, moments: int) -> Values:
    """The machine's level over a run: 5 % of slow drift, and a random walk that ends 10 % away."""
    steps = random.normal(0, 0.10 / math.sqrt(moments), (runs, moments))
    return np.cumsum(steps, axis=1) + np.linspace(0, math.log(1.05), moments)


def drifting(random: Generator, shape: tuple[int, int]) -> Values:
    """Log ratios of two of eight strategies that are shuffled in every block, while the machine drifts on."""
    (runs, blocks), slots = shape, 8
    level = machine(random, runs, blocks * slots).reshape(runs, blocks, slots)
    shuffled = random.permuted(level, axis=2)
    return shuffled[:, :, 0] + quiet(random, shape) - shuffled[:, :, 1] - quiet(random, shape)


def between(strategy: Noise, reference: Noise) -> Noise:
    """Log ratios of two strategies with noise of their own."""
    return lambda random, shape: strategy(random, shape) - reference(random, shape)


SYMMETRIC: dict[str, Noise] = {
    "normal, 2 %": between(quiet, quiet),
    "drift of 5 %, walk of 10 %, noise of 2 %": drifting,
    "spikes in 8 % of the blocks": between(spikes, spikes),
    "two modes, 20 % apart": between(modes, modes),
    "lognormal with outliers": between(skewed, skewed),
}
"""Strategy and reference have the same noise, so their log ratios lie evenly around the truth, 0."""

LOPSIDED: dict[str, Noise] = {
    "spikes, the strategy alone": between(spikes, quiet),
    "two modes, the strategy alone": between(modes, quiet),
    "lognormal with outliers, the strategy alone": between(skewed, quiet),
}
"""The signed-rank interval promises nothing here. The truth is taken to be the pseudomedian."""


def pseudomedian(noise: Noise) -> float:
    """The median of (x + y) / 2 of independent x and y, which the Hodges-Lehmann estimate approaches."""
    pairs = noise(default_rng(1), (1_000_000, 2))
    return float(np.median(pairs.mean(axis=1)))


# Intervals of many runs at once.


def intervals(values: Values, level: float) -> tuple[Values, Values]:
    """signed_rank_interval of every row: by its own ranks, and compared with it in the first rows."""
    n = values.shape[1]
    rank = s.signed_rank_rank(n, level)
    assert rank is not None
    first, second = np.triu_indices(n)
    averages = (values[:, first] + values[:, second]) / 2
    averages.partition([rank - 1, averages.shape[1] - rank], axis=1)
    low, high = averages[:, rank - 1], averages[:, -rank]
    for row in range(5):
        assert s.signed_rank_interval(values[row].tolist(), level) == pytest.approx((low[row], high[row]))
    return low.copy(), high.copy()


@cache
def coverage(name: str, n: int) -> float:
    """How many of the 95 % intervals of n blocks hold the truth."""
    noise = (SYMMETRIC | LOPSIDED)[name]
    truth = 0.0 if name in SYMMETRIC else pseudomedian(noise)
    low, high = intervals(noise(default_rng(n), (RUNS, n)), 0.95)
    return float(np.mean((low <= truth) & (truth <= high)))


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def coverage_rows() -> list[str]:
    """The table of docs/method.md: noise, and the coverage for each number of blocks; in bold below 93 %."""
    rows = []
    for name in (*SYMMETRIC, *LOPSIDED):
        found = [coverage(name, n) for n in SIZES]
        cells = [percent(share) if share >= 0.93 else f"**{percent(share)}**" for share in found]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", SYMMETRIC)
def test_where_both_have_the_same_noise_the_interval_keeps_its_word(name: str, n: int) -> None:
    assert coverage(name, n) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / RUNS)


# Stopping when the interval is narrow enough.


class Stopped(NamedTuple):
    coverage: float
    blocks: float
    """On average, when it stopped."""


Rule: TypeAlias = Callable[[Values, Values], NDArray[np.bool_]]
"""Whether to stop, from the lower and upper ends of the intervals."""


def narrow(precision: float) -> Rule:
    return lambda low, high: (high - low) / 2 <= math.log1p(precision)


def decided(inside: float) -> Rule:
    """By statistics.side with a tie zone of 5 %, where the truth lies that far inside the zone's upper edge."""
    upper = inside
    lower = upper - 2 * math.log(1.05)
    return lambda low, high: (low > upper) | (high < lower) | ((low >= lower) & (high <= upper))


STOPS: dict[str, Rule] = {
    "half of it is at most 5 %": narrow(0.05),
    "half of it is at most 3 %": narrow(0.03),
    "half of it is at most 2 %": narrow(0.02),
    "the verdict is decided, the truth half way to the edge": decided(math.log(1.05) / 2),
    "the verdict is decided, the truth on the edge": decided(0.0),
}
HARDEST = list(STOPS)[-1]


@cache
def stopped(name: str, level: float) -> dict[str, Stopped]:
    """For each rule of STOPS: look after every block from 10 on, stop when the rule says so, at 40 at the latest."""
    values = SYMMETRIC[name](default_rng(40), (STOPPED_RUNS, LOOKS[-1]))
    covered = {rule: np.zeros(STOPPED_RUNS, dtype=bool) for rule in STOPS}
    blocks = {rule: np.zeros(STOPPED_RUNS) for rule in STOPS}
    for n in LOOKS:
        low, high = intervals(values[:, :n], level)
        for rule, enough in STOPS.items():
            stops = (blocks[rule] == 0) & (enough(low, high) | (n == LOOKS[-1]))
            covered[rule][stops] = ((low <= 0) & (high >= 0))[stops]
            blocks[rule][stops] = n
    return {rule: Stopped(float(covered[rule].mean()), float(blocks[rule].mean())) for rule in STOPS}


def stopping_rows() -> list[str]:
    """The table of docs/method.md: rule, the worst coverage of both intervals over all noise, blocks with the wider."""
    rows = []
    for rule in STOPS:
        worst = [min(stopped(name, level)[rule].coverage for name in SYMMETRIC) for level in (0.95, 0.975)]
        blocks = [stopped(name, 0.975)[rule].blocks for name in SYMMETRIC]
        rows.append(f"| {rule} | {' | '.join(map(percent, worst))} | {min(blocks):.0f} to {max(blocks):.0f} |")
    return rows


@pytest.mark.parametrize("rule", [rule for rule in STOPS if rule != HARDEST])
@pytest.mark.parametrize("name", SYMMETRIC)
def test_an_interval_of_975_pays_for_stopping_when_one_likes(name: str, rule: str) -> None:
    assert stopped(name, 0.975)[rule].coverage >= 0.95


def test_nothing_pays_for_stopping_at_a_verdict_that_is_neither_true_nor_false() -> None:
    """The document must not promise what does not hold."""
    assert min(stopped(name, 0.975)[HARDEST].coverage for name in SYMMETRIC) < 0.93


# The same thing twice, on a machine that drifts.

BLOCKS = 10
SEEDS = 40
RUNS_A_SEED = 25

Design: TypeAlias = Callable[[int], tuple[list[int], list[int]]]
"""At which moments of a run the same thing is measured the first and the second time, by the run's seed."""


def in_blocks(seed: int) -> tuple[list[int], list[int]]:
    """The reference and its sentinel, in the project's own shuffle."""
    plan = replace(plan_of(scenario_of(THREADS, ARENA, REFERENCE), blocks=BLOCKS), seed=seed)
    orders = [[job.strategy.id for job in block_order(plan, block, "array")] for block in range(1, BLOCKS + 1)]
    moments = [
        [number * len(order) + order.index(name) for number, order in enumerate(orders)]
        for name in (REFERENCE, REFERENCE + SENTINEL)
    ]
    return moments[0], moments[1]


def one_after_the_other(_seed: int) -> tuple[list[int], list[int]]:
    """All of A, then all of B."""
    return list(range(BLOCKS)), list(range(BLOCKS, 2 * BLOCKS))


@cache
def twice(design: Design) -> tuple[Values, Values]:
    """Block values of the same thing measured twice in every run, in a run of seven strategies."""
    found = []
    for seed in range(SEEDS):
        random = default_rng(seed)
        level = machine(random, RUNS_A_SEED, 7 * BLOCKS)
        found.append([level[:, moments] + quiet(random, (RUNS_A_SEED, BLOCKS)) for moments in design(seed)])
    first, second = np.concatenate(found, axis=1)
    return first, second


def false_verdicts(design: Design, zone: float) -> float:
    """How many runs call the same thing faster or slower than itself."""
    first, second = twice(design)
    verdicts = [s.verdict(row, zone) for row in (second - first).tolist()]
    return sum(verdict in ("faster", "slower") for verdict in verdicts) / len(verdicts)


def false_intervals(design: Design) -> float:
    """How many intervals of its ratio to itself leave out 1."""
    first, second = twice(design)
    low, high = intervals(second - first, 0.95)
    return float(np.mean((low > 0) | (high < 0)))


def false_welch_tests(design: Design) -> float:
    """How many of Welch's tests, which take the repetitions for independent, reject that it is equal to itself."""
    first, second = twice(design)
    return float(np.mean(stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue < 0.05))


def test_in_shuffled_blocks_the_same_thing_is_hardly_ever_called_unequal() -> None:
    assert false_intervals(in_blocks) <= 0.05
    assert false_verdicts(in_blocks, 0.0) <= 0.05
    assert false_verdicts(in_blocks, math.log(1.05)) == 0


def test_all_of_a_and_then_all_of_b_calls_the_same_thing_unequal() -> None:
    assert false_intervals(one_after_the_other) > 0.3
    assert false_welch_tests(one_after_the_other) > 0.3
    assert false_verdicts(one_after_the_other, 0.0) > 0.2


def order_sentence() -> str:
    """The figures as docs/method.md gives them."""
    shuffled, one_by_one = (percent(false_intervals(design)) for design in (in_blocks, one_after_the_other))
    return (
        f"In {SEEDS * RUNS_A_SEED:,} simulated runs of {BLOCKS} blocks and seven strategies under that drift, the "
        f"interval of a strategy's ratio to itself leaves out 1 in {shuffled} % of the runs with shuffled blocks. If "
        f"all of A is measured and then all of B, it does in {one_by_one} %, and Welch's test calls them different "
        f"in {percent(false_welch_tests(one_after_the_other))} %."
    )


def test_the_document_has_these_figures() -> None:
    text = METHOD.read_text(encoding="utf-8")
    lines, flowing = text.splitlines(), " ".join(text.split())
    assert [row for row in (*coverage_rows(), *stopping_rows()) if row not in lines] == []
    assert order_sentence() in flowing
    assert f"{RUNS:,} simulated runs" in flowing
    assert f"{STOPPED_RUNS:,} simulated runs" in flowing
