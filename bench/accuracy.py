"""How good a pushed house-price model is: ``python -m bench.accuracy WORKSPACE``.

Reads the newest version that was pushed and the very splits that its run made, and prints the mean absolute error on
the eval split of

- the constant that is best on the training split,
- a linear regression on the training split: all columns, missing values imputed, the category one-hot,
- the model, asked through both of its signatures,
- for generated data, the best predictor that there can be.
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

from bench.pushed import newest, records
from data.blocks import COLUMNS, LABEL
from data.hedonic import expected_error

CATEGORY = COLUMNS[-1]
NUMBERS = tuple(name for name in COLUMNS if name not in (LABEL, CATEGORY))
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Accuracy:
    """Mean absolute errors on the eval split, in dollars; ``rows`` is how many there are.

    Attributes:
        constant: Of the training split's median.
        linear: Of a linear regression.
        model: Of the model through ``serving_default``.
        raw: Of the model through ``raw``.
        irreducible: Of the best predictor there can be, for generated data; else NaN.
    """

    rows: int
    constant: float
    linear: float
    model: float
    raw: float
    irreducible: float


def read_split(folder: Path) -> tuple[list[bytes], Columns]:
    """Read a split's serialised examples, and its columns as arrays ``[rows]`` with NaN where missing."""
    serialized = records(folder)
    spec: dict[str, Any] = {
        name: tf.io.FixedLenFeature([], tf.float32, default_value=float("nan")) for name in (*NUMBERS, LABEL)
    }
    spec[CATEGORY] = tf.io.FixedLenFeature([], tf.string, default_value="")
    parsed = tf.io.parse_example(tf.constant(serialized), spec)
    return serialized, {name: value.numpy() for name, value in parsed.items()}


def linear_regression(train: Columns, test: Columns) -> npt.NDArray[np.float64]:
    """Predict ``[rows]`` of ``test`` by least squares on ``train``."""
    medians = {name: np.nanmedian(train[name]) for name in NUMBERS}
    kinds = sorted(set(train[CATEGORY].tolist()))

    def design(columns: Columns) -> npt.NDArray[np.float64]:
        numbers = [np.where(np.isnan(columns[name]), medians[name], columns[name]) for name in NUMBERS]
        flags = [(columns[CATEGORY] == kind).astype(float) for kind in kinds]
        return np.stack([*numbers, *flags], axis=1).astype(np.float64)

    weights, *_ = np.linalg.lstsq(design(train), train[LABEL].astype(np.float64), rcond=None)
    return np.asarray(design(test) @ weights)


def measure(workspace: Path) -> Accuracy:
    """Measure the newest pushed house-price model of a workspace."""
    pushed = newest(workspace, "housing")
    examples = pushed.made("ExampleGen", "examples")
    _, train = read_split(examples / "Split-train")
    serialized, test = read_split(examples / "Split-eval")
    truth = test[LABEL].astype(np.float64)
    signatures = tf.saved_model.load(str(pushed.model)).signatures
    price = signatures["serving_default"](examples=tf.constant(serialized))["price"].numpy()[:, 0]
    raw = signatures["raw"](**{name: tf.constant(test[name]) for name in (*NUMBERS, CATEGORY)})["price"].numpy()[:, 0]

    def error(prediction: npt.NDArray[Any] | float) -> float:
        return float(np.mean(np.abs(prediction - truth)))

    columns = {**test, CATEGORY: np.array([kind.decode() for kind in test[CATEGORY].tolist()])}
    source = json.loads(pushed.nodes["ExampleGen"]["outputs"]["examples"][0]["properties"]["sources"])[0]["path"]
    generated = "california" not in source
    return Accuracy(
        rows=len(truth),
        constant=error(float(np.median(train[LABEL]))),
        linear=error(linear_regression(train, test)),
        model=error(price),
        raw=error(raw),
        irreducible=float(np.mean(expected_error(columns))) if generated else float("nan"),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    found = measure(parser.parse_args().workspace)
    print(f"mean absolute error in dollars on the {found.rows:,} rows of the eval split")
    print(f"  best constant              {found.constant:10,.0f}")
    print(f"  linear regression          {found.linear:10,.0f}")
    print(f"  model, serving_default     {found.model:10,.0f}   {found.model / found.linear:.2f} of linear regression")
    print(f"  model, raw                 {found.raw:10,.0f}")
    if not np.isnan(found.irreducible):
        share = found.model / found.irreducible
        print(f"  irreducible                {found.irreducible:10,.0f}   the model is at {share:.3f} of it")


if __name__ == "__main__":
    main()
