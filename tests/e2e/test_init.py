"""From a CSV file to a pushed model without editing a line: three awkward files, and three that others made.

Each run costs about forty seconds, so each is asked everything there is to ask of it, and three of the seven run on
demand (``make soak``).
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from tests.e2e import awkward

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
TAXI = SHARED / "chicago_taxi" / "data.csv"
PENGUINS = SHARED / "penguin" / "labelled_penguins_processed.csv"

Rows = list[dict[str, str]]


def command(*arguments: str, project: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "runner.py", *arguments], cwd=project, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def init(folder: Path, data: Path, label: str, *more: str) -> dict[str, Any]:
    """Make a problem in ``folder``; return what init says of it."""
    done = command("init", "made", "--data", str(data), "--label", label, "--out", str(folder), "--json", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def run(folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Run the problem; return its exit code and what ``--json`` says."""
    done = command("run", str(folder / "made"), "--workspace", str(folder / "w"), "--json", *more)
    return done.returncode, json.loads(done.stdout)


def value(said: dict[str, Any], metric: str) -> float:
    """A metric of the pushed model over all rows, as the verdict has it."""
    found = {(one["metric"], one["slice"]): one["value"] for one in said["verdict"]["measurements"]}
    return float(found[metric, "overall"])


def pushed(folder: Path, made: dict[str, Any], *more: str) -> tuple[dict[str, Any], Any]:
    """Run a problem; check what holds for each, and return the outcome and the signature of raw values."""
    code, said = run(folder, *more)
    assert code == 0, said
    reached, bound = value(said, made["bound"]["metric"]), made["bound"]
    assert reached <= bound["upper_bound"] if "upper_bound" in bound else reached >= bound["lower_bound"]
    assert said["rows"] == made["rows"]  # init judged the constant on the very rows that the model is judged on
    model = tf.saved_model.load(str(folder / "w" / "serving" / "made" / "1"))
    assert {"serving_default", "raw"} <= set(model.signatures)
    return said, model.signatures["raw"]


def answers(raw: Any, rows: Rows, missing: tuple[str, ...] = ("",)) -> dict[str, Any]:
    """Ask for rows of a CSV file by the names of its columns, as a REST client would."""
    inputs = {}
    for name, spec in raw.structured_input_signature[1].items():
        cells = [row[name].strip() for row in rows]
        if spec.dtype == tf.string:
            values: Any = ["" if cell in missing else cell for cell in cells]
        elif spec.dtype == tf.int64:
            values = [tf.int64.min if cell in missing else int(float(cell)) for cell in cells]
        else:
            values = [float("nan") if cell in missing else float(cell) for cell in cells]
        inputs[name] = tf.constant(values, spec.dtype)
    return {name: one.numpy() for name, one in raw(**inputs).items()}


def read(text: str, columns: str = "") -> Rows:
    names = next(csv.reader([columns])) if columns else None
    return list(csv.DictReader(io.StringIO(text, newline=""), names))


def test_rentals(tmp_path: Path) -> None:
    """Names with spaces, slashes, dots and quotes; "?"; ids, dates, line breaks, a constant, an empty column."""
    text = awkward.rentals()
    (tmp_path / "rentals.csv").write_text(text, encoding="utf-8")
    made = init(tmp_path, tmp_path / "rentals.csv", "Price/€ (net)")
    _, raw = pushed(tmp_path, made)
    left_out = {one["name"] for one in made["columns"] if one["role"] == "left out"}
    assert left_out == {"Booking ID", "day", "Remarks", "Currency", "empty"}
    asked = set(raw.structured_input_signature[1])
    assert asked == {one["name"] for one in made["columns"]} - left_out - {"Price/€ (net)"}
    vocabulary = next((tmp_path / "w" / "artifacts").rglob("assets/words"))
    assert "stand place=North Gate" in vocabulary.read_text().splitlines()
    rows = read(text)
    said = answers(raw, rows, ("", "?"))["prediction"][:, 0]
    truth = np.array([float(row["Price/€ (net)"]) for row in rows])
    # Measured on the eval split: 13.6 against 38.4, with prices from 17 to 1,094.
    assert np.mean(np.abs(said - truth)) < 0.5 * np.mean(np.abs(truth - np.median(truth)))


@pytest.mark.soak
def test_sensors(tmp_path: Path) -> None:
    """Eighty columns, "NA", two classes that the file numbers."""
    text = awkward.sensors()
    (tmp_path / "sensors.csv").write_text(text)
    made = init(tmp_path, tmp_path / "sensors.csv", "faulty")
    assert len(made["columns"]) == 80
    said, raw = pushed(tmp_path, made)
    assert value(said, "auc") > 0.7
    probability = answers(raw, read(text)[:50], ("", "NA"))["probability"]
    assert probability.shape == (50, 1)
    assert np.all((probability > 0) & (probability < 1))


@pytest.mark.soak
def test_flowers(tmp_path: Path) -> None:
    """No header; classes of text, with commas and quotes in their names; ISO dates."""
    text = awkward.flowers()
    (tmp_path / "flowers.csv").write_text(text)
    made = init(tmp_path, tmp_path / "flowers.csv", "kind", "--columns", awkward.FLOWER_COLUMNS)
    assert made["classes"] == ["iris, blue", "rose", 'the "white" one']
    said, raw = pushed(tmp_path, made)
    assert value(said, "sparse_categorical_accuracy") > 0.75
    rows = read(text, awkward.FLOWER_COLUMNS)
    names = [one[0].decode() for one in answers(raw, rows)["class"]]
    assert np.mean([name == row["kind"] for name, row in zip(names, rows, strict=True)]) > 0.75


def test_a_file_that_says_nothing_of_its_label_is_not_blessed(tmp_path: Path) -> None:
    (tmp_path / "noise.csv").write_text(awkward.noise())
    made = init(tmp_path, tmp_path / "noise.csv", "label")
    code, said = run(tmp_path)
    assert code == 5
    assert value(said, "mean_absolute_error") > made["bound"]["upper_bound"]
    assert not (tmp_path / "w" / "serving" / "made").exists()


@pytest.mark.soak
@pytest.mark.skipif(not TAXI.is_file(), reason=f"{TAXI} is not there")
def test_tips(tmp_path: Path) -> None:
    made = init(tmp_path, TAXI, "tips")
    assert made["task"] == "regression"
    said, _ = pushed(tmp_path, made)
    # Measured: 0.338 dollars against 1.104 of the median.
    assert value(said, "mean_absolute_error") < 0.6 * made["bound"]["constant"]


@pytest.mark.skipif(not TAXI.is_file(), reason=f"{TAXI} is not there")
def test_payment_type(tmp_path: Path) -> None:
    made = init(tmp_path, TAXI, "payment_type")
    assert len(made["classes"]) == 7
    said, _ = pushed(tmp_path, made)
    assert value(said, "sparse_categorical_accuracy") > 0.9


@pytest.mark.skipif(not PENGUINS.is_file(), reason=f"{PENGUINS} is not there")
def test_penguins_where_run_looks_for_problems(tmp_path: Path) -> None:
    """In a copy of the project: ``init NAME`` writes into it, and ``run NAME`` finds it there."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("pipeline", "components", "runner.py"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, project / name)
    data = os.path.relpath(PENGUINS, project)
    done = command("init", "birds", "--data", data, "--label", "species", project=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "next      python runner.py run birds"
    done = command("run", "birds", "--json", project=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert value(json.loads(done.stdout), "sparse_categorical_accuracy") > 0.9
    assert (project / "workspace" / "serving" / "birds" / "1" / "saved_model.pb").is_file()
