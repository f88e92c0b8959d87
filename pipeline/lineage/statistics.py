"""Statistics of the data, as TFX writes them (``FeatureStats.pb``), and how far apart two of them are.

The distance is of distributions, from 0 (the same) to 1 (nothing in common), so that columns of all kinds can be put in
one order: for numbers the largest difference of the two cumulative distributions (Kolmogorov and Smirnov's), read
from the quantiles; for texts the largest difference of a value's share, as in TFDV's drift comparator (L-infinity,
https://www.tensorflow.org/tfx/data_validation/get_started#checking_data_skew_and_drift); for either at least the
difference of the share of missing values.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.lineage.facts import number
from pipeline.lineage.store import Artifact

FILE = "FeatureStats.pb"


@dataclass(frozen=True)
class Column:
    """The statistics of a column in one split.

    Attributes:
        name: The column.
        missing: Share of the rows without a value, 0 to 1.
        mean: Of numbers; None for texts.
        deviation: Standard deviation of numbers; None for texts.
        quantiles: ``(low, high, share)`` for each part of the numbers, in order.
        shares: Share of the rows by value, of the most frequent texts.
        distinct: How many texts there are.
    """

    name: str
    missing: float
    mean: float | None = None
    deviation: float | None = None
    quantiles: tuple[tuple[float, float, float], ...] = ()
    shares: Mapping[str, float] | None = None
    distinct: int | None = None

    def words(self) -> str:
        """Say what the column holds."""
        lacking = f", {self.missing:.1%} missing" if self.missing else ""
        if self.shares is None:
            return f"mean {number(self.mean)}, deviation {number(self.deviation)}{lacking}"
        most = max(self.shares, key=self.shares.__getitem__, default="")
        often = f", most often {most} ({self.shares[most]:.1%})" if most else ""
        return f"{self.distinct} values{often}{lacking}"


@dataclass(frozen=True)
class Move:
    """How far a column moved.

    Attributes:
        column: Its name.
        distance: 0 (not at all) to 1.
        before: What it held.
        after: What it holds.
    """

    column: str
    distance: float
    before: str
    after: str

    def as_json(self) -> dict[str, Any]:
        """Return the move as it is printed."""
        return {
            "column": self.column,
            "distance": round(self.distance, 4),
            "before": self.before,
            "after": self.after,
        }


def read_statistics(artifact: Artifact, split: str = "train") -> dict[str, Column]:
    """Return the columns of a split of an ExampleStatistics artifact.

    Raises:
        OSError: If the file is not there, or is no file of this machine.
        ValueError: If it holds no statistics.
    """
    from google.protobuf import message
    from tensorflow_metadata.proto.v0 import statistics_pb2

    file = Path(artifact.uri) / f"Split-{split}" / FILE
    found: Any = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        found.ParseFromString(file.read_bytes())
    except message.DecodeError as error:
        raise ValueError(f"{file} holds no statistics: {error}") from None
    if not found.datasets:
        return {}
    rows = found.datasets[0].num_examples
    columns = (_column(feature, rows) for feature in found.datasets[0].features)
    return {one.name: one for one in columns}


def moves(before: Mapping[str, Column], after: Mapping[str, Column]) -> list[Move]:
    """Return how far each column moved that both have, the furthest first."""
    found = [
        Move(name, distance(before[name], after[name]), before[name].words(), after[name].words())
        for name in before
        if name in after
    ]
    return sorted(found, key=lambda one: (-one.distance, one.column))


def distance(before: Column, after: Column) -> float:
    """Return how far apart two distributions are; see the module."""
    lacking = abs(before.missing - after.missing)
    if before.shares is not None and after.shares is not None:
        values = {*before.shares, *after.shares}
        return max([lacking, *(abs(before.shares.get(one, 0) - after.shares.get(one, 0)) for one in values)])
    if before.quantiles and after.quantiles:
        points = {edge for low, high, _ in (*before.quantiles, *after.quantiles) for edge in (low, high)}
        apart = max(abs(_cumulative(before.quantiles, one) - _cumulative(after.quantiles, one)) for one in points)
        return max(lacking, apart)
    return max(lacking, float((before.shares is None) != (after.shares is None)))


def _cumulative(parts: Sequence[tuple[float, float, float]], point: float) -> float:
    """Return the share of the numbers that are at or below a point."""
    total = sum(share for _, _, share in parts) or 1.0
    below = bisect_right([high for _, high, _ in parts], point)
    reached = sum(share for _, _, share in parts[:below])
    for low, high, share in parts[below:]:
        if low < point < high:
            reached += share * (point - low) / (high - low)
    return reached / total


def _column(feature: Any, rows: int) -> Column:
    name = feature.name or ".".join(feature.path.step)
    kind = feature.WhichOneof("stats")
    if kind is None:
        return Column(name, 0.0)
    told = getattr(feature, kind)
    present = told.common_stats.num_non_missing
    missing = max(0.0, 1 - present / rows) if rows else 0.0
    if kind == "num_stats":
        quantiles = next((one for one in told.histograms if one.type == one.QUANTILES), None)
        parts = [(one.low_value, one.high_value, one.sample_count) for one in quantiles.buckets] if quantiles else []
        return Column(name, missing, told.mean, told.std_dev, tuple(sorted(parts)))
    if kind == "string_stats":
        count = sum(one.sample_count for one in told.rank_histogram.buckets)
        total = max(float(present), count) or 1.0
        shares = {one.label: one.sample_count / total for one in told.rank_histogram.buckets}
        return Column(name, missing, shares=shares, distinct=told.unique)
    return Column(name, missing)
