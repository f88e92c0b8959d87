"""How well taxi's pushed model ranks trips, against a constant and a logistic regression.

``python -m bench.tips WORKSPACE``.

All are measured on the eval split of the workspace's last run of ``taxi``, which no one was trained on. Without the
payment's help the task is hard, so that the trips paid by card, among which nearly all big tips are, are shown apart.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data.trips import chance, expected_auc

Columns = dict[str, npt.NDArray[Any]]
Numbers = npt.NDArray[np.float64]

FLOATS = (
    "fare", "trip_miles", "tips", "pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude",
)  # fmt: skip
INTEGERS = (
    "trip_start_month", "trip_start_hour", "trip_start_day", "trip_seconds", "pickup_community_area",
    "dropoff_community_area",
)  # fmt: skip
TEXTS = ("payment_type", "company")
_NUMBERS = ("fare", "trip_miles", "trip_seconds", *FLOATS[3:])
_CLASSES = (
    "trip_start_month", "trip_start_hour", "trip_start_day", "pickup_community_area", "dropoff_community_area", *TEXTS,
)  # fmt: skip
_MISSING = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Ranking:
    """Areas under the ROC curve on the eval split.

    Attributes:
        rows: Its rows.
        share: The share of them with a tip over a fifth of the fare.
        constant: Of any one score for all rows: a half.
        linear: Of a logistic regression on all columns, numbers as they are and classes as columns of their own.
        model: Of the pushed model, through ``serving_default``.
        raw: Of the same, through ``raw``.
        best: Of the best predictor there can be, for generated data; else NaN.
    """

    rows: int
    share: float
    constant: float
    linear: float
    model: float
    raw: float
    best: float


def read_trips(folder: Path) -> tuple[list[bytes], Columns]:
    """Read a split's serialised examples, and its columns ``[rows]``: NaN, the smallest int64 or "" where missing."""
    files = sorted(str(file) for file in folder.glob("*.gz"))
    serialized = [record.numpy() for record in tf.data.TFRecordDataset(files, compression_type="GZIP")]
    spec: dict[str, Any] = {name: tf.io.FixedLenFeature([], tf.float32, float("nan")) for name in FLOATS}
    spec |= {name: tf.io.FixedLenFeature([], tf.int64, _MISSING) for name in INTEGERS}
    spec |= {name: tf.io.FixedLenFeature([], tf.string, "") for name in TEXTS}
    return serialized, {
        name: value.numpy() for name, value in tf.io.parse_example(tf.constant(serialized), spec).items()
    }


def is_big(columns: Columns) -> npt.NDArray[np.bool_]:
    """The label ``[rows]``, in the same float32 as the transform's."""
    return np.asarray(columns["tips"] > np.float32(0.2) * columns["fare"])


def logistic_regression(train: Columns, test: Columns, ridge: float = 1.0) -> Numbers:
    """The log odds ``[rows]`` of ``test`` by a logistic regression on ``train``, fitted by Newton's method.

    Args:
        train: Columns with the label.
        test: Columns to score.
        ridge: Penalty on the squares of the weights, whose columns have variance 1 or are 0 and 1.
    """
    known = {name: [one for one in np.unique(train[name]) if np.sum(train[name] == one) >= 10] for name in _CLASSES}
    numbers = {name: _number(train[name]) for name in _NUMBERS}
    middle = {name: (np.nanmean(value), np.nanstd(value) or 1.0) for name, value in numbers.items()}

    def design(columns: Columns) -> Numbers:
        scaled = [(_number(columns[name]) - middle[name][0]) / middle[name][1] for name in _NUMBERS]
        flags = [columns[name] == one for name in _CLASSES for one in known[name]]
        return np.stack([np.ones(len(scaled[0])), *(np.nan_to_num(one) for one in scaled), *flags], axis=1)

    x, y = design(train), is_big(train).astype(np.float64)
    weights, penalty = np.zeros(x.shape[1]), np.r_[1e-6, np.full(x.shape[1] - 1, ridge)]
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30.0, 30.0)))
        curve = np.maximum(p * (1.0 - p), 1e-9)
        step = np.linalg.solve(x.T @ (x * curve[:, None]) + np.diag(penalty), x.T @ (y - p) - penalty * weights)
        weights += step
        if np.max(np.abs(step)) < 1e-6:
            break
    return np.asarray(design(test) @ weights)


def measure(workspace: Path) -> dict[str, Ranking]:
    """Measure the newest pushed model of ``taxi``: on all trips, and on those paid by card."""
    served = (one for one in (workspace / "serving" / "taxi").iterdir() if one.name.isdigit())
    version = max(served, key=lambda one: int(one.name))
    outcome = max((workspace / "runs").glob("taxi-*/outcome.json"))
    nodes = {node["node"]: node for node in json.loads(outcome.read_text())["nodes"]}
    (artifact,) = nodes["ExampleGen"]["outputs"]["examples"]
    _, train = read_trips(Path(artifact["uri"]) / "Split-train")
    serialized, test = read_trips(Path(artifact["uri"]) / "Split-eval")
    signatures = tf.saved_model.load(str(version)).signatures
    asked = signatures["raw"].structured_input_signature[1]
    raw = signatures["raw"](**{name: tf.constant(test[name], spec.dtype) for name, spec in asked.items()})
    scores = {
        "constant": np.zeros(len(serialized)),
        "linear": logistic_regression(train, test),
        "model": signatures["serving_default"](examples=tf.constant(serialized))["logistic"].numpy()[:, 0],
        "raw": raw["logistic"].numpy()[:, 0],
    }
    if "shared" not in json.loads(artifact["properties"]["sources"])[0]["path"]:
        texts = {name: np.array([one.decode() for one in test[name].tolist()]) for name in TEXTS}
        numbers = {name: _number(test[name]) for name in (*FLOATS, *INTEGERS)}
        scores["best"] = chance({**numbers, **texts})
    truth = is_big(test).astype(np.float64)
    by_card = test["payment_type"] == b"Credit Card"
    return {
        "all trips": _ranking(scores, truth, np.ones(len(truth), bool)),
        "paid by card": _ranking(scores, truth, by_card),
    }


def _ranking(scores: dict[str, Numbers], truth: Numbers, rows: npt.NDArray[np.bool_]) -> Ranking:
    areas = {name: expected_auc(score[rows], truth[rows]) for name, score in scores.items()}
    return Ranking(rows=int(rows.sum()), share=float(truth[rows].mean()), **{"best": float("nan"), **areas})


def _number(values: npt.NDArray[Any]) -> Numbers:
    """A column as numbers with NaN where missing."""
    return np.where(values == _MISSING, np.nan, values.astype(np.float64))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    for name, found in measure(parser.parse_args().workspace).items():
        print(
            f"AUC on the {found.rows:,} rows of the eval split: {name}; {found.share:.1%} tip over a fifth of the fare"
        )
        print(f"  constant                {found.constant:.4f}")
        print(f"  logistic regression     {found.linear:.4f}")
        print(f"  model, serving_default  {found.model:.4f}")
        print(f"  model, raw              {found.raw:.4f}")
        if not np.isnan(found.best):
            print(f"  best possible           {found.best:.4f}   on these very rows")


if __name__ == "__main__":
    main()
