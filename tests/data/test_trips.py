"""Trips as a file: the same for a seed, in the real file's columns and formats, with a known best AUC."""

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest

from data import generate, trips

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "taxi" / "trips.csv.gz"
REAL = ROOT.parent / "shared" / "data" / "chicago_taxi" / "data.csv"


def text(rows: int, seed: int = 0) -> str:
    return b"".join(trips.pieces(rows, seed)).decode()


def test_the_shipped_file_is_what_the_command_makes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "made.csv.gz"
    assert generate.main(["--problem", "taxi", "--out", str(made)]) == 0
    # zlib may compress otherwise another day.
    assert gzip.decompress(made.read_bytes()) == gzip.decompress(SHIPPED.read_bytes())
    assert f"best possible AUC: {trips.best_auc(trips.ROWS):.4f}" in capsys.readouterr().out
    assert SHIPPED.stat().st_size < 500_000


def test_a_small_file_is_the_start_of_a_large_one_and_a_seed_is_a_file() -> None:
    assert text(9000).startswith(text(100))
    assert text(100, seed=1) != text(100)
    assert text(0) == ",".join(trips.COLUMNS) + "\n"


@pytest.mark.skipif(not REAL.exists(), reason="the file of real trips is not here")
def test_columns_and_formats_are_those_of_the_real_file() -> None:
    with REAL.open() as file:
        assert file.readline().rstrip("\n") == ",".join(trips.COLUMNS)
    whole = {
        "trip_start_month",
        "trip_start_timestamp",
        "trip_seconds",
        "pickup_community_area",
        "dropoff_census_tract",
    }
    for line in text(300).splitlines()[1:]:
        cells = dict(zip(trips.COLUMNS, line.split(","), strict=True))
        assert not any("." in cells[name] for name in whole)
        assert cells["payment_type"]
        assert cells["pickup_census_tract"] == ""


def test_time_stamps_hours_days_and_months_agree() -> None:
    columns = trips.page(0, 0)
    stamps = columns["trip_start_timestamp"].astype("datetime64[s]")
    days = stamps.astype("datetime64[D]").astype(np.int64)
    np.testing.assert_array_equal(
        columns["trip_start_hour"], (stamps - stamps.astype("datetime64[D]")).astype(int) // 3600
    )
    np.testing.assert_array_equal(columns["trip_start_day"], (days + 4) % 7 + 1)  # 1 January 1970 was a Thursday, 5
    assert {str(one)[5:7] for one in stamps[columns["trip_start_month"] == 3]} == {"03"}


def test_the_label_is_drawn_with_the_chance_that_is_told_and_rounding_does_not_cross_it() -> None:
    pages = [trips.page(number, 5) for number in range(20)]
    columns = {name: np.concatenate([page[name] for page in pages]) for name in pages[0]}
    big = columns["tips"] > 0.2 * columns["fare"]
    as_learned = columns["tips"].astype(np.float32) > np.float32(0.2) * columns["fare"].astype(np.float32)
    np.testing.assert_array_equal(big, as_learned)
    assert np.all(columns["tips"][(columns["payment_type"] == "Cash") & ~big] == 0.0)
    chance = trips.chance(columns)
    edges = np.quantile(chance[chance > 0.2], np.linspace(0.0, 1.0, 11))
    for low, high in itertools.pairwise(edges):
        rows = (chance >= low) & (chance < high)
        spread = np.sqrt(np.mean(chance[rows] * (1.0 - chance[rows])) / rows.sum())
        assert abs(big[rows].mean() - chance[rows].mean()) < 4.0 * spread, (low, high)


def test_no_score_ranks_better_than_the_chance_itself() -> None:
    columns = trips.page(0, 0)
    chance = trips.chance(columns)
    best = trips.expected_auc(chance, chance)
    assert best == pytest.approx(trips.best_auc(8192), abs=1e-12)
    assert 0.95 < best < 0.98
    assert trips.expected_auc(np.zeros(len(chance)), chance) == 0.5
    assert trips.expected_auc(-chance, chance) == pytest.approx(1.0 - best)
    random = np.random.default_rng(1)
    for amount in (0.05, 0.2):
        assert trips.expected_auc(chance + amount * random.standard_normal(len(chance)), chance) < best
    # On labels it is the usual area: the share of pairs that are ranked rightly, ties counting half.
    labels, score = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.9, 0.4, 0.1])
    assert trips.expected_auc(score, labels) == pytest.approx((0.5 + 1 + 0 + 1) / 4)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        list(trips.pieces(-1))
    with pytest.raises(ValueError, match="at least one row"):
        trips.best_auc(0)
