"""The price model: what a median house costs given what is observed, and how far prices scatter round that.

A hedonic model: log price is a sum of what each attribute is worth, plus normal noise. What is written in the file is
``clip(round(price, 100), 14 999, 500 001)``. Everything here is computed from the values as they are written, so that
rounding hides nothing from a reader of the file, and the best possible prediction can be written down; README.md
derives it.
"""

import numpy as np
import numpy.typing as npt

from data import geography
from data.geography import Floats

Columns = dict[str, npt.NDArray[np.generic]]

FLOOR = 14_999.0
CAP = 500_001.0

_INTERCEPT = 11.55
_CLASS_PREMIUM = {"NEAR BAY": 0.10, "NEAR OCEAN": 0.07, "ISLAND": 0.45}
_BEDROOM_WORTH = 0.45
_BEDROOM_SCATTER = 0.11


def expected_bedroom_share(log_income: Floats, log_rooms: Floats) -> Floats:
    """Mean of log(bedrooms / rooms) given income and rooms per household: richer and larger means fewer."""
    return -1.575 - 0.22 * (log_income - 1.24) - 0.40 * (log_rooms - 1.65)


def log_price(columns: Columns) -> tuple[Floats, Floats]:
    """Mean and standard deviation of log price, in log dollars and before the cap, given rows as written.

    Args:
        columns: The nine columns of features, each of shape ``[n]``; ``total_bedrooms`` is NaN where missing.

    Returns:
        Two arrays of shape ``[n]``. The mean is the median too. Where bedrooms are missing, they are taken over what
        they could have been: the mean loses a term that is zero on average, the deviation gains its scatter.
    """
    longitude, latitude, age, income = (
        _floats(columns, n) for n in ("longitude", "latitude", "housing_median_age", "median_income")
    )
    rooms, households = _floats(columns, "total_rooms"), _floats(columns, "households")
    log_rooms = np.log(rooms / households)
    log_people = np.log(_floats(columns, "population") / households)
    log_income = np.log(income)
    coast = geography.distance_to_coast(longitude, latitude)
    by_the_sea = np.exp(-coast / 30.0)

    # Income: worth most in the middle of its range, and more by the sea.
    mean = _INTERCEPT + 0.95 * np.tanh(0.85 * (log_income - 1.25)) + 0.030 * np.minimum(income, 9.0)
    mean += 0.16 * (log_income - 1.25) * by_the_sea
    # Space and crowding, each levelling off: a holiday village with 40 rooms per household is no mansion.
    mean += 0.35 * np.tanh((log_rooms - 1.65) / 0.5) - 0.30 * np.tanh((log_people - 1.04) / 0.5)
    # Place: the sea, the north, the nearness of towns, the class.
    mean += 0.52 * by_the_sea - 0.10 * np.tanh((latitude - 37.8) / 1.5)
    centre = np.zeros_like(mean)
    for town in geography.TOWNS:
        closeness = geography.closeness_to(town, longitude, latitude)
        mean += town.premium * closeness
        np.maximum(centre, closeness, out=centre)
    for name, premium in _CLASS_PREMIUM.items():
        mean += premium * (columns["ocean_proximity"] == name)
    # Age: old houses lose on the outskirts and gain in town; new ones gain anywhere.
    mean += 0.10 * np.exp(-age / 8.0) + (0.32 * centre - 0.14) * (age - 28.0) / 24.0
    # Bedrooms: many small rooms are worth less than few large ones.
    surprise = np.log(_floats(columns, "total_bedrooms") / rooms) - expected_bedroom_share(log_income, log_rooms)
    known = ~np.isnan(surprise)
    mean -= _BEDROOM_WORTH * np.where(known, surprise, 0.0)

    # Prices scatter more by the sea and in old quarters.
    scale = 0.17 + 0.05 * by_the_sea + 0.03 * age / 52.0
    hidden = np.where(known, 0.0, _BEDROOM_WORTH * _BEDROOM_SCATTER)
    return mean, np.sqrt(scale**2 + hidden**2)


def draw_bedrooms(log_income: Floats, log_rooms: Floats, rooms: Floats, normal: Floats) -> Floats:
    """Total bedrooms of a block, a whole number of at least one; shapes ``[n]``."""
    shares = expected_bedroom_share(log_income, log_rooms) + _BEDROOM_SCATTER * normal
    return np.maximum(np.round(rooms * np.exp(np.minimum(shares, 0.0))), 1.0)


def draw_price(columns: Columns, normal: Floats) -> Floats:
    """The label as written, in dollars: rounded to hundreds, floored and capped; bedrooms must all be known."""
    mean, scale = log_price(columns)
    price = np.exp(mean + scale * normal)
    return np.clip(np.round(price, -2), FLOOR, CAP)


def best_prediction(columns: Columns) -> Floats:
    """The conditional median of the label given the features, in dollars: no predictor has a lower absolute error."""
    return np.clip(np.exp(log_price(columns)[0]), FLOOR, CAP)


def expected_error(columns: Columns) -> Floats:
    """Expected absolute error of :func:`best_prediction` for each row, in dollars; shape ``[n]``.

    Derived in README.md: with ``L(t) = E min(Y, t)`` of a log-normal ``Y``, what lies above the median ``m`` has the
    mean distance ``L(cap) - L(m)``, what lies below it ``(m - floor) - (L(m) - L(floor))``.
    """
    mean, scale = log_price(columns)
    median = np.clip(np.exp(mean), FLOOR, CAP)

    def mean_below(limit: Floats) -> Floats:
        """Mean of min(Y, limit)."""
        z = (np.log(limit) - mean) / scale
        return np.exp(mean + scale**2 / 2) * normal_cdf(z - scale) + limit * (1.0 - normal_cdf(z))

    floor, cap = np.full_like(mean, FLOOR), np.full_like(mean, CAP)
    above = mean_below(cap) - mean_below(median)
    below = (median - floor) - (mean_below(median) - mean_below(floor))
    return above + below


def _floats(columns: Columns, name: str) -> Floats:
    return np.asarray(columns[name], dtype=np.float64)


def normal_cdf(z: Floats) -> Floats:
    """The standard normal distribution function, to 1e-7 (Abramowitz and Stegun, Handbook, 26.2.17)."""
    # numpy has no error function, and scipy is no dependency of ours; 1e-7 of a price is a few cents.
    t = 1.0 / (1.0 + 0.2316419 * np.abs(z))
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-z * z / 2.0) / np.sqrt(2.0 * np.pi) * series
    return np.where(z > 0.0, 1.0 - tail, tail)
