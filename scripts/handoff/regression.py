"""Times that add up from parts, fitted by relative errors, with what is not known about the parts.

Pure functions of arrays. A time is X beta with every part at least 0, and what is minimised are the squares of
ln(time / fit): a transfer of a microsecond weighs as much as one of a second. Two things make the parts uncertain:
blocks differ, which a bootstrap over blocks repeats, and the model is not quite right, which its own residuals show.
"""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Array: TypeAlias = NDArray[np.floating[Any]]

DRAWS: Final = 400
"""Bootstrap replicates of a fit: enough for the ends of a 95 % interval."""

SEED: Final = 1
"""Of the bootstrap: equal data give equal intervals."""

FINEST: Final = 1e-3
"""No time is known better than to one part in a thousand, whatever its blocks say."""

LOOSEST: Final = 5.0
"""Standard deviation of a ln beyond which nothing is known at all, and larger numbers would only overflow."""

_SHORTEST_S: Final = 1e-30
"""A fit of 0 s has a logarithm, too."""
_PASSES: Final = 8
_CAUTION: Final = 0.25
_BORROWED: Final = 4


@dataclass(frozen=True)
class Sample:
    """What blocks say of n times, each at its own place (a size, a number of workers)."""

    centres: Array
    """ln of the median over blocks, in seconds; shape (n,)."""
    noise: Array
    """Standard deviation of one block's ln; (n,)."""
    variances: Array
    """Of the centres, by the noise alone; (n,)."""
    deviations: Array
    """What the centres might have been instead, less what they are; (DRAWS, n)."""


def sample(blocks: Sequence[Mapping[Any, float]]) -> Sample:
    """From the values of the blocks of n places, seconds above 0, to what they say of their medians.

    A replicate draws whole blocks, the same of every place, since what disturbs a machine disturbs a whole block.
    The few blocks of a place see less than the whole spread: deviations are stretched as Student's t is against the
    normal distribution. The noise of a place borrows from the others', as much as 5 blocks would tell.

    Raises:
        ValueError: a place has no median, because it has no block or because half of them were cut off (+inf).
    """
    keys: list[Hashable] = sorted({key for each in blocks for key in each})
    values = np.array([[np.log(each[key]) if key in each else np.nan for key in keys] for each in blocks])
    counts = np.isfinite(values).sum(axis=1)
    centres = _medians(values) if keys else np.full(len(blocks), np.nan)
    if not np.isfinite(centres).all():
        raise ValueError("a place has no median of its blocks")
    noise = _noise(values, counts)
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(len(keys), size=(DRAWS, len(keys)))
    again = np.array([_medians(row[drawn]) for row in values]).T
    deviations = np.where(np.isfinite(again), again - centres, 0.0)
    several = np.maximum(counts, 2)
    stretch = stats.t.ppf(0.975, several - 1) / stats.norm.ppf(0.975) * np.sqrt(several / (several - 1))
    alone = _normals(centres, len(centres)) * noise
    return Sample(
        centres, noise, np.pi / 2 * noise**2 / np.maximum(counts, 1) + FINEST**2,
        np.where(counts > 1, deviations * np.minimum(stretch, 3.0), alone),
    )  # fmt: skip


def _medians(rows: Array) -> Array:
    """Of each row's values that are there; nan where there are none."""
    there = ~np.isnan(rows)
    if there.all():
        return np.asarray(np.median(rows, axis=1))
    found = np.full(len(rows), np.nan)
    some = there.any(axis=1)
    found[some] = np.nanmedian(rows[some], axis=1)
    return found


def _noise(values: Array, counts: NDArray[np.integer[Any]]) -> Array:
    finite = np.where(np.isfinite(values), values, np.nan)
    own = np.array([np.nanvar(row, ddof=1) if n > 1 else np.nan for row, n in zip(finite, counts, strict=True)])
    typical = np.nanmedian(own) if (counts > 1).any() else 0.0
    degrees = np.maximum(counts - 1, 0)
    shared = _BORROWED * typical + degrees * np.nan_to_num(own)
    return np.asarray(np.minimum(np.sqrt(shared / (_BORROWED + degrees)), LOOSEST))


def _normals(centres: Array, columns: int) -> Array:
    """Standard normal numbers, (DRAWS, columns): of the data's own seed, so that two fits share none."""
    return np.random.default_rng([SEED, zlib.crc32(centres.tobytes())]).standard_normal((DRAWS, columns))


@dataclass(frozen=True)
class Regression:
    """The parts of a time, and how well they explain it."""

    parts: Array
    """At least 0; (p,)."""
    draws: Array
    """What they might be; (DRAWS, p)."""
    scatter: float
    """Standard deviation of ln(time / fit) beyond what blocks explain: how wrong the model is."""
    residuals: Array
    """ln(time / fit) of each place; (n,)."""


def solve(design: Array, centres: Array, variances: Array) -> Array:
    """The parts, at least 0, that minimise the sum of ln(time / fit)^2 / variance; shapes (n, p), (n,), (n,) -> (p,).

    Gauss-Newton: each pass is a linear least squares of its own with scipy.optimize.nnls (Lawson and Hanson, Solving
    Least Squares Problems, 1974, chapter 23), a step of which changes no time by more than a factor e.
    """
    fitted: Array = centres
    parts: Array = np.zeros(design.shape[1])
    for step in range(_PASSES):
        wanted = 1 + np.clip(centres - fitted, -1, 1) if step else np.ones(len(centres))
        rows = design * np.exp(-fitted)[:, None] / np.sqrt(variances)[:, None]
        parts = _non_negative(rows, wanted / np.sqrt(variances))
        fitted = logs(design @ parts)
    return parts


def _non_negative(rows: Array, wanted: Array) -> Array:
    scale = np.linalg.norm(rows, axis=0)
    scale[scale == 0] = 1.0
    try:
        return np.asarray(optimize.nnls(rows / scale, wanted)[0] / scale)
    except RuntimeError:  # it did not come to an end, on numbers that no clock gives
        return np.asarray(optimize.lsq_linear(rows / scale, wanted, (0, np.inf)).x / scale)


def logs(times: Array) -> Array:
    """ln of times that may be 0."""
    return np.asarray(np.log(np.maximum(times, _SHORTEST_S)))


def scatter(residuals: Array, variances: Array, parts: int) -> float:
    """The standard deviation by which the model is wrong: residuals have their variances and this one's beside.

    Paule and Mandel, J. Res. Natl. Bur. Stand. 87 (1982) 377, equate the sum of residual^2 / variance with its
    expectation. Few residuals may be small by luck, so that here the sum is as low as it is in one of four cases.
    """
    degrees = len(residuals) - parts
    sum_allowed = stats.chi2.ppf(_CAUTION, degrees)

    def excess(square: float) -> float:
        return float(np.sum(residuals**2 / (variances + square)) - sum_allowed)

    if excess(0.0) <= 0:
        return 0.0
    highest = float(np.sum(residuals**2)) / sum_allowed
    return float(np.sqrt(optimize.brentq(excess, 0.0, highest * (1 + 1e-9))))


def regress(data: Sample, design: Array) -> Regression:
    """The parts of a sample's times; the design has shape (n, p), n > p.

    A replicate is one step of Gauss-Newton away from the fit (its noise is small against the time).

    Raises:
        ValueError: no more places than parts.
    """
    n, p = design.shape
    if n <= p:
        raise ValueError(f"{p} parts need more than {n} places")
    wrong = 0.0
    for _ in range(3):
        variances = data.variances + wrong**2
        parts = solve(design, data.centres, variances)
        residuals = data.centres - logs(design @ parts)
        wrong = min(scatter(residuals, data.variances, p), LOOSEST)
    rows = design * np.exp(residuals - data.centres)[:, None] / np.sqrt(variances)[:, None]
    changes = (data.deviations + wrong * _normals(data.centres, n)) / np.sqrt(variances)
    scale = np.linalg.norm(rows, axis=0)
    scale[scale == 0] = 1.0
    draws = parts + changes @ (np.linalg.pinv(rows / scale).T / scale)
    for row in np.flatnonzero((draws < 0).any(axis=1)):
        draws[row] = _non_negative(rows, rows @ parts + changes[row])
    return Regression(parts, draws, wrong, residuals)
