"""Rows of the generated census, drawn a page at a time.

A page is always the same 8,192 rows, whatever the number of rows asked for or the size of block they are asked in: its
random numbers come from a generator of its own, seeded by (seed, page). So memory stays flat, the first rows of a large
file are the rows of a small one, and pages can be made in any order.
"""

from collections.abc import Iterator

import numpy as np

from data import geography, hedonic
from data.geography import Floats
from data.hedonic import Columns

COLUMNS = (
    "longitude",
    "latitude",
    "housing_median_age",
    "total_rooms",
    "total_bedrooms",
    "population",
    "households",
    "median_income",
    "median_house_value",
    "ocean_proximity",
)
LABEL = "median_house_value"

PAGE = 8192
_RURAL = 0.06
_ISLAND = 0.0004
_MISSING = 0.01
_MOST = 60_000.0


def blocks(rows: int, seed: int, block_rows: int) -> Iterator[Columns]:
    """Yield the rows of the census in order, ``block_rows`` at a time.

    Args:
        rows: How many rows in all.
        seed: Any whole number from 0 up; the same seed gives the same rows, on any machine.
        block_rows: Rows in each block but the last; no effect on what the rows hold.

    Yields:
        The ten columns in the order of :data:`COLUMNS`: float64 of shape ``[n]``, NaN where missing; the last strings.
    """
    held: list[Columns] = []
    for number in range(-(-rows // PAGE)):
        content = page(number, seed)
        held.append(_slice(content, 0, min(PAGE, rows - number * PAGE)))
        while _length(held) >= block_rows:
            joined = _join(held)
            yield _slice(joined, 0, block_rows)
            held = [_slice(joined, block_rows, _length([joined]))]
    if _length(held):
        yield _join(held)


def page(number: int, seed: int) -> Columns:
    """Draw one page of :data:`PAGE` rows."""
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))
    longitude, latitude, island = _places(random)
    coast = geography.distance_to_coast(longitude, latitude)
    centre = np.max([geography.closeness_to(town, longitude, latitude) for town in geography.TOWNS], axis=0)
    normal = random.standard_normal((6, PAGE))

    log_income = 1.16 + 0.14 * np.exp(-coast / 30.0) + 0.44 * normal[0]
    income = np.round(np.clip(np.exp(log_income), 0.4999, 15.0001), 4)
    log_income = np.log(income)
    households = np.clip(np.round(np.exp(6.0 + 0.72 * normal[1])), 4.0, 7_000.0)
    # One block in fifty is a holiday village: many rooms, few households.
    holiday = np.where(random.random(PAGE) < 0.02, np.minimum(random.exponential(0.6, PAGE), 2.5), 0.0)
    rooms_each = np.exp(1.63 + 0.30 * (log_income - 1.24) + 0.18 * normal[2] + holiday)
    people_each = np.exp(1.04 + 0.23 * normal[3])
    rooms = np.clip(np.round(households * rooms_each), 2.0, _MOST)
    columns: Columns = {
        "longitude": longitude,
        "latitude": latitude,
        "housing_median_age": np.clip(np.round(22.0 + 16.0 * centre + 12.0 * normal[4]), 1.0, 52.0),
        "total_rooms": rooms,
        "total_bedrooms": hedonic.draw_bedrooms(log_income, np.log(rooms / households), rooms, normal[5]),
        "population": np.clip(np.round(households * people_each), 3.0, _MOST),
        "households": households,
        "median_income": income,
        LABEL: np.zeros(PAGE),
        "ocean_proximity": geography.proximity(coast, geography.distance_to_bay(longitude, latitude), island),
    }
    columns[LABEL] = hedonic.draw_price(columns, random.standard_normal(PAGE))
    columns["total_bedrooms"] = np.where(random.random(PAGE) < _MISSING, np.nan, columns["total_bedrooms"])
    return columns


def _places(random: np.random.Generator) -> tuple[Floats, Floats, geography.Flags]:
    """Draw where blocks lie: round towns, scattered over the land, a few on an island; to hundredths of a degree."""
    shares = np.array([town.share for town in geography.TOWNS])
    home = random.choice(len(shares), size=PAGE, p=shares / shares.sum())
    offset = random.standard_normal((2, PAGE))
    longitude, latitude = np.zeros(PAGE), np.zeros(PAGE)
    for number, town in enumerate(geography.TOWNS):
        here = home == number
        longitude[here], latitude[here] = geography.scatter(town, offset[0, here], offset[1, here])
    rural = random.random(PAGE) < _RURAL
    wild_latitude = random.uniform(32.6, 41.9, PAGE)
    longitude = np.where(rural, -124.4 + 8.0 * random.random(PAGE) + (41.9 - wild_latitude) * 0.3, longitude)
    latitude = np.where(rural, wild_latitude, latitude)
    longitude, latitude = geography.ashore(longitude, latitude)
    island = random.random(PAGE) < _ISLAND
    longitude = np.where(island, -118.40 + 0.03 * offset[0], longitude)
    latitude = np.where(island, 33.37 + 0.02 * offset[1], latitude)
    return np.round(longitude, 2), np.round(latitude, 2), island


def _slice(columns: Columns, start: int, stop: int) -> Columns:
    return {name: values[start:stop] for name, values in columns.items()}


def _length(parts: list[Columns]) -> int:
    return sum(len(part[LABEL]) for part in parts)


def _join(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
