"""Settings become TFMA's config, and come back as the same bounds."""

import pytest

from pipeline.config.model import Evaluation, Metric
from pipeline.errors import SettingsError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("every_slice", [False, True])
def test_bounds_survive_the_way_through_tfma(every_slice: bool) -> None:
    from components.evaluator.configuration import eval_config, rules
    from components.evaluator.judging import Rule
    from components.evaluator.verdict import Bounds

    settings = Evaluation(
        slices=(("place",), ("place", "size")),
        metrics=(
            Metric(name="mean_absolute_error", upper_bound=3.0, direction="lower_is_better", change_relative=0.05),
            Metric(name="auc", lower_bound=0.0, direction="higher_is_better", change_absolute=0.01),
            Metric(name="calibration"),
        ),
    )
    config = eval_config(settings, label="y", every_slice=every_slice)
    assert rules(config) == [
        Rule(
            "mean_absolute_error",
            Bounds(upper_bound=3.0, direction="lower_is_better", change_relative=0.05),
            every_slice=every_slice,
        ),
        Rule(
            "auc",
            Bounds(lower_bound=0.0, direction="higher_is_better", change_absolute=0.01),
            every_slice=every_slice,
        ),
    ]
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["place"], ["place", "size"]]
    assert [spec.is_baseline for spec in config.model_specs] == [False, True]


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("mean_absolute_error", "MeanAbsoluteError"),
        ("root_mean_squared_error", "RootMeanSquaredError"),
        ("mean_squared_error", "MeanSquaredError"),
        ("auc", "AUC"),
        ("binary_accuracy", "BinaryAccuracy"),
        ("sparse_categorical_accuracy", "SparseCategoricalAccuracy"),
        ("calibration", "Calibration"),
        ("f1_score", "F1Score"),
    ],
)
def test_names_of_metrics(name: str, class_name: str) -> None:
    from components.evaluator.metrics import metric_class

    assert metric_class(name) == class_name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mean_absolut_eror", "did you mean mean_absolute_error"),
        ("precision_at_recall", "did you mean auc_precision_recall"),
    ],
)
def test_an_unknown_metric_is_refused_when_the_node_is_made(name: str, hint: str) -> None:
    from components.evaluator.configuration import eval_config

    with pytest.raises(SettingsError) as caught:
        eval_config(Evaluation(metrics=(Metric(name=name),)), label="y")
    assert caught.value.got == name
    assert (caught.value.hint or "").startswith(hint)
