"""Batches by kinds of rows give what TFMA gives row by row."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROWS = 1_500


def _batches(rows: int = ROWS, size: int = 700) -> Iterator[dict[str, Any]]:
    """Extracts as TFMA's extractors leave them: of two models, with a column of none to two values in a row."""
    import numpy as np
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.api.types import VarLenTensorValue

    random = np.random.default_rng(11)
    for start in range(0, rows, size):
        count = min(size, rows - start)
        label = random.lognormal(10, 1, count).astype(np.float32)
        near = random.choice([b"sea", b"hill", "fjäll".encode()], (count, 1))
        tags = [random.choice([b"a", b"b", b"c"], random.integers(0, 3), replace=False) for _ in range(count)]
        guess = {
            name: {"price": label[:, None] * random.normal(1, spread, (count, 1)).astype(np.float32), "lower": label}
            for name, spread in ((tfma.CANDIDATE_KEY, 0.1), (tfma.BASELINE_KEY, 0.3))
        }
        yield {
            tfma.INPUT_KEY: np.array([b"row"] * count, dtype=object),
            tfma.FEATURES_KEY: {
                "near": near,
                "tags": VarLenTensorValue.from_dense_rows(tags),
                "year": random.integers(1999, 2002, count),
            },
            tfma.LABELS_KEY: dict.fromkeys(guess, label),
            tfma.PREDICTIONS_KEY: guess,
        }


def _config(*names: str) -> Any:
    import tensorflow_model_analysis as tfma

    from components.evaluator.configuration import eval_config
    from pipeline.config.model import Evaluation

    settings = Evaluation.model_validate(
        {
            "prediction_key": "price",
            "slices": [["near"], ["tags"], ["near", "year"]],
            "metrics": [{"name": name} for name in names],
        }
    )
    config = eval_config(settings, label="price")
    return tfma.utils.update_eval_config_with_defaults(config, has_baseline=True, rubber_stamp=True)


def _measured(extracts: Any, file: Path, *, of: Any) -> dict[tuple[str, str, str], float]:
    """Run ``of``, a PTransform to TFMA's evaluation, and give its numbers by slice, model and metric."""
    import apache_beam as beam
    import tensorflow_model_analysis as tfma

    with beam.Pipeline(runner="apache_beam.runners.portability.fn_api_runner.FnApiRunner") as pipeline:
        evaluation = pipeline | beam.Create(extracts) | of
        lines = evaluation[tfma.METRICS_KEY] | "Lines" >> beam.FlatMap(_lines)
        _ = lines | beam.io.WriteToText(str(file), shard_name_template="")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    found = {(where, model, name): value for where, model, name, value in rows}
    assert len(found) == len(rows)
    return found


def _lines(measured: tuple[Any, dict[Any, Any]]) -> Iterator[str]:
    key, values = measured
    for metric, value in values.items():
        if not metric.is_diff:
            yield json.dumps([str(key), metric.model_name, metric.name, float(value)])


def _row_by_row(config: Any) -> Any:
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.extractors import slice_key_extractor, unbatch_extractor

    @beam.ptransform_fn
    def evaluation(extracts: Any) -> Any:
        (only,) = tfma.default_evaluators(eval_config=config)
        return (
            extracts
            | unbatch_extractor.UnbatchExtractor().ptransform
            | slice_key_extractor.SliceKeyExtractor(eval_config=config).ptransform
            | only.ptransform
        )

    return evaluation()


def _ours(config: Any) -> Any:
    from tensorflow_model_analysis.extractors import slice_key_extractor, unbatch_extractor

    from components.evaluator.measuring import GroupsAndRows

    of_rows = [unbatch_extractor.UnbatchExtractor(), slice_key_extractor.SliceKeyExtractor(eval_config=config)]
    return GroupsAndRows(config, None, of_rows)


@pytest.mark.parametrize("beside", [(), ("calibration",)], ids=["groups", "groups and rows"])
def test_the_same_numbers_as_row_by_row(tmp_path: Path, beside: tuple[str, ...]) -> None:
    config = _config("mean_absolute_error", "mean_squared_error", *beside)
    batches = list(_batches())
    expected = _measured(batches, tmp_path / "theirs", of=_row_by_row(config))
    found = _measured(batches, tmp_path / "ours", of=_ours(config))
    assert set(found) == set(expected)
    assert len({where for where, _, _ in found}) == 1 + 3 + 3 + 9  # all; near; tags; near and year
    assert len({name for _, _, name in found}) == 3 + len(beside)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-5), key  # TFMA adds in 32 bits


def test_the_root_of_the_mean_squared_error(tmp_path: Path) -> None:
    found = _measured(
        _batches(), tmp_path / "found", of=_ours(_config("root_mean_squared_error", "mean_squared_error"))
    )
    assert {
        (where, model): value for (where, model, name), value in found.items() if name == "root_mean_squared_error"
    } == pytest.approx(
        {
            (where, model): math.sqrt(value)
            for (where, model, name), value in found.items()
            if name == "mean_squared_error"
        }
    )


def test_an_answer_that_is_no_number_is_not_left_out(tmp_path: Path) -> None:
    import numpy as np

    batches = list(_batches())
    batches[1]["predictions"]["candidate"]["price"][3] = np.nan
    found = _measured(batches, tmp_path / "found", of=_ours(_config("mean_absolute_error")))
    assert math.isnan(found["()", "candidate", "mean_absolute_error"])
    assert math.isfinite(found["()", "baseline", "mean_absolute_error"])
    assert found["()", "candidate", "example_count"] == ROWS


def test_predictions_that_are_not_one_for_each_label(tmp_path: Path) -> None:
    import numpy as np

    from pipeline.errors import SettingsError, find

    batches = list(_batches(700))
    batches[0]["predictions"]["baseline"]["price"] = np.zeros((700, 3), np.float32)
    with pytest.raises(Exception, match="mean_absolute_error") as caught:
        _measured(batches, tmp_path / "found", of=_ours(_config("mean_absolute_error")))
    error = find(caught.value)
    assert isinstance(error, SettingsError)
    assert "3 predictions and 1 labels in a row" in str(error.got)


def test_rows_without_a_label(tmp_path: Path) -> None:
    import numpy as np
    from tensorflow_model_analysis.api.types import VarLenTensorValue

    from pipeline.errors import DataError, find

    batches = list(_batches(700))
    some = [np.ones(row % 2, np.float32) for row in range(700)]
    batches[0]["labels"] = VarLenTensorValue.from_dense_rows(some)
    with pytest.raises(Exception, match="labels") as caught:
        _measured(batches, tmp_path / "found", of=_ours(_config("mean_absolute_error")))
    error = find(caught.value)
    assert isinstance(error, DataError)
    assert "0 and 1 values" in str(error.got)
