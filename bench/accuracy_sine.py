"""How good a pushed model of waves is: ``python -m bench.accuracy_sine WORKSPACE``.

Reads the newest version that was pushed and the very splits that its run made, and prints the mean absolute error on
the eval split of

- the mean of the window,
- the last value of the window,
- a linear autoregression: least squares of the next value on all 24, on the training split,
- the model, asked through both of its signatures,
- the best prediction that there can be (:mod:`data.foresight`).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import tensorflow as tf

from bench.pushed import newest, records
from data.foresight import best_prediction, expected_error
from data.waves import LABEL, STEPS, WINDOW, Floats


@dataclass(frozen=True)
class Accuracy:
    """Mean absolute errors on the eval split; ``rows`` is how many there are.

    Attributes:
        mean: Of the window's mean.
        last: Of the window's last value.
        linear: Of a linear autoregression.
        model: Of the model through ``serving_default``.
        raw: Of the model through ``raw``.
        best: Of the best prediction that there can be, on these rows.
        irreducible: What that one's error is expected to be, given the windows.
    """

    rows: int
    mean: float
    last: float
    linear: float
    model: float
    raw: float
    best: float
    irreducible: float


def read_split(folder: Path) -> tuple[list[bytes], Floats, Floats]:
    """Read a split's serialised examples, their windows ``[rows, 24]`` and their next values ``[rows]``."""
    serialized = records(folder)
    spec = {WINDOW: tf.io.FixedLenFeature([STEPS], tf.float32), LABEL: tf.io.FixedLenFeature([], tf.float32)}
    parsed = tf.io.parse_example(tf.constant(serialized), spec)
    return serialized, parsed[WINDOW].numpy().astype(np.float64), parsed[LABEL].numpy().astype(np.float64)


def autoregression(windows: Floats, following: Floats, asked: Floats) -> Floats:
    """Predict what follows windows ``asked`` by least squares on others; ``[rows]``."""
    weights, *_ = np.linalg.lstsq(np.c_[windows, np.ones(len(windows))], following, rcond=None)
    return np.asarray(np.c_[asked, np.ones(len(asked))] @ weights)


def measure(workspace: Path) -> Accuracy:
    """Measure the newest pushed model of a workspace."""
    pushed = newest(workspace, "sine")
    examples = pushed.made("ExampleGen", "examples")
    _, windows, following = read_split(examples / "Split-train")
    serialized, asked, truth = read_split(examples / "Split-eval")
    model = tf.saved_model.load(str(pushed.model))
    served = model.signatures["serving_default"](examples=tf.constant(serialized))
    raw = model.signatures["raw"](**{WINDOW: tf.constant(asked, tf.float32)})

    def error(prediction: Any) -> float:
        return float(np.mean(np.abs(prediction - truth)))

    return Accuracy(
        rows=len(truth),
        mean=error(asked.mean(axis=1)),
        last=error(asked[:, -1]),
        linear=error(autoregression(windows, following, asked)),
        model=error(served[LABEL].numpy()[:, 0]),
        raw=error(raw[LABEL].numpy()[:, 0]),
        best=error(best_prediction(asked)),
        irreducible=float(expected_error(asked).mean()),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    found = measure(parser.parse_args().workspace)
    print(f"mean absolute error on the {found.rows:,} rows of the eval split")
    print(f"  mean of the window         {found.mean:8.4f}")
    print(f"  last value                 {found.last:8.4f}")
    print(f"  linear autoregression      {found.linear:8.4f}")
    print(
        f"  model, serving_default     {found.model:8.4f}   {found.model / found.linear:.2f} of linear autoregression"
    )
    print(f"  model, raw                 {found.raw:8.4f}")
    print(f"  best there can be          {found.best:8.4f}   the model is at {found.model / found.best:.3f} of it")
    print(f"  irreducible, expected      {found.irreducible:8.4f}")


if __name__ == "__main__":
    main()
