"""A search space is held against the training that it varies, each mistake with its line and a suggestion."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import read_problem
from pipeline.config.tuning import Dimension, Tuning
from pipeline.errors import SettingsError

HEAD = """\
label = "price"

[data]
path = "rows.csv"

[training]
batch_size = 64
params = { rate = 0.1, units = [8], layers = 2 }

[tuning]
metric = "mean_absolute_error"

[tuning.space]
"""
RATE = 'rate = { type = "float", low = 0.01, high = 1, log = true }\n'


def problem(root: Path, space: str, *overrides: str) -> Tuning:
    folder = root / "prices"
    folder.mkdir(exist_ok=True)
    (folder / "pipeline.toml").write_text(HEAD + space)
    return read_problem(folder, overrides).settings.tuning


def mistakes(root: Path, space: str, *overrides: str) -> tuple[Any, ...]:
    with pytest.raises(SettingsError) as caught:
        problem(root, space, *overrides)
    return caught.value.parts


def test_a_good_space_is_read(tmp_path: Path) -> None:
    space = problem(
        tmp_path,
        RATE
        + 'units = { type = "categorical", choices = [[8], [16, 8]] }\n'
        + 'layers = { type = "int", low = 1, high = 4 }\n'
        + 'batch_size = { type = "int", low = 32, high = 128, step = 32 }\n',
    ).space
    assert list(space) == ["rate", "units", "layers", "batch_size"]
    assert space["units"].choices == ([8], [16, 8])
    assert space["layers"].ends() == (1, 4)


def test_an_override_changes_one_end(tmp_path: Path) -> None:
    assert problem(tmp_path, RATE, "tuning.space.rate.high=5.0").space["rate"].high == 5


def test_every_misfit_is_told_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    parts = mistakes(
        tmp_path,
        'rat = { type = "float", low = 0.01, high = 1 }\n'
        'rate = { type = "float", low = 0.2, high = 1 }\n'
        'batch_size = { type = "int", low = 0, high = 128 }\n'
        'seed = { type = "int", low = 0, high = 9 }\n'
        'num_epochs = { type = "int", low = 1, high = 9 }\n'
        'units = { type = "categorical", choices = [[16], [32]] }\n',
    )
    assert [part.headline for part in parts] == [
        f"tuning.space.{name} is not valid" for name in ("rat", "rate", "batch_size", "seed", "num_epochs", "units")
    ]
    assert [str(part.where).rpartition(":")[2] for part in parts] == ["14", "15", "16", "17", "18", "19"]
    assert parts[0].hint == "did you mean tuning.space.rate?"
    assert "holds the default 0.1" in parts[1].expected
    assert "values that training.batch_size may have (0: " in parts[2].expected
    assert "one of train_steps, num_epochs, batch_size, shuffle_buffer" in parts[3].expected
    assert "set training.num_epochs, too" in parts[4].expected
    assert "holds the default [8]" in parts[5].expected


def test_a_name_that_both_have_is_refused(tmp_path: Path) -> None:
    [part] = mistakes(
        tmp_path, 'batch_size = { type = "int", low = 32, high = 128 }\n', "training.params.batch_size=64"
    )
    assert "only one of [training] and [training.params]" in part.expected


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ('{ type = "float", low = 1.0, high = 0.1 }', "low below high"),
        ('{ type = "float", low = 0.01 }', "low and high"),
        ('{ type = "float", low = 0, high = 1, log = true }', "zero has no logarithm"),
        ('{ type = "float", low = 0.01, high = 1, log = true, step = 0.01 }', "log or step, not both"),
        ('{ type = "float", choices = [1, 2] }', "low and high with a float, not choices"),
        ('{ type = "int", low = 0.5, high = 2 }', "whole numbers"),
        ('{ type = "categorical", choices = [0.1] }', "two or more different choices"),
        ('{ type = "categorical", choices = [0.1, 0.2, 0.1] }', "each choice once"),
        ('{ type = "categorical", choices = [0.1, 0.2], low = 0.1 }', "choices alone"),
        ('{ type = "float", low = 0.01, high = inf }', "finite"),
    ],
)
def test_a_dimension_that_is_none(tmp_path: Path, space: str, said: str) -> None:
    [part] = mistakes(tmp_path, f"rate = {space}\n")
    assert part.headline == "tuning.space.rate is not valid"
    assert said in part.expected


def test_an_unknown_key_or_type_of_a_dimension_suggests_the_nearest(tmp_path: Path) -> None:
    parts = mistakes(tmp_path, 'rate = { type = "flot", lo = 0.01, high = 1 }\n')
    assert [part.hint for part in parts] == ["did you mean 'float'?", "did you mean tuning.space.rate.low?"]


def test_a_search_needs_a_space(tmp_path: Path) -> None:
    [part] = mistakes(tmp_path, "", "tuning.use=search")
    assert "a search space in [tuning.space]" in part.expected


JUDGED = """
[[evaluation.metrics]]
name = "skill"
direction = "higher_is_better"
"""


def direction(root: Path, metric: str, *overrides: str, space: str = RATE) -> str | None:
    problem(root, space + JUDGED)
    return read_problem(root / "prices", [f"tuning.metric={metric}", *overrides]).settings.search.direction


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        ("loss", "lower"),
        ("average_loss", "lower"),
        ("mean_absolute_error", "lower"),
        ("sparse_categorical_crossentropy", "lower"),
        ("sparse_categorical_accuracy", "higher"),
        ("auc", "higher"),
        ("auc_precision_recall", "higher"),
        ("accuracy/baseline", "higher"),
        ("skill", "higher"),  # as [[evaluation.metrics]] has it
    ],
)
def test_the_direction_follows_from_the_metric(tmp_path: Path, metric: str, best: str) -> None:
    assert direction(tmp_path, metric) == f"{best}_is_better"


def test_what_the_search_itself_says_of_its_metric_holds(tmp_path: Path) -> None:
    assert direction(tmp_path, "auc", "tuning.direction=lower_is_better") == "lower_is_better"
    assert direction(tmp_path, "oddness", "tuning.direction=higher_is_better") == "higher_is_better"
    assert direction(tmp_path, "oddness", space="") == "lower_is_better", "nothing is searched"


def test_two_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        direction(tmp_path, "skill", "tuning.direction=lower_is_better")
    [part] = caught.value.parts
    assert (part.headline, part.where) == (
        "tuning.direction is not valid",
        "--set tuning.direction=lower_is_better",
    )
    assert part.expected == "what [[evaluation.metrics]] says of skill: higher_is_better"


def test_a_metric_whose_name_does_not_tell_needs_a_direction(tmp_path: Path) -> None:
    for metric in ("oddness", "accuracy_loss"):
        with pytest.raises(SettingsError) as caught:
            direction(tmp_path, metric)
        [part] = caught.value.parts
        assert part.headline == "tuning.direction is not valid"
        assert f"the name {metric} does not tell" in str(part.expected)
        assert "set tuning.direction, or another tuning.metric" in str(part.hint)


def test_what_a_dimension_holds() -> None:
    numbers = Dimension.model_validate({"type": "int", "low": 32, "high": 128, "step": 32})
    assert [value for value in (32, 64, 65, 160, 64.0, True, "64") if numbers.holds(value)] == [32, 64, 64.0]
    small = Dimension.model_validate({"type": "float", "low": 0.1, "high": 0.5, "step": 0.1})
    assert small.holds(0.3)
    assert not small.holds(0.25)


def test_a_misspelt_name_on_the_command_line_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    [part] = mistakes(tmp_path, RATE, "tuning.space.raet.low=0.1")
    assert part.headline == "tuning.space.raet.type is missing"
    assert part.where == "--set tuning.space.raet.low=0.1"
    assert part.hint == "did you mean tuning.space.rate?"
    [part] = mistakes(tmp_path, "[tuning.space.other]\nlow = 1\n")
    assert part.headline == "tuning.space.other.type is missing"
    assert "pipeline.toml" in part.where


def test_a_value_that_the_latest_search_would_replace_is_refused(tmp_path: Path) -> None:
    given = "training.params.rate=0.5"
    [part] = mistakes(tmp_path, RATE, given, "tuning.use=latest")
    assert part.headline == "training.params.rate would not be trained with: the latest search's value takes its place"
    assert part.where == f"--set {given}"
    assert "tuning.use=nothing" in part.hint
    assert problem(tmp_path, RATE, given, "tuning.use=nothing").use == "nothing"
    assert problem(tmp_path, RATE, given, "tuning.use=search").use == "search", "the search begins with it"


def test_what_no_search_varies_may_be_set_beside_the_latest(tmp_path: Path) -> None:
    assert problem(tmp_path, RATE, "training.params.layers=3", "training.seed=5", "tuning.use=latest").use == "latest"
    whole = "training.params={rate=0.5,units=[16],layers=2}"
    assert problem(tmp_path, RATE, whole, "tuning.use=latest").use == "latest", "it has units, too"
    [part] = mistakes(
        tmp_path, 'batch_size = { type = "int", low = 32, high = 128 }\n', "training.batch_size=32", "tuning.use=latest"
    )
    assert part.headline.startswith("training.batch_size would not be trained with")
