"""Regression or classification, and the bound that a constant prediction does not keep."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import DataError, PipelineError, SettingsError
from pipeline.scaffold.profiling import Profile, profile
from pipeline.scaffold.task import TaskName, find_task


def profiled(folder: Path, label: Callable[[random.Random, int], object], rows: int = 3000) -> Profile:
    made = random.Random(11)
    lines = ["x,label", *(f"{made.random()},{label(made, row)}" for row in range(rows))]
    (folder / "rows.csv").write_text("\n".join(lines))
    return profile(str(folder / "rows.csv"), label="label")


def test_numbers_are_regression_and_the_bound_is_below_the_median(tmp_path: Path) -> None:
    found = profiled(tmp_path, lambda r, _: r.lognormvariate(3, 1))
    task = find_task(found)
    judged = found.labels["eval"]
    assert task.name == "regression"
    assert task.center == pytest.approx(np.median(found.labels["train"]), rel=1e-5)
    for constant in np.quantile(judged, np.linspace(0.01, 0.99, 99)):
        assert float(np.mean(np.abs(judged - constant))) > task.bound.value
    assert task.bound.value > 0.9 * task.bound.constant


def test_text_is_classification_and_the_bound_is_above_the_commonest_class(tmp_path: Path) -> None:
    found = profiled(tmp_path, lambda r, _: r.choice(["no", "no", "yes"]))
    task = find_task(found)
    assert (task.name, task.classes, task.numbered) == ("classification", ("no", "yes"), False)
    assert found.label_counts is not None
    share = found.label_counts["eval"]["no"] / found.rows["eval"]
    assert (task.bound.metric, task.bound.lower) == ("binary_accuracy", True)
    assert share < task.bound.value < share + 0.05


def test_few_whole_numbers_are_classes_unless_one_says_otherwise(tmp_path: Path) -> None:
    found = profiled(tmp_path, lambda r, _: r.randrange(3))
    task = find_task(found)
    assert (task.classes, task.numbered) == ((0, 1, 2), True)
    assert task.bound.metric == "sparse_categorical_accuracy"
    assert find_task(found, "regression").name == "regression"


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        (lambda r, _: r.randrange(1, 4), (1, 2, 3)),
        (lambda r, _: f"{r.randrange(2)}.0", (0, 1)),
        (lambda r, _: r.choice([0.5, 1.5]), (0.5, 1.5)),
        (lambda r, _: r.choice(["true", "false"]), ("false", "true")),
    ],
)
def test_classes_that_the_file_does_not_number(
    tmp_path: Path, label: Callable[[random.Random, int], object], classes: tuple[object, ...]
) -> None:
    task = find_task(profiled(tmp_path, label))
    assert (task.classes, task.numbered) == (classes, False)


def test_a_rare_class_is_judged_by_what_counts_it(tmp_path: Path) -> None:
    binary = find_task(profiled(tmp_path, lambda r, _: int(r.random() < 0.05))).bound
    assert (binary.metric, binary.lower, binary.constant) == ("auc", True, 0.5)
    assert 0.52 <= binary.value <= 0.65
    several = find_task(profiled(tmp_path, lambda r, _: r.choice(["b", "c"]) if r.random() < 0.1 else "a")).bound
    assert (several.metric, several.lower) == ("sparse_categorical_crossentropy", False)
    assert 0.9 * several.constant < several.value < several.constant


@pytest.mark.parametrize(
    ("label", "said", "error", "words"),
    [
        (lambda _, n: 3, None, DataError, "The label is the same in every row"),
        (lambda _, n: 0 if n else 1, "regression", DataError, "The label is nearly always the same"),
        (lambda _, n: "ab"[n % 2], "regression", SettingsError, "text, which regression cannot predict"),
        (lambda _, n: n / 7, "classification", SettingsError, "too many values to be classes|--task regression"),
        (lambda _, n: n / 7 if n else "free", None, SettingsError, "too many values|but for cells such as 'free'"),
        (lambda _, n: f"name {n}", None, SettingsError, "too many values to be classes|or numbers"),
    ],
)
def test_labels_that_cannot_be_learned(
    tmp_path: Path,
    label: Callable[[random.Random, int], object],
    said: TaskName | None,
    error: type[PipelineError],
    words: str,
) -> None:
    with pytest.raises(error) as raised:
        find_task(profiled(tmp_path, label, rows=300), said)
    for word in words.split("|"):
        assert word in raised.value.render()


def test_equal_rows_are_too_few(tmp_path: Path) -> None:
    refusals = set()
    for number in range(8):  # two different rows, which may or may not fall into one split
        (tmp_path / "rows.csv").write_text("x,label\n" + f"1,{number}\n3,{number + 1}\n" * 50)
        try:
            find_task(profile(str(tmp_path / "rows.csv"), label="label"))
        except DataError as error:
            refusals.add(error.headline)
    assert refusals == {"Too few different rows to judge a model by."}
