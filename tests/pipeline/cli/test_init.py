"""The command ``init``: what it prints, its exit codes, and what it does without."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.cli.problems import FOLDER
from tests.e2e import awkward

ROOT = Path(__file__).parents[3]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "rentals.csv"
    file.write_text(awkward.rentals(), encoding="utf-8")
    return file


def init(data: Path, *more: str, name: str = "rentals", label: str = "Price/€ (net)") -> int:
    return main(["init", name, "--data", str(data), "--label", label, "--out", str(data.parent), *more])


def test_it_says_what_becomes_of_each_column(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(data) == 0
    text = capsys.readouterr().out
    for line in (
        "rentals: a new problem from",
        "(420 rows, 15 columns)",
        "free text: 18 words on average",
        "a date or time that is not written as 2014-05-31",
        'besides empty cells: "?"',
        "regression (numbers, ",
        "the median, gets ",
        f"next      python runner.py run {data.parent / 'rentals'}",
    ):
        assert line in text
    row = next(line for line in text.splitlines() if line.startswith("  Booking ID"))
    assert row.split("  ")[-1].strip() == "an id: nearly every row has its own value"


def test_it_speaks_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(data, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["task"] == "regression"
    assert said["bound"]["upper_bound"] < said["bound"]["constant"]
    assert {one["name"]: one["role"] for one in said["columns"]}["größe"] == "category"
    assert sum(said["rows"].values()) == 420
    assert sorted(said["files"]) == sorted(file.name for file in Path(said["folder"]).iterdir())


def test_wrong_use_and_refused_data_have_their_codes(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(data, label="Price") == 2
    assert "did you mean" in capsys.readouterr().err
    assert init(data, name="My Rentals") == 2
    assert "try my_rentals" in capsys.readouterr().err
    assert init(data, label="km/h") == 3
    assert "The label is missing in" in capsys.readouterr().err
    assert init(data.parent / "none.csv") == 3
    assert init(data, "--task", "clustering") == 2
    assert init(data) == 0
    assert init(data) == 2
    assert "init never overwrites" in capsys.readouterr().err


def test_a_shipped_problem_is_not_overwritten(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "housing", "--data", str(data), "--label", "x"]) == 2
    assert str(FOLDER / "housing") in capsys.readouterr().err


def test_it_imports_no_framework(data: Path) -> None:
    arguments = ["init", "rentals", "--data", str(data), "--label", "Price/€ (net)", "--out", str(data.parent)]
    code = (
        "import sys, runner\n"
        f"print(runner.main({arguments!r}))\n"
        "print([one for one in ('tensorflow', 'apache_beam', 'tfx') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-2:] == ["0", "[]"], done.stderr
