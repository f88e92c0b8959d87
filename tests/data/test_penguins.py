"""Penguins as a file: the same for a seed, in the real file's columns and range."""

from pathlib import Path

import numpy as np
import pytest

from data import generate, penguins

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "penguin" / "penguins.csv"
REAL = ROOT.parent / "shared" / "data" / "penguin" / "labelled_penguins_processed.csv"


def text(rows: int, seed: int = 0) -> str:
    return b"".join(penguins.pieces(rows, seed)).decode()


def test_the_shipped_file_is_what_the_command_makes(tmp_path: Path) -> None:
    assert generate.main(["--problem", "penguin", "--out", str(tmp_path / "made.csv")]) == 0
    assert (tmp_path / "made.csv").read_bytes() == SHIPPED.read_bytes()


def test_a_small_file_is_the_start_of_a_large_one_and_a_seed_is_a_file() -> None:
    assert text(9000).startswith(text(100))
    assert text(100, seed=1) != text(100)
    assert text(0) == ",".join(penguins.COLUMNS) + "\n"


def test_measures_lie_between_0_and_1_and_species_differ() -> None:
    species, measures = penguins.page(0, 0)
    assert 0.0 <= measures.min() <= measures.max() <= 1.0
    shares = np.bincount(species) / len(species)
    np.testing.assert_allclose(shares, [0.44, 0.20, 0.36], atol=0.02)
    means = [measures[species == one].mean(axis=0) for one in range(3)]
    assert means[1][0] - means[0][0] > 0.3  # culmen length
    assert means[2][3] - means[1][3] > 0.3  # body mass


@pytest.mark.skipif(not REAL.exists(), reason="the file of real penguins is not here")
def test_the_columns_are_those_of_the_real_file() -> None:
    assert REAL.read_text().splitlines()[0] == ",".join(penguins.COLUMNS)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        list(penguins.pieces(-1))
    with pytest.raises(SystemExit):
        generate.main(["--problem", "penguin", "--fault", "line-break", "--out", str(tmp_path / "made.csv")])
