"""Tips: a label that no column holds, learned from data that ships and from real trips, served without the tip."""

import gzip
import json
import subprocess
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from bench.pushed import newest
from bench.tips import Ranking, measure, read_trips
from tests.e2e.shipped import ROOT, Ship
from tests.e2e.shipped import run as shipped_run

pytestmark = pytest.mark.slow

SHIPPED = ROOT / "data" / "taxi" / "trips.csv.gz"
REAL = ROOT.parent / "shared" / "data" / "chicago_taxi" / "data.csv"
ASKED = {
    "fare", "trip_miles", "trip_seconds", "pickup_latitude", "pickup_longitude", "dropoff_latitude",
    "dropoff_longitude", "trip_start_hour", "trip_start_day", "trip_start_month", "pickup_community_area",
    "dropoff_community_area", "payment_type", "company",
}  # fmt: skip


def run(workspace: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return shipped_run("taxi", workspace, *more)


@pytest.fixture
def workspace(shipped: Ship) -> Path:
    """One run on the data that ships."""
    return shipped("taxi").workspace


@pytest.fixture(scope="module")
def rankings(shipped: Ship) -> dict[str, Ranking]:
    return measure(shipped("taxi").workspace)


def test_it_ranks_trips_nearly_as_well_as_possible(rankings: dict[str, Ranking]) -> None:
    everything, by_card = rankings["all trips"], rankings["paid by card"]
    assert everything.linear + 0.004 < everything.model < everything.best + 0.002, everything
    assert everything.model > everything.best - 0.015, everything
    assert by_card.linear + 0.02 < by_card.model < by_card.best + 0.01, by_card
    assert everything.raw == pytest.approx(everything.model, abs=1e-6)


def test_the_verdict_measures_what_we_measure_and_each_slice(workspace: Path, rankings: dict[str, Ranking]) -> None:
    verdict = json.loads((newest(workspace, "taxi").made("Evaluator", "evaluation") / "verdict.json").read_text())
    values = {(one["slice"], one["metric"]): one["value"] for one in verdict["measurements"]}
    assert values["overall", "auc"] == pytest.approx(rankings["all trips"].model, abs=2e-3)
    assert values["payment_type=Credit Card", "auc"] == pytest.approx(rankings["paid by card"].model, abs=5e-3)
    assert values["overall", "example_count"] == rankings["all trips"].rows
    hours = {name for name, metric in values if name.startswith("trip_start_hour=") and metric == "auc"}
    assert len(hours) == 24


def test_serving_asks_for_nothing_that_only_the_label_needs(workspace: Path) -> None:
    model = tf.saved_model.load(str(workspace / "serving" / "taxi" / "1"))
    assert set(model.signatures["raw"].structured_input_signature[1]) == ASKED
    assert "classification" in model.signatures
    serialized, _ = read_trips(newest(workspace, "taxi").made("ExampleGen", "examples") / "Split-eval")
    whole = serialized[:1000]
    without = []
    for row in whole:
        example = tf.train.Example.FromString(row)
        for name in set(example.features.feature) - ASKED:
            del example.features.feature[name]
        without.append(example.SerializeToString())
    serve = model.signatures["serving_default"]
    answers = [serve(examples=tf.constant(rows))["logistic"].numpy() for rows in (whole, without)]
    np.testing.assert_array_equal(*answers)


def test_a_misspelt_label_is_told_before_anything_is_read(workspace: Path) -> None:
    done = run(workspace, "--set", "label=big_tipp")
    said = done.stdout + done.stderr
    assert done.returncode == 3, said
    assert "lacks the label: big_tipp" in said
    assert "the code says 'big_tip': did you mean that?" in said


def test_a_label_that_comes_out_constant_is_refused(workspace: Path, tmp_path: Path) -> None:
    header, *rows = gzip.decompress(SHIPPED.read_bytes()).decode().splitlines()
    cash = [row for row in rows if ",Cash," in row and row.endswith(",0")][:2000]
    (tmp_path / "cash.csv").write_text("\n".join([header, *cash, ""]))
    done = run(workspace, "--data", str(tmp_path / "cash.csv"))
    said = done.stdout + done.stderr
    assert done.returncode == 3, said
    assert "The label big_tip is constant after preprocessing_fn" in said
    assert [one.name for one in (workspace / "serving" / "taxi").iterdir()] == ["1"]


@pytest.mark.soak
def test_on_real_trips_it_is_at_least_as_good_as_a_logistic_regression(tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip(f"{REAL} is not there")
    done = run(tmp_path / "w", "--data", str(REAL))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "taxi: blessed, and pushed as version 1" in done.stdout
    found = measure(tmp_path / "w")
    assert found["all trips"].model > found["all trips"].linear, found
    assert found["paid by card"].model > found["paid by card"].linear, found
    assert found["all trips"].raw == pytest.approx(found["all trips"].model, abs=1e-6)
