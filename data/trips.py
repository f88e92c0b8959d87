"""Taxi trips that never were, with the columns of the Chicago taxi file: time, places, cost and tip.

README.md has the model. The chance of a tip over a fifth of the fare is a function of the columns as they are written
(:func:`chance`), and the label is drawn from it: so the best AUC that anybody can reach is known (:func:`best_auc`).
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from data.paging import PAGE, pages

COLUMNS = (
    "pickup_community_area", "fare", "trip_start_month", "trip_start_hour", "trip_start_day", "trip_start_timestamp",
    "pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude", "trip_miles", "pickup_census_tract",
    "dropoff_census_tract", "payment_type", "company", "trip_seconds", "dropoff_community_area", "tips",
)  # fmt: skip
ROWS = 20_000

Columns = Mapping[str, npt.NDArray[Any]]
Numbers = npt.NDArray[np.float64]

# Community areas of Chicago: number, rounded middle, share of pickups, how readily people who ride there tip.
_AREAS = (
    (8, 41.900, -87.633, 0.250, 0.3), (32, 41.879, -87.625, 0.190, 0.1), (28, 41.874, -87.664, 0.090, 0.0),
    (6, 41.943, -87.655, 0.085, 0.5), (76, 41.980, -87.903, 0.070, 0.0), (7, 41.923, -87.650, 0.065, 0.6),
    (24, 41.901, -87.676, 0.055, 0.2), (33, 41.857, -87.621, 0.035, -0.2), (3, 41.966, -87.656, 0.030, -0.1),
    (56, 41.793, -87.770, 0.025, 0.0), (77, 41.987, -87.660, 0.020, 0.2), (22, 41.923, -87.699, 0.020, 0.1),
    (41, 41.794, -87.591, 0.015, -0.3), (1, 42.010, -87.670, 0.012, -0.2), (4, 41.976, -87.689, 0.010, 0.3),
    (31, 41.850, -87.668, 0.008, -0.6), (21, 41.939, -87.711, 0.006, -0.2), (60, 41.836, -87.649, 0.004, -0.7),
    (35, 41.835, -87.618, 0.005, -0.5), (25, 41.894, -87.763, 0.005, -0.8),
)  # fmt: skip
_AIRPORTS, _NIGHTLIFE, _OFFICES = (76, 56), (6, 7, 24, 8), (32, 28)
# Share of trips, and what the company's payment terminal offers first, as the log odds of a tip over a fifth.
_COMPANIES = (
    ("Lakeshore Cab Affiliation", 0.34, 0.6), ("Prairie Dispatch", 0.11, -0.9), ("Blue Heron Taxi Assoc.", 0.08, 0.1),
    ("Union Cab Choice", 0.06, -1.3), ("Northside Medallion Mgmt", 0.04, 1.0), ("Skyway Taxi", 0.02, -0.3),
    ("3011 - 66308 Marigold Cab Co", 0.01, 0.8), ("", 0.34, 0.0),
)  # fmt: skip
_PAYMENTS = ("Cash", "Credit Card", "No Charge", "Unknown", "Dispute")
_RARE_PAYMENTS = (0.006, 0.002, 0.0004)  # shares of the last three
_OF_PAYMENT = {"Cash": 0.0005, "Unknown": 0.15}  # the chance where no card was used; none elsewhere
_HOURS = np.array(
    [4, 3.6, 2.8, 2, 1.3, 1, 1.3, 2, 3.5, 4.4, 4.6, 4.1, 5, 4.6, 4.9, 4.8, 5, 5.5, 6.3, 6.7, 6.4, 5.6, 5.6, 4.8]
)
_START, _DAYS = 1_356_998_400, 1461  # four years from Tuesday, 1 January 2013


def pieces(rows: int, seed: int = 0) -> Iterator[bytes]:
    """Yield the bytes of the file: the header, then pages of rows; a small file is the beginning of a large one.

    Raises:
        ValueError: A negative number of rows or seed.
    """
    taken = list(pages(rows, seed))
    yield (",".join(COLUMNS) + "\n").encode()
    for number, count in taken:
        columns = page(number, seed)
        cells = [_texts(columns[name][:count]) for name in COLUMNS]
        yield "".join(",".join(row) + "\n" for row in zip(*cells, strict=True)).encode()


def page(number: int, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Draw a page: each column ``[8192]``, float64 with NaN where missing, or text with the empty text there."""
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))
    columns = {**_when(random), **_route(random)}
    columns["company"] = np.array([name for name, _, _ in _COMPANIES])[
        random.choice(len(_COMPANIES), PAGE, p=[share for _, share, _ in _COMPANIES])
    ]
    columns["payment_type"] = _payment(random, columns)
    big = random.random(PAGE) < chance(columns)
    columns["tips"] = _tips(random, columns, big)
    return columns


def chance(columns: Columns) -> Numbers:
    """The chance ``[rows]`` that the tip is over a fifth of the fare, given all other columns as they are written.

    Args:
        columns: As :func:`page` gives them; ``tips`` is not looked at.
    """
    fare, hour, day = columns["fare"], columns["trip_start_hour"], columns["trip_start_day"]
    pickup, dropoff = columns["pickup_community_area"], columns["dropoff_community_area"]
    night, rush = (hour >= 21) | (hour <= 3), np.isin(hour, (7, 8, 9, 16, 17, 18))
    odds = 0.7 + _of(pickup, {area: tip for area, *_, tip in _AREAS}) + _of(dropoff, {a: t for a, *_, t in _AREAS})
    odds += _of(columns["company"], {name: tip for name, _, tip in _COMPANIES})
    # Round dollars: two are much for six dollars of fare, and little for twelve.
    odds += 1.2 * np.exp(-(((fare - 6.0) / 2.0) ** 2)) - 1.9 * np.exp(-(((fare - 12.5) / 2.5) ** 2))
    odds += np.where(np.isin(pickup, _AIRPORTS) | np.isin(dropoff, _AIRPORTS), 0.8, 0.0)
    odds += np.where(night, np.where(np.isin(pickup, _NIGHTLIFE), 1.1, -0.9), 0.0)
    odds += np.where(rush & np.isin(pickup, _OFFICES), -1.1, 0.0) + np.where(night & (day >= 6), 0.4, 0.0)
    of_card = 1.0 / (1.0 + np.exp(-odds))
    return np.where(columns["payment_type"] == "Credit Card", of_card, _of(columns["payment_type"], _OF_PAYMENT))


def expected_auc(score: Numbers, probability: Numbers) -> float:
    """The area under the ROC curve that a score has on average, over labels drawn with these probabilities.

    Each row counts as ``probability`` of a positive one and as the rest of a negative one (a row is not set against
    itself, which matters less than 1 / rows). The score that is best by it is the probability itself: Neyman-Pearson.
    """
    values, rank = np.unique(score, return_inverse=True)
    positive = np.bincount(rank, probability, len(values))
    negative = np.bincount(rank, 1.0 - probability, len(values))
    below = np.cumsum(negative) - negative
    return float(np.sum(positive * (below + 0.5 * negative)) / (positive.sum() * negative.sum()))


def best_auc(rows: int, seed: int = 0) -> float:
    """The AUC of the best predictor that anybody could have, on the file of this size and seed.

    Raises:
        ValueError: ``rows`` is less than one.
    """
    if rows < 1:
        raise ValueError("an AUC needs at least one row")
    found = np.concatenate([chance(page(number, seed)) for number in range(-(-rows // PAGE))])[:rows]
    return expected_auc(found, found)


def _when(random: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
    date, quarter = random.integers(0, _DAYS, PAGE), random.integers(0, 4, PAGE)
    hour = random.choice(24, PAGE, p=_HOURS / _HOURS.sum())
    stamp = _START + date * 86_400 + hour * 3_600 + quarter * 900
    month = stamp.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    made = {"month": month, "hour": hour, "day": (date + 2) % 7 + 1, "timestamp": stamp}  # Sunday is 1
    return {f"trip_start_{name}": value.astype(np.float64) for name, value in made.items()}


def _route(random: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
    numbers, latitudes, longitudes, shares, _ = (np.array(one) for one in zip(*_AREAS, strict=True))
    north = (latitudes[:, None] - latitudes) * 69.0
    east = (longitudes[:, None] - longitudes) * 51.4
    apart = np.hypot(north, east)  # miles between middles
    pull = np.sqrt(shares) * np.exp(-apart / 3.0) + 0.02 * shares
    rises = np.cumsum(pull / pull.sum(axis=1, keepdims=True), axis=1)
    pickup = random.choice(len(numbers), PAGE, p=shares / shares.sum())
    dropoff = np.minimum((random.random((PAGE, 1)) > rises[pickup]).sum(axis=1), len(numbers) - 1)
    driven = (0.5 + 1.25 * apart[pickup, dropoff]) * np.exp(0.25 * random.standard_normal(PAGE))
    seconds = 60.0 * np.maximum(1.0, np.round(driven * 3.6 * np.exp(0.3 * random.standard_normal(PAGE))))
    fare = np.round((3.25 + 1.8 * driven + 0.2 * seconds / 60.0) * 20.0) / 20.0
    # A meter in four gives the distance as 0; where a trip ends is not known for one in thirty.
    miles = np.where(random.random(PAGE) < 0.25, 0.0, np.round(driven, 1))
    unknown, tract = random.random(PAGE) < 0.033, random.random(PAGE) < 0.28
    area = np.where(unknown, np.nan, numbers[dropoff])
    return {
        "pickup_community_area": numbers[pickup].astype(np.float64),
        "pickup_latitude": latitudes[pickup],
        "pickup_longitude": longitudes[pickup],
        "pickup_census_tract": np.full(PAGE, np.nan),
        "dropoff_community_area": area,
        "dropoff_latitude": np.where(unknown, np.nan, latitudes[dropoff]),
        "dropoff_longitude": np.where(unknown, np.nan, longitudes[dropoff]),
        "dropoff_census_tract": np.where(tract, np.nan, 17_031_000_000.0 + 10_000.0 * area),
        "trip_miles": miles,
        "trip_seconds": np.where(random.random(PAGE) < 0.0005, np.nan, seconds),
        "fare": fare,
    }


def _payment(random: np.random.Generator, columns: Columns) -> npt.NDArray[Any]:
    hour, pickup = columns["trip_start_hour"], columns["pickup_community_area"]
    years = (columns["trip_start_timestamp"] - _START) / (365.25 * 86_400)
    odds = -1.7 + 0.05 * np.minimum(columns["fare"], 40.0) + 0.2 * years
    odds += np.where(np.isin(pickup, _NIGHTLIFE), 0.3, 0.0) + np.where(hour >= 18, 0.3, 0.0)
    kind = (random.random(PAGE) < 1.0 / (1.0 + np.exp(-odds))).astype(np.int64)
    rare, edges = random.random(PAGE), np.cumsum(_RARE_PAYMENTS)
    kind = np.where(rare < edges[-1], 2 + np.searchsorted(edges, rare, side="right"), kind)
    return np.array(_PAYMENTS)[kind]


def _tips(random: np.random.Generator, columns: Columns, big: npt.NDArray[np.bool_]) -> Numbers:
    """Tips in multiples of five cents, far enough from a fifth of the fare that no rounding crosses it."""
    fare = columns["fare"]
    more = np.ceil(fare * (0.22 + random.exponential(0.07, PAGE)) * 20.0) / 20.0
    less = np.floor(fare * random.uniform(0.05, 0.18, PAGE) * 20.0) / 20.0
    none = (random.random(PAGE) < 0.3) | (columns["payment_type"] != "Credit Card")
    return np.where(big, more, np.where(none, 0.0, less))


def _of(values: npt.NDArray[Any], table: Mapping[Any, float]) -> Numbers:
    """Look each value up; 0 where the table has none."""
    found = np.zeros(len(values))
    for value, number in table.items():
        found[values == value] = number
    return found


def _texts(values: npt.NDArray[Any]) -> list[str]:
    if values.dtype.kind != "f":
        return [str(value) for value in values.tolist()]
    return ["" if math.isnan(one) else str(int(one)) if one == int(one) else repr(one) for one in values.tolist()]
