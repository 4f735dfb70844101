"""The statistics against SciPy, known tables and simulated noise."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import combinations
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from handoff import statistics as s

ZONE = math.log(1.05)
RANKS_95 = {6: 1, 8: 4, 10: 9, 15: 26, 20: 53, 30: 138}
RANKS_975 = {8: 3, 10: 6, 12: 11, 15: 21, 20: 46, 30: 125}
MEDIAN_RANKS = {6: (1, 6), 8: (1, 8), 10: (2, 9), 15: (4, 12), 20: (6, 15), 30: (10, 21)}

numbers = st.floats(-5, 5).map(lambda x: round(x, 6))
samples = st.lists(numbers, min_size=1, max_size=25)
enough = st.lists(numbers, min_size=6, max_size=25)
censored = st.lists(st.one_of(numbers, st.just(math.inf), st.just(-math.inf)), min_size=6, max_size=20)


@pytest.mark.parametrize("n", RANKS_95)
def test_signed_rank_table_95(n: int) -> None:
    assert s.signed_rank_rank(n) == RANKS_95[n]


@pytest.mark.parametrize("n", RANKS_975)
def test_signed_rank_table_975(n: int) -> None:
    assert s.signed_rank_rank(n, 0.975) == RANKS_975[n]


@pytest.mark.parametrize("n", MEDIAN_RANKS)
def test_median_table(n: int) -> None:
    assert s.median_ranks(n) == MEDIAN_RANKS[n]


@pytest.mark.parametrize("n", range(6, 61))
def test_median_ranks_are_scipys(n: int) -> None:
    theirs = stats.quantile_test(np.arange(1.0, n + 1), q=0, p=0.5).confidence_interval(0.95)
    assert s.median_ranks(n) == (theirs.low, theirs.high)


@pytest.mark.parametrize("n", range(6))
def test_below_six_blocks_there_is_no_interval_and_no_verdict(n: int) -> None:
    assert s.signed_rank_interval([-1.0] * n) is None
    assert s.median_interval([-1.0] * n) is None
    assert s.verdict([-1.0] * n, ZONE) == "unclear"


def test_the_975_interval_needs_seven_blocks() -> None:
    assert s.signed_rank_interval([1.0] * 6, 0.975) is None
    assert s.signed_rank_interval([1.0] * 7, 0.975) == (1.0, 1.0)


@pytest.mark.parametrize("n", [6, 7, 10, 15, 25])
def test_the_interval_holds_what_wilcoxons_exact_test_does_not_reject(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    low, high = s.signed_rank_interval(list(values)) or (math.nan, math.nan)
    for shift in np.linspace(low - 0.5, high + 0.5, 41):
        p = stats.wilcoxon(values - shift, method="exact").pvalue
        assert (p > 0.05) == (low < shift < high)


def chance_of_rank_sum_below(rank: int, n: int) -> float:
    """P(W+ < rank) by SciPy: the p value of a sample whose positive ranks add up to rank - 1."""
    left, sample = rank - 1, []
    for size in range(n, 0, -1):
        positive = size <= left
        left -= size * positive
        sample.append(size if positive else -size)
    return float(stats.wilcoxon(sample, alternative="less", method="exact").pvalue)


@pytest.mark.parametrize("n", [6, 10, 20])
def test_coverage_of_the_signed_rank_interval_is_the_exact_one(n: int) -> None:
    """Symmetric noise with heavy tails: within four standard errors of what the theory says, never below 95 %."""
    random, runs = np.random.default_rng(n), 1500
    drawn = random.standard_t(2, size=(runs, n))
    intervals = [s.signed_rank_interval(row.tolist()) for row in drawn]
    covered = sum(interval is not None and interval.low <= 0 <= interval.high for interval in intervals) / runs
    exact = 1 - 2 * chance_of_rank_sum_below(s.signed_rank_rank(n) or 0, n)
    assert exact >= 0.95
    assert covered == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / runs))


@pytest.mark.parametrize("n", [6, 10, 20])
def test_coverage_of_the_median_interval_needs_no_symmetry(n: int) -> None:
    random, runs = np.random.default_rng(n), 3000
    drawn = random.lognormal(0, 0.5, size=(runs, n)) * np.where(random.random((runs, n)) < 0.1, 3.0, 1.0)
    true = float(np.median(random.lognormal(0, 0.5, size=400_000) * np.where(random.random(400_000) < 0.1, 3.0, 1.0)))
    intervals = [s.median_interval(row.tolist()) for row in drawn]
    covered = sum(interval is not None and interval.low <= true <= interval.high for interval in intervals) / runs
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def verdicts(shift: float, spread: float, n: int, runs: int = 1000) -> list[str]:
    """Verdicts on pairs of blocks whose own values spread by that much."""
    drawn = np.random.default_rng(1).normal(shift, spread * math.sqrt(2), size=(runs, n))
    return [s.verdict(row.tolist(), ZONE) for row in drawn]


def test_equals_are_ties_and_hardly_ever_a_direction() -> None:
    found = verdicts(0.0, 0.026, 10)
    assert found.count("tie") >= 880
    assert found.count("faster") + found.count("slower") <= 5


def test_ten_percent_slower_is_found_with_ten_blocks() -> None:
    found = verdicts(math.log(1.10), 0.026, 10)
    assert found.count("slower") >= 900
    assert found.count("faster") == 0


def test_at_the_edge_of_the_zone_a_direction_is_claimed_in_at_most_the_level() -> None:
    assert verdicts(ZONE, 0.02, 10, runs=2000).count("slower") <= 2000 * 0.025 + 3 * math.sqrt(2000 * 0.025)


def test_a_lopsided_sample_is_unclear() -> None:
    """Two modes of nearly equal weight: the signed-rank interval leaves 0 behind, the median's does not."""
    two_modes = [0.0, 0.001, 0.003, 0.002] * 3 + [-0.6, -0.61, -0.59, -0.62] * 3 + [-0.6]
    interval = s.signed_rank_interval(two_modes)
    assert interval is not None
    assert s.side(*interval, ZONE) == "faster"
    assert s.verdict(two_modes, ZONE) == "unclear"


@given(samples, st.floats(0.1, 10), numbers)
def test_hodges_lehmann_moves_and_stretches_with_the_values(values: list[float], factor: float, shift: float) -> None:
    moved = s.hodges_lehmann([factor * value + shift for value in values])
    assert moved == pytest.approx(factor * s.hodges_lehmann(values) + shift, abs=1e-9)


def test_hodges_lehmann_by_hand() -> None:
    assert s.hodges_lehmann([1.0, 2.0, 6.0]) == 2.75  # averages 1, 1.5, 2, 3.5, 4, 6
    with pytest.raises(ValueError, match="at least one value"):
        s.hodges_lehmann([])


@given(st.one_of(enough, censored))
def test_an_interval_holds_its_estimate(values: list[float]) -> None:
    rank, order = s.signed_rank_interval(values), s.median_interval(values)
    assert rank is not None
    assert order is not None
    assert rank.low <= s.hodges_lehmann(values) <= rank.high
    assert order.low <= sorted(values)[len(values) // 2] <= order.high


@given(st.one_of(enough, censored))
def test_swapping_the_two_turns_the_verdict_round(values: list[float]) -> None:
    opposite = {"faster": "slower", "slower": "faster", "tie": "tie", "unclear": "unclear"}
    assert s.verdict([-value for value in values], ZONE) == opposite[s.verdict(values, ZONE)]


@given(enough, st.floats(0.001, 1))
def test_a_verdict_is_what_the_interval_says_or_unclear(values: list[float], zone: float) -> None:
    interval = s.signed_rank_interval(values)
    assert interval is not None
    assert s.verdict(values, zone) in (s.side(*interval, zone), "unclear")


@pytest.mark.parametrize(
    "low, high, word",
    [(-0.3, -0.1, "faster"), (0.1, 0.3, "slower"), (-0.02, 0.03, "tie"), (-ZONE, ZONE, "tie"), (-0.1, 0.0, "unclear"),
     (-1.0, 1.0, "unclear"), (-0.1, -ZONE, "unclear"), (math.inf, math.inf, "slower")],
)  # fmt: skip
def test_sides_of_the_tie_zone(low: float, high: float, word: str) -> None:
    assert s.side(low, high, ZONE) == word


def test_pairs_are_blocks_that_both_have() -> None:
    mine, other = {("c", 1): 2.0, ("c", 2): 3.0, ("d", 1): 5.0}, {("c", 1): 1.0, ("c", 3): 1.0, ("d", 1): 5.0}
    assert s.paired_log_ratios(mine, other) == [pytest.approx(math.log(2)), 0.0]
    assert s.paired_log_ratios({}, other) == []


def test_what_was_cut_off_stays_on_its_side() -> None:
    cut = {1: math.inf, 2: 2.0, 3: math.inf}
    assert s.paired_log_ratios(cut, {1: 1.0, 2: 2.0, 3: math.inf}) == [math.inf, 0.0]
    assert s.paired_log_ratios({1: 1.0, 2: 2.0, 3: math.inf}, cut) == [-math.inf, 0.0]


def test_estimates_stay_finite_while_few_values_are_cut_off() -> None:
    values = [0.1, 0.2, 0.3, 0.2, 0.1, 0.3, 0.2, 0.1]
    assert s.hodges_lehmann([*values, math.inf, math.inf]) < 0.35
    assert s.median_interval([*values, math.inf, math.inf]) == (0.1, math.inf)
    assert s.hodges_lehmann([math.inf] * 5 + [0.1]) == math.inf
    assert s.verdict([*values, math.inf, math.inf], ZONE) == "slower"
    assert s.verdict([0.0] * 4 + [math.inf] * 4, ZONE) == "unclear"


def test_blocks_needed_grow_with_the_square() -> None:
    assert s.blocks_needed(10, 0.08, 0.04) == pytest.approx(40)
    assert s.blocks_needed(10, 0.08, 0.0) == math.inf


def test_more_blocks_until_it_is_decided() -> None:
    noisy = [-0.2, 0.1, -0.1, 0.2, 0.05, -0.05, 0.0, 0.15, -0.15, 0.0]
    assert 10 < s.more_blocks(noisy, ZONE) < 60
    assert s.more_blocks([0.3, 0.2], ZONE) == 4
    assert s.more_blocks([0.0] * 3 + [math.inf] * 3, ZONE) == math.inf
    assert s.more_blocks([ZONE - 0.1, ZONE + 0.1] * 3, ZONE) == math.inf


def test_holm_by_hand() -> None:
    assert s.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert s.holm([0.6, 0.7]) == [1.0, 1.0]
    assert s.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_none_and_bonferroni_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = s.holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p)
    assert [q for _, q in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)


def test_six_blocks_can_never_claim_faster_for_four_strategies_at_once() -> None:
    surest = s.faster_p([-9.0] * 6, ZONE)
    assert surest == 1 / 2**6
    assert min(s.holm([surest] * 4)) > 0.05
    assert min(s.holm([s.faster_p([-9.0] * 10, ZONE)] * 17)) < 0.05


def test_faster_means_by_more_than_the_zone() -> None:
    assert s.faster_p([-0.06, -0.07, -0.08, -0.09, -0.10, -0.11], ZONE) == 1 / 2**6
    assert s.faster_p([-0.01, -0.02, -0.03, -0.04, 0.0, 0.01], ZONE) == 1.0
    assert s.faster_p([-ZONE] * 6, ZONE) == 1.0
    assert s.faster_p([-0.5] * 5 + [-math.inf], ZONE) == 1 / 2**6


@given(samples)
def test_walsh_averages_are_all_pairs(values: list[float]) -> None:
    averages = s.walsh_averages(values)
    assert len(averages) == len(values) * (len(values) + 1) // 2
    assert averages == sorted(averages)
    assert min(values) - 1e-9 <= median(averages) <= max(values) + 1e-9


# Two samples that are not paired.

RANK_SUM_95 = {
    (3, 5): 1, (4, 4): 1, (5, 5): 3, (5, 8): 7, (6, 6): 6, (6, 10): 12, (8, 8): 14, (8, 12): 23, (10, 10): 24,
    (10, 20): 56, (15, 15): 65, (20, 20): 128,
}  # fmt: skip
"""One above the largest U that the usual tables reject at 0.05, two-sided."""


@pytest.mark.parametrize("sizes", RANK_SUM_95)
def test_rank_sum_table_95(sizes: tuple[int, int]) -> None:
    assert s.rank_sum_rank(*sizes) == s.rank_sum_rank(*sizes[::-1]) == RANK_SUM_95[sizes]


@pytest.mark.parametrize("sizes", [(0, 0), (0, 9), (1, 30), (2, 7), (3, 4)])
def test_too_few_values_have_no_rank_sum_interval(sizes: tuple[int, int]) -> None:
    assert s.rank_sum_interval([0.0] * sizes[0], [-1.0] * sizes[1]) is None


def test_the_975_interval_of_a_shift_needs_five_and_five() -> None:
    assert s.rank_sum_interval([1.0] * 4, [3.0] * 4, 0.975) is None
    assert s.rank_sum_interval([1.0] * 5, [3.0] * 5, 0.975) == (2.0, 2.0)


@pytest.mark.parametrize("sizes", [(2, 3), (4, 4), (3, 6), (5, 7)])
def test_the_rank_counts_every_way_to_mix_two_samples(sizes: tuple[int, int]) -> None:
    m, n = sizes
    places = combinations(range(m + n), m)
    u = sorted(sum(chosen) - m * (m - 1) // 2 for chosen in places)
    for level in (0.5, 0.8, 0.95, 0.99):
        allowed = (1 - level) / 2 * len(u)
        assert (s.rank_sum_rank(m, n, level) or 0) == sum(bisect_right(u, k) <= allowed for k in range(m * n + 1))


@pytest.mark.parametrize("sizes", [(4, 4), (5, 9), (6, 6), (10, 7), (12, 12)])
@pytest.mark.parametrize("level", [0.95, 0.975])
def test_the_shift_interval_holds_what_the_exact_rank_sum_test_does_not_reject(
    sizes: tuple[int, int], level: float
) -> None:
    random = np.random.default_rng(sizes)
    before, after = random.normal(size=sizes[0]), random.normal(0.5, 1.5, size=sizes[1])
    interval = s.rank_sum_interval(before.tolist(), after.tolist(), level)
    low, high = interval or (-math.inf, math.inf)
    for moved in np.linspace(-4.0, 5.0, 91):
        p = stats.mannwhitneyu(after - moved, before, method="exact").pvalue
        assert (p > 1 - level) == (low < moved < high)


@pytest.mark.parametrize("sizes", [(6, 6), (6, 10), (10, 10), (20, 20)])
def test_coverage_of_the_shift_interval_is_the_exact_one(sizes: tuple[int, int]) -> None:
    """Skewed noise with outliers, and a shift: within four standard errors of what the theory says."""
    random, runs = np.random.default_rng(sizes), 1500
    before, after = (
        random.lognormal(0, 0.5, size=(runs, n)) * np.where(random.random((runs, n)) < 0.1, 3, 1) for n in sizes
    )
    pairs = zip(before.tolist(), (after + 0.3).tolist(), strict=True)
    intervals = [s.rank_sum_interval(*pair) for pair in pairs]
    covered = sum(interval is not None and interval.low <= 0.3 <= interval.high for interval in intervals) / runs
    rank = s.rank_sum_rank(*sizes) or 0
    # SciPy's p value of a sample whose U is rank - 1: so many of the second lie above the lowest of the first.
    first, second = _with_u(rank - 1, *sizes)
    exact = 1 - 2 * float(stats.mannwhitneyu(second, first, alternative="less", method="exact").pvalue)
    assert exact >= 0.95
    assert covered == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / runs))


def _with_u(u: int, m: int, n: int) -> tuple[list[float], list[float]]:
    """m and n values of which u pairs have the second one larger."""
    whole, rest = divmod(u, m)
    above = [float(m)] * whole + ([rest - 0.5] if rest else [])
    second = [value + place / (10 * n) for place, value in enumerate([-1.0] * (n - len(above)) + above)]
    return [float(place) for place in range(m)], second


two_samples = st.tuples(enough, enough)
two_censored = st.tuples(censored, censored)


@given(st.one_of(two_samples, two_censored))
def test_swapping_two_samples_turns_the_shift_round(pair: tuple[list[float], list[float]]) -> None:
    before, after = pair
    there, back = s.shift(before, after), s.shift(after, before)
    assert (math.isnan(there) and math.isnan(back)) or there == -back
    low, high = s.rank_sum_interval(before, after) or (math.nan, math.nan)
    assert s.rank_sum_interval(after, before) == (-high, -low)
    assert math.isnan(there) or low <= there <= high


@given(two_samples, numbers, st.floats(0.1, 10))
def test_the_shift_moves_and_stretches_with_the_values(
    pair: tuple[list[float], list[float]], moved: float, factor: float
) -> None:
    before, after = pair
    other = s.shift([factor * x for x in before], [factor * y + moved for y in after])
    assert other == pytest.approx(factor * s.shift(before, after) + moved, abs=1e-9)


def test_the_shift_by_hand() -> None:
    assert s.shift([1.0, 2.0], [2.0, 4.0, 9.0]) == 2.5  # differences 0, 1, 2, 3, 7, 8
    with pytest.raises(ValueError, match="a value in each"):
        s.shift([], [1.0])


def test_what_was_cut_off_stays_on_its_side_of_a_shift_too() -> None:
    values = [0.1, 0.2, 0.3, 0.2, 0.1, 0.3]
    assert s.shift(values, [math.inf] * 6) == math.inf
    assert s.rank_sum_interval(values, [*values, math.inf]) == (pytest.approx(-0.1), pytest.approx(0.2))
    low, high = s.rank_sum_interval([math.inf] * 6, [math.inf] * 6) or (0.0, 0.0)
    assert (low, high) == (-math.inf, math.inf)
    assert math.isnan(s.shift([math.inf] * 6, [math.inf] * 6)), "nobody knows, and 0 would be a tie"
    assert s.shift([*values, math.inf], [*values, math.inf]) == pytest.approx(0.0), "one of 49 does not matter"
