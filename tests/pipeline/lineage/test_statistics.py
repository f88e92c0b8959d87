"""How far apart two distributions are, and how statistics are read."""

import itertools
import random
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.lineage.statistics import Column, distance, moves, read_statistics
from pipeline.lineage.store import Artifact


def numbers(values: list[float], missing: float = 0.0) -> Column:
    """A column of numbers, with its deciles as TFDV gives them."""
    ranked = sorted(values)
    edges = [ranked[min(len(ranked) - 1, len(ranked) * part // 10)] for part in range(11)]
    parts = [(low, high, len(ranked) / 10) for low, high in itertools.pairwise(edges)]
    return Column("x", missing, sum(values) / len(values), 1.0, tuple(parts))


def test_the_same_numbers_are_nowhere_apart() -> None:
    made = random.Random(1)
    one = numbers([made.gauss(0, 1) for _ in range(1000)])
    assert distance(one, one) == 0


def test_numbers_are_as_far_apart_as_their_cumulative_distributions() -> None:
    one = numbers([float(value) for value in range(1000)])
    assert distance(one, numbers([value + 250.0 for value in range(1000)])) == pytest.approx(0.25, abs=0.02)
    assert distance(one, numbers([value + 5000.0 for value in range(1000)])) == pytest.approx(1)


def test_a_constant_that_changed_has_nothing_in_common_with_itself() -> None:
    assert distance(numbers([1.0] * 50), numbers([2.0] * 50)) == pytest.approx(1)
    assert distance(numbers([1.0] * 50), numbers([1.0] * 50)) == 0


def test_texts_are_as_far_apart_as_the_share_that_moved_most() -> None:
    one = Column("x", 0.0, shares={"a": 0.5, "b": 0.5}, distinct=2)
    other = Column("x", 0.0, shares={"a": 0.2, "b": 0.5, "c": 0.3}, distinct=3)
    assert distance(one, other) == pytest.approx(0.3)


def test_missing_values_count() -> None:
    one, other = numbers([1.0, 2.0]), numbers([1.0, 2.0], missing=0.4)
    assert distance(one, other) == pytest.approx(0.4)


def test_another_kind_of_column_has_nothing_in_common() -> None:
    assert distance(numbers([1.0]), Column("x", 0.0, shares={"1": 1.0}, distinct=1)) == 1


def test_the_column_that_moved_most_comes_first() -> None:
    before = {"a": numbers([1.0, 2.0]), "b": Column("b", 0.0, shares={"x": 1.0}, distinct=1), "gone": numbers([1.0])}
    after = {"a": numbers([1.0, 2.0]), "b": Column("b", 0.5, shares={"x": 1.0}, distinct=1)}
    found = moves(before, after)
    assert [(one.column, one.distance) for one in found] == [("b", 0.5), ("a", 0.0)]
    assert found[0].as_json()["after"] == "1 values, most often x (100.0%), 50.0% missing"


def test_reading(tmp_path: Path) -> None:
    told = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = told.datasets.add(num_examples=10)
    number = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
    number.path.step.append("area")
    number.num_stats.common_stats.num_non_missing = 8
    number.num_stats.mean, number.num_stats.std_dev = 4.0, 2.0
    quantiles = number.num_stats.histograms.add(type=statistics_pb2.Histogram.QUANTILES)
    quantiles.buckets.add(low_value=0, high_value=8, sample_count=8)
    text = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    text.path.step.append("district")
    text.string_stats.common_stats.num_non_missing = 10
    text.string_stats.unique = 2
    text.string_stats.rank_histogram.buckets.add(label="Hill", sample_count=7)
    text.string_stats.rank_histogram.buckets.add(label="Harbour", sample_count=3)
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "Split-train" / "FeatureStats.pb").write_bytes(told.SerializeToString())
    columns = read_statistics(Artifact(mlmd.Artifact(id=1, uri=str(tmp_path))))
    assert columns["area"].words() == "mean 4, deviation 2, 20.0% missing"
    assert columns["area"].quantiles == ((0.0, 8.0, 8.0),)
    assert columns["district"].words() == "2 values, most often Hill (70.0%)"
    assert columns["district"].shares == {"Hill": 0.7, "Harbour": 0.3}


def test_what_is_no_statistics(tmp_path: Path) -> None:
    artifact = Artifact(mlmd.Artifact(id=1, uri=str(tmp_path)))
    with pytest.raises(FileNotFoundError):
        read_statistics(artifact)
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "Split-train" / "FeatureStats.pb").write_bytes(b"\xff" * 9)
    with pytest.raises(ValueError, match="holds no statistics"):
        read_statistics(artifact)
