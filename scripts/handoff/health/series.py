"""What the values of blocks show beside their middle: a trend, a step, two modes, a memory, a slow start.

Pure functions of finite values in the order of time, one a block. They are logarithms of seconds, so a
difference is a ratio. What is found is described here; what of it is worth a warning is health.py's matter.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from statistics import fmean, median, quantiles
from typing import Final, NamedTuple

from scipy import stats

RANDOM_ORDERS: Final = 9_999
"""Orders that stand for all n! of them: a chance of 1 % is then known to about 0.1 %."""

SIDE: Final = 0.2
"""A mode holds at least this share of the values: fewer are outliers."""

WIDE: Final = 4.0
"""Median gaps: what the gap between two modes is wider than."""

APART: Final = 6.0
"""Standard deviations within a group. Of ten values of one normal distribution 1 % lie so by chance, of ten of an
exponential one 7 %; of two groups that are ten deviations apart, 99 % are found."""


class Correlation(NamedTuple):
    """Whether two things rise together."""

    rho: float
    """Spearman's: -1 to 1."""
    p: float
    """The chance of one as strong, or stronger, where they have nothing to do with each other."""


def correlation(x: Sequence[float], y: Sequence[float]) -> Correlation | None:
    """The rank correlation of values that belong together; None where one of both never varies.

    The strength is Spearman's rho. The chance is that of Kendall's tau, which SciPy has exactly for few values
    without ties. Spearman's usual p is an approximation: of six values in perfect order it says 0, and the exact
    chance is 2/720.
    """
    if len(set(x)) < 2 or len(set(y)) < 2:
        return None
    return Correlation(float(stats.spearmanr(x, y).statistic), float(stats.kendalltau(x, y).pvalue))


class Trend(NamedTuple):
    """A line through the values."""

    rho: float
    p: float
    change: float
    """What the line rises from the first value to the last."""
    misfit: float
    """The sum of the values' distances from it."""


def trend(values: Sequence[float]) -> Trend | None:
    """How far the values drift in one direction; None where they are all alike.

    Whether they do is Mann's test of trend (Econometrica 13 (1945) 245), which is Kendall's tau against time. How far
    is the median of all slopes between two values (Theil 1950; Sen, J. Am. Stat. Assoc. 63 (1968) 1379): up to 29 %
    of wild values do not move it.
    """
    times = range(len(values))
    found = correlation(times, values)
    if found is None:
        return None
    slope, intercept, *_ = stats.theilslopes(values, times)
    misfit = sum(abs(value - intercept - slope * time) for time, value in zip(times, values, strict=True))
    return Trend(*found, float(slope) * (len(values) - 1), float(misfit))


class Step(NamedTuple):
    """A jump from one level to another."""

    after: int
    """How many values lie before it."""
    p: float
    change: float
    """The median after it less the median before."""
    misfit: float
    """The sum of the values' distances from the median of their side."""


def _rank_sums(ranks: Sequence[float]) -> list[float]:
    """|U_t|, t = 1 to n, of ranks in the order of time: twice the sum of the first t, less t (n + 1)."""
    return [abs(total) for total in accumulate(2 * rank - (len(ranks) + 1) for rank in ranks)]


@cache
def _heights_by_chance(n: int) -> list[float]:
    """Pettitt's K of n values in random orders, sorted; the seed is n, so equal values get an equal p."""
    shuffled, ranks = random.Random(n), list(range(1, n + 1))
    heights = []
    for _ in range(RANDOM_ORDERS):
        shuffled.shuffle(ranks)
        heights.append(max(_rank_sums(ranks)))
    return sorted(heights)


def step(values: Sequence[float]) -> Step:
    """Where the values jump, and the chance that values in random order seem to jump as clearly.

    Pettitt, Applied Statistics 28 (1979) 126: the step is behind the t at which |U_t| is largest, and K is that
    |U_t|. His formula for its chance, 2 exp(-6 K^2 / (n^3 + n^2)), is for many values: of the clearest step that ten
    can have, 5 low and 5 high ones, it says 0.066, and the exact chance is 2/252. So it is taken from random orders.
    """
    sums = _rank_sums([float(rank) for rank in stats.rankdata(values)])
    after = sums.index(max(sums)) + 1
    lower = bisect_left(_heights_by_chance(len(values)), max(sums))
    chance = (1 + RANDOM_ORDERS - lower) / (RANDOM_ORDERS + 1)
    sides = values[:after], values[after:]
    middles = [median(side) for side in sides]
    misfit = sum(abs(value - middle) for side, middle in zip(sides, middles, strict=True) for value in side)
    return Step(after, chance, middles[1] - middles[0], misfit)


class Modes(NamedTuple):
    """Two groups of values with a gap between them."""

    low: float
    """The lower group's median."""
    high: float
    below: int
    """Values in the lower group."""


def modes(values: Sequence[float]) -> Modes | None:
    """The two groups on both sides of the widest gap; None where the values are one group.

    The gap must be wider than WIDE median gaps, have a fifth of the values on each side, and the groups' means must lie
    APART standard deviations of a group from each other. The gap alone is no proof: the widest of many gaps is wide by
    chance, and ten values of one normal distribution have such a gap in one case of four, forty in one of two.
    """
    ordered = sorted(values)
    gaps = [right - left for left, right in pairwise(ordered)]
    least = math.ceil(SIDE * len(ordered))
    below = max(range(least, len(ordered) - least + 1), key=lambda split: gaps[split - 1])
    if gaps[below - 1] <= WIDE * median(gaps):
        return None
    groups = ordered[:below], ordered[below:]
    means = [fmean(group) for group in groups]
    squares = sum((value - mean) ** 2 for group, mean in zip(groups, means, strict=True) for value in group)
    if means[1] - means[0] <= APART * math.sqrt(squares / (len(ordered) - 2)):
        return None
    return Modes(median(ordered[:below]), median(ordered[below:]), below)


def lag_one(values: Sequence[float]) -> float:
    """How far a value takes after the one before it: the autocorrelation at lag 1, -1 to 1; 0 where all are alike.

    Box and Jenkins, Time Series Analysis, 1970, chapter 2.
    """
    mean = fmean(values)
    apart = [value - mean for value in values]
    square = sum(value * value for value in apart)
    return sum(x * y for x, y in pairwise(apart)) / square if square else 0.0


def effective_number(n: int, lag: float) -> float:
    """Independent values that tell as much about the mean as n of which each takes after the one before.

    n (1 - r) / (1 + r), for many values of a process of first order (Bayley and Hammersley, J. R. Stat. Soc. Suppl. 8
    (1946) 184).
    """
    return n * (1 - lag) / (1 + lag)


def outer_fence(values: Sequence[float]) -> float:
    """Q3 + 3 IQR: what lies above is far out (Tukey, Exploratory Data Analysis, 1977, chapter 2)."""
    low, _, high = quantiles(values, method="inclusive")
    return high + 3 * (high - low)
