"""What a hand-over costs against its size: latency + bytes / bandwidth, and from which size on another is cheaper.

Where the data ask for it, the bandwidth is another one past a size: payloads that no longer fit into a cache, or
whose memory the allocator gives back to the kernel. Faults of pages have no term of their own: their number
grows with the bytes, so sizes alone cannot tell a cost a page from a cost a byte; they stand beside the bandwidth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import stats

from handoff.records import LARGEST
from handoff.regression import DRAWS, FINEST, LOOSEST, SEED, Array, Regression, Sample, logs, regress, sample, solve
from handoff.statistics import LEVEL

FEWEST_SIZES: Final = 3
"""Two sizes give a line, and nothing that shows whether it is one."""

MOST_STEPS: Final = 2
"""Sizes at which the bandwidth may change."""

UNSEEN: Final = 2.0
"""Past a cache that the sizes do not reach, a byte may cost so many times as much, or as many times less."""

REACH: Final = 8
"""How far beyond the sizes measured a crossover is looked for, as a factor."""

GRID: Final = 200
"""Sizes between which a crossover is looked for along straight lines."""

_STEP_P: Final = 0.05
_ENDLESS: Final = 300.0
_TAIL: Final = (1 - LEVEL) / 2
_FUTURE: Final = np.random.default_rng(SEED).standard_normal((DRAWS, 16))


class Point(NamedTuple):
    """One size of a curve."""

    size: int
    """Bytes of one payload."""
    seconds: Mapping[Any, float]
    """The value of each block, by whatever names a block; +inf where it was cut off."""


class Estimate(NamedTuple):
    """A value and its interval of LEVEL; an end that nobody knows is infinite."""

    value: float
    low: float
    high: float


class Prediction(NamedTuple):
    """Seconds that a block's median transfer takes, and where those of LEVEL of all blocks lie."""

    seconds: float
    low: float
    high: float
    extrapolated: bool
    """The size is smaller or larger than any that was measured."""


class Crossover(NamedTuple):
    """The size at which two ways cost the same; an end of the interval is 0 or infinite where they may never do."""

    size: float
    low: float
    high: float
    extrapolated: bool
    """It lies outside the sizes that were measured of both."""


def estimate(value: float, draws: Array) -> Estimate:
    """The value between the ends of the middle LEVEL of its draws."""
    low, high = np.quantile(draws, [_TAIL, 1 - _TAIL], method="nearest")
    return Estimate(float(value), float(min(low, value)), float(max(high, value)))


def design(sizes: Array, steps: Sequence[int]) -> Array:
    """One column for the latency and one for the bytes of each stretch between steps: (n,) -> (n, 2 + steps)."""
    edges = [0.0, *map(float, steps), np.inf]
    stretches = [np.clip(sizes, low, high) - low for low, high in pairwise(edges)]
    return np.column_stack([np.ones(len(sizes)), *stretches])


@dataclass(frozen=True)
class Fit:
    """A curve's costs: latency, and seconds a byte of each stretch of sizes."""

    sizes: Array
    """Fitted ones in bytes, ascending; (n,)."""
    steps: tuple[int, ...]
    """Sizes past which the bandwidth is another one."""
    unseen: float
    """The size past which a cache was never seen to be full; infinite if there is none."""
    data: Sample
    regression: Regression

    @property
    def latency(self) -> Estimate:
        """Seconds before the first byte."""
        return estimate(self.regression.parts[0], self.regression.draws[:, 0])

    @property
    def bandwidths(self) -> tuple[Estimate, ...]:
        """Bytes a second of one payload in each stretch, steps + 1; infinite where bytes cost nothing that shows."""
        with np.errstate(divide="ignore"):
            values, draws = 1 / self.regression.parts[1:], 1 / self.regression.draws[:, 1:]
        return tuple(estimate(value, draws[:, stretch]) for stretch, value in enumerate(values))

    @property
    def residual(self) -> float:
        """Root of the mean square of ln(measured / fitted): 0.02 is about 2 %."""
        return float(np.sqrt(np.mean(self.regression.residuals**2)))

    @property
    def largest_residual(self) -> float:
        """That of the size that the fit misses most, without its sign."""
        return float(np.max(np.abs(self.regression.residuals)))

    def times(self, sizes: Array) -> Array:
        """Seconds of the fit and, below it, of every draw; (m,) -> (1 + DRAWS, m).

        Where the model misses what was measured by more than noise, it misses its neighbours likewise: between two
        sizes the residuals are interpolated, over ln(size), and beyond the last one they halve with every doubling.
        """
        places, known = np.log(sizes), np.log(self.sizes)
        of_parts = self._parts @ design(sizes, self.steps).T
        fading = 0.5 ** (np.maximum(0, np.maximum(known[0] - places, places - known[-1])) / np.log(2))
        missed = np.array([np.interp(places, known, row) for row in self._missed])
        return np.asarray(of_parts * np.exp(missed * fading))

    @cached_property
    def _parts(self) -> Array:
        """Of the fit and, below it, of every draw; (1 + DRAWS, p)."""
        return np.vstack([self.regression.parts, self.regression.draws])

    @cached_property
    def _missed(self) -> Array:
        """ln(time / fit) at each size, of the fit and of every draw, as far as it is not noise; (1 + DRAWS, n).

        The share of a residual's variance that is the model's: what a Gaussian process with a nugget makes of it.
        """
        wrong = self.regression.scatter**2
        share = wrong / (wrong + self.data.variances)
        centres = np.vstack([np.zeros(len(self.sizes)), self.data.deviations]) + self.data.centres
        missed = (centres - logs(self._parts @ design(self.sizes, self.steps).T)) * share
        return np.asarray(np.clip(missed, -LOOSEST, LOOSEST))

    def predict(self, size: float) -> Prediction:
        """What a transfer of so many bytes takes, and the interval that a block's value will lie in.

        Its width has three sources: the fitted parts, the noise of one block, and how wrong the model is where it was
        fitted. Beyond the sizes fitted the last of these grows by itself with every doubling, and past a cache that
        they do not fill, a byte may cost UNSEEN times as much or as little.

        Raises:
            ValueError: it is not above 0, or larger than any memory.
        """
        if not 0 < size <= LARGEST:
            raise ValueError(f"{size} bytes is no size")
        size = float(size)
        of_all = self.times(np.array([size]))[:, 0]
        seconds, drawn = np.exp(logs(of_all[0])), of_all[1:]
        smallest, largest = self.sizes[0], self.sizes[-1]
        doublings = max(0.0, np.log2(size / largest), np.log2(smallest / size))
        noise = np.interp(np.log(size), np.log(self.sizes), self.data.noise)
        deviation = np.hypot(max(noise, FINEST), self.regression.scatter * (1 + doublings))
        past = max(0.0, size - self.unseen) * self.regression.draws[:, -1]
        low, high = (
            np.exp(np.quantile(logs(drawn + more)[:, None] + deviation * _FUTURE, tail).clip(-_ENDLESS, _ENDLESS))
            for more, tail in ((-past * (1 - 1 / UNSEEN), _TAIL), (past * (UNSEEN - 1), 1 - _TAIL))
        )
        beyond = not smallest <= size <= largest
        return Prediction(float(seconds), float(min(low, seconds)), float(max(high, seconds)), beyond)


def _candidates(sizes: Array, caches: Sequence[int]) -> list[int]:
    """Where a step may be: a payload and its copies fill a cache at it, its half or its quarter; or a size fitted.

    Both stretches that it parts must hold two sizes.
    """
    places = {cache // part for cache in caches for part in (1, 2, 4)} | {int(size) for size in sizes}
    return sorted(c for c in places if np.sum(sizes <= c) >= 2 and np.sum(sizes > c) >= 2)


def _steps(sizes: Array, data: Sample, caches: Sequence[int]) -> tuple[int, ...]:
    """The steps that the data ask for, one after another; of each the best place (_asked_for says whether)."""
    steps: tuple[int, ...] = ()
    candidates = _candidates(sizes, caches)
    while len(steps) < MOST_STEPS and len(sizes) - 2 - 2 * (len(steps) + 1) >= 1:
        before = regress(data, design(sizes, steps))
        variances = data.variances + before.scatter**2
        tried: dict[tuple[int, ...], Array] = {}
        for trial in {tuple(sorted({*steps, place})) for place in candidates} - {steps}:
            edges = [0, *trial, np.inf]
            if min(np.sum((sizes > low) & (sizes <= high)) for low, high in pairwise(edges)) >= 2:
                columns = design(sizes, trial)
                tried[trial] = data.centres - logs(columns @ solve(columns, data.centres, variances))
        if not tried:
            break
        best = min(sorted(tried), key=lambda trial: _squares(tried[trial], variances))
        if not _asked_for(before, tried[best], data, len(sizes) - 2 - 2 * len(best), len(tried)):
            break
        steps = best
    return steps


def _squares(residuals: Array, variances: Array) -> float:
    return float(np.sum((residuals**2 + FINEST**2) / variances))


def _asked_for(before: Regression, after: Array, data: Sample, free: int, tried: int) -> bool:
    """Whether a step, which costs two parameters, its place and a bandwidth, is worth them.

    Either an F test of the residuals says so; or the noise of the blocks, by a chi-square test, when the residuals
    become half as large as well. Of many places the best was taken: both p are multiplied by their number (Bonferroni).
    """
    variances = data.variances + before.scatter**2
    ratio = _squares(before.residuals, variances) / _squares(after, variances)
    by_residuals = stats.f.sf((ratio - 1) / 2 * free, 2, free)
    gain = _squares(before.residuals, data.variances) - _squares(after, data.variances)
    by_noise = stats.chi2.sf(gain, 2) if ratio >= 4 else 1.0
    return bool(min(by_residuals, by_noise) * tried < _STEP_P)


def fit(points: Sequence[Point], caches: Sequence[int] = ()) -> Fit:
    """The costs of a curve of three sizes or more; `caches` are the machine's, in bytes.

    Raises:
        ValueError: fewer sizes, one of them twice or not above 0, or one without a median.
    """
    ordered = sorted(points, key=lambda point: point.size)
    sizes = np.array([float(point.size) for point in ordered])
    if len(sizes) < FEWEST_SIZES or sizes[0] <= 0 or len({point.size for point in ordered}) < len(sizes):
        raise ValueError(f"a fit needs {FEWEST_SIZES} different sizes above 0, and not {[p.size for p in ordered]}")
    data = sample([point.seconds for point in ordered])
    steps = _steps(sizes, data, caches)
    # Of a cache in use one sees enough when two sizes exceed it, or one does so by far.
    unfilled = [cache for cache in caches if np.sum(sizes > cache) < 2 and sizes[-1] < 2 * cache]
    unseen = max(float(min(unfilled)), sizes[-1]) if unfilled else np.inf
    return Fit(sizes, steps, unseen, data, regress(data, design(sizes, steps)))


def crossover(a: Fit, b: Fit) -> Crossover | None:
    """The size at which the two fits cost the same; None if there is none up to REACH times beyond what was measured.

    Of several it is one inside the sizes measured, else the one nearest to them. Each draw has its own, the nearest to
    the fits'; draws of two fits of the same blocks hang together, since what disturbs a block disturbs both.
    """
    inside = max(a.sizes[0], b.sizes[0]), min(a.sizes[-1], b.sizes[-1])
    ends = min(inside) / REACH, max(inside) * REACH
    steps = [step for step in {*a.steps, *b.steps} if ends[0] < step < ends[1]]
    grid = np.geomspace(*ends, GRID)
    edges = np.array(sorted({*map(float, grid), *map(float, steps), *a.sizes, *b.sizes}))
    edges = edges[(ends[0] <= edges) & (edges <= ends[1])]
    differences = a.times(edges) - b.times(edges)
    found = _roots(edges, differences[0])
    if not found.size:
        return None
    far = np.maximum(0, np.maximum(np.log(found / inside[1]), np.log(inside[0] / found)))
    size = float(found[np.argmin(far)])
    nearest = []
    for each in differences[1:]:
        roots = _roots(edges, each)
        nearest.append(roots[np.argmin(np.abs(np.log(roots / size)))] if roots.size else np.nan)
    drawn = np.array(nearest)
    low = np.quantile(np.where(np.isnan(drawn), 0.0, drawn), _TAIL, method="nearest")
    high = np.quantile(np.where(np.isnan(drawn), np.inf, drawn), 1 - _TAIL, method="nearest")
    return Crossover(size, float(min(low, size)), float(max(high, size)), not inside[0] <= size <= inside[1])


def _roots(edges: Array, values: Array) -> Array:
    """Where a line through these values at these edges is 0."""
    first, second = values[:-1], values[1:]
    crossed = np.flatnonzero((first < 0) != (second < 0))
    share = first[crossed] / (first[crossed] - second[crossed])
    return np.asarray(edges[crossed] + share * (edges[crossed + 1] - edges[crossed]))
