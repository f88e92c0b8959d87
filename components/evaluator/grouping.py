"""Rows of a batch that fall into the same slices, as one: the step before metrics that can take them together.

TFMA takes each batch apart into rows, and each row through every metric of every slice, in Python: most of the time of
an evaluation of 100,000 rows. A batch has few kinds of rows, though, as far as slices go; so here a batch becomes one
extract for each kind, whose labels and predictions are arrays of all its rows. Which slices a kind belongs to is still
TFMA's own answer (``slicer.get_slices_for_features_dicts``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.slicer import slicer_lib
from tensorflow_model_analysis.utils import util

from pipeline.errors import DataError, SettingsError, raise_encoded

Extracts = dict[str, Any]


def group(
    extracts: Extracts, slicing_specs: Sequence[Any], compared: Sequence[tuple[str, str, str]]
) -> Iterator[Extracts]:
    """Give a batch as one extract for each kind of row.

    Args:
        extracts: TFMA's extracts of a batch of ``n`` rows: features, labels and predictions, arrays ``[n, ...]`` or
            nested dicts of such.
        slicing_specs: ``tfma.SlicingSpec`` of each slice.
        compared: Of which model which prediction is compared with the label, and the name of a metric that does so.

    Yields:
        Extracts with the labels and predictions of the rows of one kind, arrays ``[rows, ...]``, and the keys of the
        slices that they belong to.

    Raises:
        DataError: If a label is missing, or rows differ in how many they have.
        SettingsError: If there are more or fewer predictions than labels.
    """
    specs = [slicer_lib.SingleSliceSpec(spec=spec) for spec in slicing_specs]
    columns = sorted({key for spec in slicing_specs for key in (*spec.feature_keys, *spec.feature_values)})
    features = {name: extracts[tfma.FEATURES_KEY][name] for name in columns if name in extracts[tfma.FEATURES_KEY]}
    judged = {key: _dense(extracts[key], key) for key in (tfma.LABELS_KEY, tfma.PREDICTIONS_KEY)}
    for model, key, metric in compared:
        _check_size(judged, model, key, metric)
    for kind, rows in _kinds(features, len(extracts[tfma.INPUT_KEY])).items():
        values = {name: np.array(some) for name, some in zip(features, kind, strict=True)}
        keys = list(dict.fromkeys(slicer_lib.get_slices_for_features_dicts([], values, specs)))
        yield {
            **{key: _take(value, rows) for key, value in judged.items()},
            tfma.SLICE_KEY_TYPES_KEY: slicer_lib.slice_keys_to_numpy_array(keys),
        }


def _kinds(features: Mapping[str, Any], rows: int) -> dict[tuple[Any, ...], Any]:
    """Map each combination of values of the features to the numbers of the rows that have it."""
    if not features:
        return {(): np.arange(rows)}
    found: dict[tuple[Any, ...], list[int]] = {}
    for row, values in enumerate(zip(*map(_values, features.values()), strict=True)):
        found.setdefault(values, []).append(row)
    return {values: np.array(numbers) for values, numbers in found.items()}


def _values(column: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(column, np.ndarray):
        return map(tuple, column.reshape(len(column), -1).tolist())
    return (tuple(values.ravel().tolist()) for values in _split(column))


def _split(column: Any) -> list[Any]:
    return [row["column"] for row in util.split_extracts({"column": column})]


def _dense(value: Any, what: str) -> Any:
    if value is None or isinstance(value, np.ndarray):
        return value
    if isinstance(value, Mapping):
        return {name: _dense(one, what) for name, one in value.items()}
    rows = _split(value)
    sizes = sorted({row.size for row in rows})
    if len(sizes) != 1 or not sizes[0]:
        raise_encoded(
            DataError(
                f"the {what} of the eval split are not the same number in each row",
                got=f"{' and '.join(map(str, sizes))} values",
                expected="the same number, and at least one",
                where="Evaluator",
                hint="rows without a label have to be left out; require its presence in the schema",
            )
        )
    return np.stack(rows)


def _check_size(judged: Extracts, model: str, key: str, metric: str) -> None:
    of = util.StandardExtracts(judged)
    label, given = np.asarray(of.get_labels(model)), np.asarray(of.get_predictions(model, key))
    if label.size != given.size:
        raise_encoded(
            SettingsError(
                f"{metric} cannot compare the label with the prediction {key}",
                where="evaluation.metrics",
                got=f"{given.size / len(given):g} predictions and {label.size / len(label):g} labels in a row",
                expected="as many predictions as labels",
                hint="evaluation.prediction_key names the output that the label is compared with",
            )
        )


def _take(value: Any, rows: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _take(one, rows) for name, one in value.items()}
    return None if value is None else value[rows]
