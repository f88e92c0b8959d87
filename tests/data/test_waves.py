"""Waves as a file: the same for a seed, lists of 24 values, drawn as the module says."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import generate, waves
from data.waves import Floats

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "sine" / "waves.parquet"


def table(rows: int, seed: int = 0) -> pa.Table:
    return pq.read_table(io.BytesIO(b"".join(waves.pieces(rows, seed))))


def test_the_shipped_file_is_what_the_command_makes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--problem", "sine", "--out", str(tmp_path / "made.parquet")]) == 0
    assert "irreducible mean absolute error: 0.181" in capsys.readouterr().out
    # Not the bytes: a Parquet file says which release of Arrow wrote it.
    assert pq.read_table(tmp_path / "made.parquet").equals(pq.read_table(SHIPPED))
    assert SHIPPED.stat().st_size < 400_000


def test_a_small_file_is_the_start_of_a_large_one_and_a_seed_is_a_file() -> None:
    assert table(9000).slice(0, 100).equals(table(100).combine_chunks())
    assert b"".join(waves.pieces(100)) == b"".join(waves.pieces(100))
    assert not table(100, seed=1).equals(table(100))


def test_a_file_holds_all_its_rows_in_row_groups_of_a_page() -> None:
    file = pq.ParquetFile(io.BytesIO(b"".join(waves.pieces(20_000))))
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    assert sizes == [8192, 8192, 3616]
    assert table(0).num_rows == 0
    assert table(0).schema.equals(table(1).schema)


def test_rows_are_the_pages_as_drawn() -> None:
    read = table(10_000)
    drawn = np.concatenate([waves.page(0, 0), waves.page(1, 0)])[:10_000].astype(np.float32)
    np.testing.assert_array_equal(np.stack(read[waves.WINDOW].to_numpy()), drawn[:, : waves.STEPS])
    np.testing.assert_array_equal(read[waves.LABEL].to_numpy(), drawn[:, waves.STEPS])


def around(series: Floats) -> Floats:
    return series - series.mean(axis=1, keepdims=True)


def test_values_spread_as_the_module_says() -> None:
    series = waves.page(0, 3)
    variance = waves.LEVEL_SPREAD**2 + waves.WAVE**2 + waves.NOISE**2  # that of a cos + b sin is WAVE^2 at any moment
    assert series.mean() == pytest.approx(waves.LEVEL, abs=0.1)
    assert series.var(axis=0) == pytest.approx(variance, rel=0.06)


def test_a_row_is_one_wave_and_noise() -> None:
    """Fit the wave of the frequency that fits best: what is left is the noise, and no frequency is out of range."""
    series = around(waves.page(0, 3)[:500])
    turns = 2.0 * np.pi * np.arange(waves.STEPS + 1)
    frequencies = np.linspace(0.01, 0.49, 481)
    left = []
    for frequency in frequencies:
        design = np.stack([np.cos(frequency * turns), np.sin(frequency * turns), np.ones_like(turns)], axis=1)
        weights, *_ = np.linalg.lstsq(design, series.T, rcond=None)
        left.append(np.sum((series.T - design @ weights) ** 2, axis=0))
    best, error = frequencies[np.argmin(left, axis=0)], np.min(left, axis=0)
    assert error.sum() / (500 * (waves.STEPS + 1 - 4)) == pytest.approx(waves.NOISE**2, rel=0.05)
    loud = series.std(axis=1) > 0.5
    assert loud.sum() > 300
    assert best[loud].min() > waves.FREQUENCIES[0] - 0.01
    assert best[loud].max() < waves.FREQUENCIES[1] + 0.01


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        list(waves.pieces(-1))
