"""House prices as they ship and as they were: how good the pushed model is, and how it answers."""

from pathlib import Path

import pytest

from bench.accuracy import measure
from tests.e2e.shipped import ROOT, Ship, ship

pytestmark = pytest.mark.slow

CALIFORNIA = ROOT.parent / "shared" / "data" / "california_housing"


def test_on_the_data_that_ships_it_is_near_what_is_irreducible(shipped: Ship) -> None:
    accuracy = measure(shipped("housing").workspace)
    assert accuracy.model <= 1.15 * accuracy.irreducible, accuracy
    assert accuracy.model >= 0.95 * accuracy.irreducible, "better than possible: the label leaks, or the floor is wrong"
    assert accuracy.model < 0.8 * accuracy.linear, accuracy
    assert accuracy.raw == pytest.approx(accuracy.model, rel=1e-5)


def test_on_the_real_file_it_is_clearly_better_than_a_linear_regression(tmp_path: Path) -> None:
    if not CALIFORNIA.is_dir():
        pytest.skip(f"{CALIFORNIA} is not there")
    accuracy = measure(ship("housing", tmp_path / "w", "--data", str(CALIFORNIA)).workspace)
    assert accuracy.model < 0.7 * accuracy.linear, accuracy
    assert accuracy.raw == pytest.approx(accuracy.model, rel=1e-5)
