"""The census as a file: the same for a seed whatever the block, in the real file's columns and formats."""

import re
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

from data import blocks, generate

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "california_housing" / "housing.csv"
SHIPPED = ROOT / "data" / "housing" / "housing.csv"

ROW = re.compile(
    r"-1\d\d\.\d{1,2},\d\d\.\d{1,2},\d{1,2}\.0,\d+\.0,(\d+\.0)?,\d+\.0,\d+\.0,\d{1,2}\.\d{1,4},\d+\.0,"
    r"(<1H OCEAN|INLAND|NEAR OCEAN|NEAR BAY|ISLAND)"
)


def text(rows: int, **given: object) -> bytes:
    return b"".join(generate.pieces(rows, **given))  # type: ignore[arg-type]


def test_a_seed_is_a_file() -> None:
    assert text(3000, seed=7) == text(3000, seed=7)
    assert text(3000, seed=7) != text(3000, seed=8)


@pytest.mark.parametrize("block_rows", [1000, blocks.PAGE, 13_000, 1_000_000])
def test_the_block_does_not_matter(block_rows: int) -> None:
    assert text(20_000, block_rows=block_rows) == text(20_000)


def test_blocks_hold_what_they_should() -> None:
    sizes = [len(block[blocks.LABEL]) for block in blocks.blocks(20_000, 0, 6000)]
    assert sizes == [6000, 6000, 6000, 2000]


def test_a_small_file_is_the_start_of_a_large_one() -> None:
    assert text(10_000).startswith(text(123))


def test_no_rows_is_a_header() -> None:
    assert text(0) == (",".join(blocks.COLUMNS) + "\n").encode()


def test_the_shipped_sample_is_what_the_default_seed_makes() -> None:
    assert SHIPPED.read_bytes() == text(20_000)


def test_every_row_is_written_as_in_the_census() -> None:
    header, *rows = text(5000).decode().splitlines()
    assert header == ",".join(blocks.COLUMNS)
    assert len(rows) == 5000
    assert [row for row in rows if not ROW.fullmatch(row)] == []


@pytest.mark.skipif(not REAL.exists(), reason="the California file is not here")
def test_the_real_file_has_the_same_form() -> None:
    header, *rows = REAL.read_text().splitlines()
    assert header == ",".join(blocks.COLUMNS)
    assert [row for row in rows if not ROW.fullmatch(row)] == []


def test_what_is_written_reads_back_as_it_was() -> None:
    table = pyarrow.csv.read_csv(SHIPPED)
    columns = next(blocks.blocks(20_000, generate.DEFAULT_SEED, 20_000))
    for name in blocks.COLUMNS[:-1]:
        read = table[name].to_numpy().astype(float)
        np.testing.assert_array_equal(read, columns[name])
    assert table["ocean_proximity"].to_pylist() == columns["ocean_proximity"].tolist()


def test_the_sample_looks_like_a_census() -> None:
    columns = next(blocks.blocks(20_000, generate.DEFAULT_SEED, 20_000))
    label = columns["median_house_value"].astype(float)
    assert 0.03 < np.mean(label == 500_001.0) < 0.07
    assert label.min() >= 15_000
    assert label.max() == 500_001.0
    assert 180_000 < label.mean() < 230_000
    assert 0.007 < np.mean(np.isnan(columns["total_bedrooms"].astype(float))) < 0.013
    names, counts = np.unique(columns["ocean_proximity"], return_counts=True)
    share = dict(zip(names.tolist(), (counts / 20_000).tolist(), strict=True))
    assert set(share) == {"<1H OCEAN", "INLAND", "NEAR OCEAN", "NEAR BAY", "ISLAND"}
    assert 0 < share["ISLAND"] < 0.001
    assert min(share[name] for name in share if name != "ISLAND") > 0.05


def test_a_line_is_clearly_worse_than_the_best_predictor() -> None:
    columns = next(blocks.blocks(20_000, generate.DEFAULT_SEED, 20_000))
    label = columns["median_house_value"].astype(float)
    numbers = [np.nan_to_num(columns[n].astype(float), nan=500.0) for n in blocks.COLUMNS[:-1] if n != blocks.LABEL]
    classes = [columns["ocean_proximity"] == name for name in np.unique(columns["ocean_proximity"])]
    design = np.stack([*numbers, *classes], axis=1).astype(float)
    weights, *_ = np.linalg.lstsq(design, label, rcond=None)
    linear = float(np.abs(design @ weights - label).mean())
    assert linear > 1.4 * generate.irreducible_error(20_000)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "housing.csv"
    assert generate.main(["--rows", "500", "--seed", "3", "--out", str(out)]) == 0
    assert out.read_bytes() == text(500, seed=3)
    assert [path.name for path in out.parent.iterdir()] == ["housing.csv"]
    assert "irreducible mean absolute error: " in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert generate.main(["--rows", "5", "--out", str(tmp_path / "file" / "housing.csv")]) == 1
    assert capsys.readouterr().err.startswith("Error: cannot write ")


@pytest.mark.parametrize(
    "wrong", [["--rows", "-1"], ["--seed", "-1"], ["--fault", "none-such"], ["--problem", "boats"]]
)
def test_wrong_use_exits_with_2(wrong: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        generate.main([*wrong, "--out", str(tmp_path / "x.csv")])
    assert stopped.value.code == 2
