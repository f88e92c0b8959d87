"""The best that anybody can say of what follows a window of :mod:`data.waves`, who knows how waves are drawn.

Given its frequency, a series is jointly normal: what follows the window is normal, with mean and variance by the usual
formulas. Which frequency it was, the window tells by its likelihood. So what follows is a mixture of normals, one for
each frequency; its median has the least absolute error of all predictions. Frequencies are taken on a grid, fine
against what 24 values can tell apart.
"""

from typing import NamedTuple

import numpy as np

from data import waves
from data.hedonic import normal_cdf
from data.waves import Floats

GRID = 400
_ROWS = 512  # worked on at a time, which bounds the memory


class Mixture(NamedTuple):
    """What may follow each of n windows.

    Attributes:
        weights: Of each frequency, ``[n, GRID]``; each row adds up to 1.
        means: Of what follows, if the frequency is that one; ``[n, GRID]``.
        deviations: Standard deviations of the same, ``[GRID]``.
    """

    weights: Floats
    means: Floats
    deviations: Floats


def best_prediction(windows: Floats) -> Floats:
    """The median of what may follow windows ``[n, 24]``; ``[n]``: no prediction has a lower expected absolute error."""
    return np.concatenate([_median(mixture(part)) for part in _parts(windows)])


def expected_error(windows: Floats) -> Floats:
    """Expected absolute error of :func:`best_prediction` for each of the windows ``[n, 24]``; ``[n]``."""
    return np.concatenate([_error(mixture(part)) for part in _parts(windows)])


def mixture(windows: Floats) -> Mixture:
    """Find what may follow windows ``[n, 24]``."""
    low, high = waves.FREQUENCIES
    frequencies = low + (high - low) * (np.arange(GRID) + 0.5) / GRID
    around = windows - waves.LEVEL
    likelihoods, means = np.empty((2, len(windows), GRID))
    deviations = np.empty(GRID)
    for number, frequency in enumerate(frequencies):
        turns = 2.0 * np.pi * frequency * np.arange(waves.STEPS + 1)
        level = np.full_like(turns, waves.LEVEL_SPREAD)
        parts = np.stack([waves.WAVE * np.cos(turns), waves.WAVE * np.sin(turns), level])
        covariance = parts.T @ parts + waves.NOISE**2 * np.eye(waves.STEPS + 1)
        within, across, variance = covariance[:-1, :-1], covariance[:-1, -1], covariance[-1, -1]
        weights = np.linalg.solve(within, across)
        means[:, number] = waves.LEVEL + around @ weights
        deviations[number] = np.sqrt(variance - across @ weights)
        distance = np.sum(around * np.linalg.solve(within, around.T).T, axis=1)
        likelihoods[:, number] = -0.5 * (distance + np.linalg.slogdet(within)[1])
    chances = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
    return Mixture(chances / chances.sum(axis=1, keepdims=True), means, deviations)


def _parts(windows: Floats) -> list[Floats]:
    windows = np.asarray(windows, dtype=np.float64)
    return np.split(windows, range(_ROWS, len(windows), _ROWS))


def _median(what: Mixture) -> Floats:
    """By Newton's method from the mean, which is close: the distribution function has no inverse in closed form."""
    median = np.sum(what.weights * what.means, axis=1)
    for _ in range(4):
        far = (median[:, None] - what.means) / what.deviations
        below = np.sum(what.weights * normal_cdf(far), axis=1)
        density = np.sum(what.weights * _density(far) / what.deviations, axis=1)
        median = median - (below - 0.5) / density
    return np.asarray(median)


def _error(what: Mixture) -> Floats:
    """Mean distance from the median; E|X| of a normal X with mean z and deviation 1 is 2 pdf(z) + z (2 cdf(z) - 1)."""
    far = (what.means - _median(what)[:, None]) / what.deviations
    distances = what.deviations * (2.0 * _density(far) + far * (2.0 * normal_cdf(far) - 1.0))
    return np.asarray(np.sum(what.weights * distances, axis=1))


def _density(z: Floats) -> Floats:
    """The standard normal density."""
    return np.asarray(np.exp(-z * z / 2.0) / np.sqrt(2.0 * np.pi))
