"""A simplified California: coast, border, towns, and the five classes of nearness to the ocean.

Only enough geography for prices to depend on place in the way that they do in the census file: rising towards the
coast, peaking round towns of different wealth, with jumps where a class begins. Distances are in kilometres on a plane
(one degree of latitude is 111.2 km, one of longitude 111.2 km times the cosine of 36.5 degrees): the error against a
sphere is under 5% within the state, and no matter here, since the prices are made with the same distances.
"""

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]

PROXIMITIES = ("<1H OCEAN", "INLAND", "NEAR OCEAN", "NEAR BAY", "ISLAND")

_KM_NORTH = 111.2
_KM_EAST = 111.2 * float(np.cos(np.radians(36.5)))

_COAST = np.array(
    [
        (-117.12, 32.54), (-117.27, 32.85), (-117.39, 33.20), (-117.90, 33.60), (-118.41, 33.75), (-118.50, 34.02),
        (-118.80, 34.01), (-119.25, 34.25), (-119.70, 34.40), (-120.47, 34.45), (-120.63, 35.10), (-121.28, 35.68),
        (-121.90, 36.30), (-121.80, 36.80), (-122.05, 36.95), (-122.51, 37.50), (-122.51, 37.78), (-123.00, 38.00),
        (-123.70, 38.92), (-123.80, 39.80), (-124.35, 40.40), (-124.10, 41.00), (-124.20, 41.95),
    ]
)  # fmt: skip
_BAY = np.array([(-121.97, 37.46), (-122.20, 37.65), (-122.35, 37.90), (-122.28, 38.06)])
_EAST_BORDER = np.array([(32.54, -114.55), (35.00, -114.65), (39.00, -120.00), (41.95, -120.00)])

_NEAR_OCEAN_KM = 7.0
_NEAR_BAY_KM = 11.0
_HOUR_OF_OCEAN_KM = 55.0


class Town(NamedTuple):
    """A place where people live: its centre, its share of all rows, how far it spreads and what it adds to a price."""

    name: str
    longitude: float
    latitude: float
    share: float
    spread_km: float
    premium: float
    reach_km: float


TOWNS = (
    Town("Los Angeles", -118.29, 34.05, 0.255, 22.0, 0.24, 26.0),
    Town("Orange County", -117.85, 33.75, 0.090, 14.0, 0.12, 20.0),
    Town("Inland Empire", -117.33, 34.03, 0.070, 17.0, -0.06, 25.0),
    Town("San Diego", -117.13, 32.80, 0.075, 15.0, 0.06, 18.0),
    Town("San Francisco", -122.42, 37.76, 0.060, 9.0, 0.50, 18.0),
    Town("East Bay", -122.20, 37.80, 0.070, 11.0, 0.06, 14.0),
    Town("San Jose", -121.95, 37.33, 0.060, 12.0, 0.30, 22.0),
    Town("Sacramento", -121.45, 38.58, 0.060, 14.0, 0.12, 20.0),
    Town("Fresno", -119.78, 36.76, 0.040, 14.0, 0.05, 18.0),
    Town("Bakersfield", -119.02, 35.37, 0.025, 12.0, 0.0, 15.0),
    Town("Stockton", -121.25, 37.85, 0.030, 16.0, 0.05, 18.0),
    Town("Santa Barbara", -119.72, 34.43, 0.020, 12.0, 0.26, 18.0),
    Town("Monterey", -121.80, 36.65, 0.020, 12.0, 0.10, 18.0),
    Town("Santa Rosa", -122.71, 38.44, 0.025, 14.0, 0.12, 20.0),
    Town("Palm Springs", -116.45, 33.78, 0.020, 14.0, 0.22, 18.0),
    Town("Redding", -122.38, 40.58, 0.020, 25.0, 0.0, 20.0),
)


def distance_to_coast(longitude: Floats, latitude: Floats) -> Floats:
    """Distance to the nearest point of the coast line, in km; shapes ``[n]``."""
    return _distance_to_line(longitude, latitude, _COAST)


def distance_to_bay(longitude: Floats, latitude: Floats) -> Floats:
    """Distance to the middle line of San Francisco Bay, in km; shapes ``[n]``."""
    return _distance_to_line(longitude, latitude, _BAY)


def closeness_to(town: Town, longitude: Floats, latitude: Floats) -> Floats:
    """One at the centre of a town, a half at its reach, falling with the square of the distance; shapes ``[n]``."""
    east, north = (longitude - town.longitude) * _KM_EAST, (latitude - town.latitude) * _KM_NORTH
    return 1.0 / (1.0 + (east * east + north * north) / town.reach_km**2)


def scatter(town: Town, east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Coordinates of points given as multiples of the town's spread, in degrees."""
    return (
        town.longitude + east * town.spread_km / _KM_EAST,
        town.latitude + north * town.spread_km / _KM_NORTH,
    )


def ashore(longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Move what lies in the sea or beyond the border to the land, mirrored at the line that it crossed.

    The coast runs from south-east to north-west, so for each latitude one longitude is the shore.
    """
    latitude = np.clip(latitude, 32.54, 41.95)
    west, east = np.interp(latitude, *_westernmost()), np.interp(latitude, *_EAST_BORDER.T)
    longitude = np.where(longitude < west, 2 * west - longitude, longitude)
    return np.clip(longitude, west, east), latitude


def proximity(coast_km: Floats, bay_km: Floats, island: Flags) -> Texts:
    """The class of nearness to the ocean, a function of the place alone; shapes ``[n]``, strings."""
    return np.select(
        [island, bay_km < _NEAR_BAY_KM, coast_km < _NEAR_OCEAN_KM, coast_km < _HOUR_OF_OCEAN_KM],
        [np.str_("ISLAND"), np.str_("NEAR BAY"), np.str_("NEAR OCEAN"), np.str_("<1H OCEAN")],
        np.str_("INLAND"),
    )


def _distance_to_line(longitude: Floats, latitude: Floats, line: Floats) -> Floats:
    nearest = np.full(longitude.shape, np.inf)
    x, y = longitude * _KM_EAST, latitude * _KM_NORTH
    corners = line * (_KM_EAST, _KM_NORTH)
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
        np.minimum(nearest, (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2, out=nearest)
    return np.sqrt(nearest)


def _westernmost() -> tuple[Floats, Floats]:
    """The coast as longitude by latitude, with latitudes in rising order."""
    order = np.argsort(_COAST[:, 1])
    return _COAST[order, 1], _COAST[order, 0]
