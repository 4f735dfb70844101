"""From the values of blocks to an estimate, its interval and a verdict. Pure functions: no input, no output.

Two strategies are compared by the logarithms of their ratios, one a block, because what disturbs a
machine disturbs a whole block. Nothing here assumes a normal distribution. The intervals are exact:
they cover at least as often as they say, and below 6 blocks, where no 95 % interval exists, there is none.

A value that was cut off (a timeout) is +inf: at least its limit, by how much nobody knows. It stays on
its side of every rank, so estimates and intervals hold as long as they are finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from statistics import median
from typing import Final, NamedTuple, TypeVar

from scipy import stats

LEVEL: Final = 0.95
"""Confidence of every interval, unless told otherwise."""

MIN_BLOCKS: Final = 6
"""Fewest blocks with a 95 % interval: 5 values lie all on one side of the median with probability 2/32."""

SURE_BLOCKS: Final = 10
"""Below it an answer is headed 'indicative': the interval is little more than the range of the values."""

MANY_BLOCKS: Final = 200
"""Beyond this many, a number of blocks that it would take is no advice any more."""

Key = TypeVar("Key")


class Interval(NamedTuple):
    """Both ends included; an end may be infinite where values were cut off."""

    low: float
    high: float


def paired_log_ratios(values: Mapping[Key, float], against: Mapping[Key, float]) -> list[float]:
    """ln(value / against) of each block that both have, in the order of `values`; seconds, above 0.

    A block in which both were cut off says nothing about their ratio and is left out. Where one was,
    the ratio is +inf or -inf.
    """
    both = [(values[key], against[key]) for key in values if key in against]
    return [math.log(value) - math.log(other) for value, other in both if not (math.isinf(value) and math.isinf(other))]


def walsh_averages(values: Sequence[float], opposed: float = 0.0) -> list[float]:
    """(x_i + x_j) / 2 of all i <= j, sorted: n (n + 1) / 2 of them.

    `opposed` stands for the average of +inf and -inf, which may be anything.
    """
    averages = ((x + y) / 2 for i, x in enumerate(values) for y in values[i:])
    return sorted(opposed if math.isnan(average) else average for average in averages)


def hodges_lehmann(values: Sequence[float]) -> float:
    """The median of the Walsh averages: the centre of a symmetric distribution, with few demands on it.

    Hodges and Lehmann, Ann. Math. Statist. 34 (1963) 598. It ignores up to 29 % of wild values.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("the Hodges-Lehmann estimate needs at least one value")
    return median(walsh_averages(values))


@cache
def signed_rank_rank(n: int, level: float = LEVEL) -> int | None:
    """k such that the k-th smallest and k-th largest Walsh averages of n values are an interval of that level.

    W+, the sum of the ranks of the positive values, has under symmetry about 0 the distribution of the
    sum of a random subset of 1..n. k is the largest with P(W+ < k) <= (1 - level) / 2. None if there is
    none: the interval does not exist. Hollander, Wolfe and Chicken, Nonparametric Statistical Methods,
    3rd ed., section 3.3.
    """
    subsets = [1]  # subsets[w]: how many subsets of 1..rank have the sum w
    for rank in range(1, n + 1):
        subsets = [a + b for a, b in zip([*subsets, *[0] * rank], [*[0] * rank, *subsets], strict=True)]
    allowed = (1 - level) / 2 * 2**n
    return sum(below <= allowed for below in accumulate(subsets)) or None


def signed_rank_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The exact interval of the Hodges-Lehmann estimate, by inverting Wilcoxon's signed-rank test.

    Covers the centre of symmetry with probability `level` or more. None below the fewest values that
    allow it (6 for 95 %, 7 for 97.5 %).
    """
    rank = signed_rank_rank(len(values), level)
    if rank is None:
        return None
    # The averages of opposed infinities are put where they widen the interval.
    return Interval(walsh_averages(values, -math.inf)[rank - 1], walsh_averages(values, math.inf)[-rank])


def differences(before: Sequence[float], after: Sequence[float], unknown: float) -> list[float]:
    """y - x of every x before and every y after, sorted: m n of them.

    `unknown` stands for the difference of two values that were both cut off, which may be anything.
    """
    pairs = (y - x for x in before for y in after)
    return sorted(unknown if math.isnan(difference) else difference for difference in pairs)


def shift(before: Sequence[float], after: Sequence[float]) -> float:
    """The median of all differences: how far the second sample lies above the first, where nothing is paired.

    Hodges and Lehmann (source as above); Hollander, Wolfe and Chicken, section 4.2. nan if it hangs on differences
    that nobody knows.

    Raises:
        ValueError: a sample is empty.
    """
    if not before or not after:
        raise ValueError("the shift between two samples needs a value in each")
    lowest, highest = (median(differences(before, after, unknown)) for unknown in (-math.inf, math.inf))
    return lowest if lowest == highest else math.nan


@cache
def rank_sum_rank(m: int, n: int, level: float = LEVEL) -> int | None:
    """k such that the k-th smallest and k-th largest differences of m and n values are an interval of that level.

    U, the number of pairs whose second value is the larger, has among equals the distribution of a random choice
    of m places out of m + n: the counts are the coefficients of the Gaussian binomial, the product over i from 1
    to m of (1 - q^(n + i)) / (1 - q^i). k is the largest with P(U < k) <= (1 - level) / 2. None if there is none:
    the interval does not exist. Hollander, Wolfe and Chicken, sections 4.1 and 4.3.
    """
    counts = [1] + [0] * (m * n // 2)  # counts[u]: in how many choices U is u; the upper half mirrors the lower
    for i in range(1, m + 1):
        for u in range(len(counts) - 1, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, len(counts)):
            counts[u] += counts[u - i]
    choices = math.comb(m + n, m)
    return sum(below / choices <= (1 - level) / 2 for below in accumulate(counts)) or None


def rank_sum_interval(before: Sequence[float], after: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The exact interval of the shift, by inverting the rank-sum test of Wilcoxon, Mann and Whitney.

    Covers the shift with probability `level` or more if the samples differ by a shift alone and their values are
    independent. None below the fewest values that allow it (4 and 4 for 95 %, 5 and 5 for 97.5 %).
    """
    rank = rank_sum_rank(len(before), len(after), level)
    if rank is None:
        return None
    # The differences that nobody knows are put where they widen the interval.
    return Interval(differences(before, after, -math.inf)[rank - 1], differences(before, after, math.inf)[-rank])


@cache
def median_ranks(n: int, level: float = LEVEL) -> tuple[int, int] | None:
    """Ranks, from 1, of the order statistics that enclose the median of n values with that confidence.

    The number of values below the median is binomial, whatever the distribution (Conover, Practical
    Nonparametric Statistics, 3rd ed., section 3.2). None if no such ranks exist.
    """
    rank = int(stats.binom.ppf((1 - level) / 2, n, 0.5)) if n else 0
    return (rank, n + 1 - rank) if rank else None


def median_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The exact interval of the median from order statistics; no symmetry is assumed. None below 6 values."""
    ranks = median_ranks(len(values), level)
    if ranks is None:
        return None
    ordered = sorted(values)
    return Interval(ordered[ranks[0] - 1], ordered[ranks[1] - 1])


def side(low: float, high: float, zone: float) -> str:
    """Where log ratios from low to high lie: 'faster', 'slower', 'tie' (within +-zone), 'unclear' if not in one."""
    if high < -zone:
        return "faster"
    if low > zone:
        return "slower"
    return "tie" if -zone <= low and high <= zone else "unclear"


def verdict(log_ratios: Sequence[float], zone: float, level: float = LEVEL) -> str:
    """'faster', 'slower', 'tie' or 'unclear': on which side of the tie zone (+-zone, a logarithm) they lie.

    The signed-rank interval decides. It assumes symmetry, so the median, which does not, must not
    contradict it: the sample's median must lie on the same side, and for 'faster' or 'slower' the whole
    exact interval of the median must lie on that side of 0. Otherwise, and below 6 blocks, 'unclear'.

    That the median's interval leave the tie zone as well is not asked for: it is wider by nature, and
    would leave 43 of 100 true ties 'unclear' instead of 9 (10 blocks, block values that spread by 2.6 %).
    """
    interval, of_median = signed_rank_interval(log_ratios, level), median_interval(log_ratios, level)
    if interval is None or of_median is None:
        return "unclear"
    found, centre = side(*interval, zone), median(log_ratios)
    contradicted = found != "tie" and side(*of_median, 0.0) != found
    return "unclear" if contradicted or side(centre, centre, zone) != found else found


def blocks_needed(n: int, half_width: float, precision: float) -> float:
    """Blocks in all until the interval's half-width is `precision`, if n blocks gave `half_width`.

    n (h / e)^2, since a half-width shrinks with the square root of the number of blocks (Hoefler and
    Belli, SC'15, doi 10.1145/2807591.2807644). Infinite where it cannot be reached.
    """
    return n * (half_width / precision) ** 2 if precision > 0 else math.inf


def more_blocks(log_ratios: Sequence[float], zone: float, level: float = LEVEL) -> float:
    """How many blocks more would probably put the interval on one side of the tie zone's nearest edge; at least 1.

    Infinite if the estimate lies on that edge, or if too many values were cut off.
    """
    interval = signed_rank_interval(log_ratios, level)
    if interval is None:
        return max(1, MIN_BLOCKS - len(log_ratios))
    half_width = (interval.high - interval.low) / 2
    if not math.isfinite(half_width):
        return math.inf
    precision = abs(abs(hodges_lehmann(log_ratios)) - zone)
    return max(1.0, blocks_needed(len(log_ratios), half_width, precision) - len(log_ratios))


def faster_p(log_ratios: Sequence[float], zone: float) -> float:
    """p of 'not faster by more than the tie zone': Wilcoxon's exact signed-rank test, one-sided.

    At best 1 / 2^n. 1 if there is no value beside the edge of the zone.
    """
    beyond = [value + zone for value in log_ratios if value != -zone]
    return float(stats.wilcoxon(beyond, alternative="less", method="exact").pvalue) if beyond else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the given order, for claims made together: the chance that any is false is bounded.

    Holm's step-down, Scand. J. Statist. 6 (1979) 65. No assumption on how the claims depend on each other.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for step, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[place]))
        adjusted[place] = largest
    return adjusted
