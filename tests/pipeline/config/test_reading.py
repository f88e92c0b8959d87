"""Settings: every mistake at once, each with its place and a suggestion."""

from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.errors import SettingsError

GOOD = """\
label = "price"

[data]
path = "rows.csv"

[training]
train_steps = 10
params = { hidden_units = [8] }

[[evaluation.metrics]]
name = "mean_absolute_error"
upper_bound = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    problem = tmp_path / "prices"
    problem.mkdir()
    (problem / "pipeline.toml").write_text(GOOD)
    return problem


def mistakes(folder: Path, text: str | None = None, *overrides: str) -> SettingsError:
    if text is not None:
        (folder / "pipeline.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_problem(folder, overrides)
    return caught.value


def test_a_good_file_is_read_with_its_defaults(folder: Path) -> None:
    problem = read_problem(folder)
    assert problem.name == "prices"
    assert problem.settings.data.path == str(folder / "rows.csv")  # relative to the file
    assert problem.settings.training.batch_size == 256
    assert problem.settings.training.params == {"hidden_units": [8]}
    assert problem.settings.evaluation.metrics[0].upper_bound == 3


@pytest.mark.parametrize(("columns", "said"), [(["price"], "without the label"), (["id", "id"], "each column once")])
def test_a_column_comes_back_once_and_is_not_the_label(folder: Path, columns: list[str], said: str) -> None:
    error = mistakes(folder, f"{GOOD}\n[serving]\nforward_features = {columns}\n".replace("'", '"'))
    assert said in error.render()


def test_overrides_win_and_are_toml_or_else_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    changes = ["training.train_steps=7", "training.params.rate=0.5", "description=just words", "data.path=x.csv"]
    settings = read_problem(folder, changes).settings
    assert settings.training.train_steps == 7
    assert settings.training.params == {"hidden_units": [8], "rate": 0.5}
    assert settings.description == "just words"
    assert settings.data.path == "/x.csv"  # relative to where the command was given


def test_data_replaces_the_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert read_problem(folder, data="other").settings.data.path == str(folder.parent / "other")


@pytest.mark.parametrize("given", ["data.path=", "data.path=''", 'data.path=" "'])
def test_an_empty_path_is_no_path(folder: Path, given: str) -> None:
    [mistake] = mistakes(folder, None, given).parts
    assert (mistake.headline, mistake.where) == ("data.path is not valid", f"--set {given}")
    assert mistake.expected == "the path of a file or folder, not an empty text"
    [mistake] = mistakes(folder, GOOD.replace("rows.csv", "")).parts
    assert mistake.where == f"{folder / 'pipeline.toml'}:4"


def test_a_home_folder_of_nobody_is_a_name_as_any_other(folder: Path) -> None:
    assert read_problem(folder, data="~nobody-of-that-name/x").settings.data.path.endswith("/~nobody-of-that-name/x")


def test_three_mistakes_are_reported_at_once_with_lines_and_suggestions(folder: Path) -> None:
    text = GOOD.replace("train_steps = 10", 'trainsteps = 10\nbatch_size = "big"').replace("upper_bound", "uper_bound")
    error = mistakes(folder, text)
    assert error.exit_code == 2
    assert error.headline == "3 mistakes in the settings of prices"
    file = folder / "pipeline.toml"
    assert [(part.headline, part.where) for part in error.parts] == [
        ("Unknown setting training.trainsteps", f"{file}:7"),
        ("training.batch_size is not valid", f"{file}:8"),
        ("Unknown setting evaluation.metrics[0].uper_bound", f"{file}:13"),
    ]
    assert error.parts[0].hint == "did you mean training.train_steps?"
    assert error.parts[1].got == '"big"'
    assert "integer" in str(error.parts[1].expected)
    assert error.parts[2].hint == "did you mean evaluation.metrics[0].upper_bound?"


def test_a_missing_key_says_what_belongs_there(folder: Path) -> None:
    [part] = mistakes(folder, GOOD.replace('label = "price"', "")).parts
    assert part.headline == "label is missing"
    assert str(part.expected).startswith("the column to predict")


def test_a_choice_suggests_the_nearest(folder: Path) -> None:
    [part] = mistakes(folder, GOOD + '\n[validation]\nanomalies = "stp"\n').parts
    assert part.hint == "did you mean 'stop'?"


def test_a_mistake_in_an_override_is_placed_there(folder: Path) -> None:
    error = mistakes(folder, None, "traning.seed=3", "training.seed=-1", "nonsense")
    places = {part.headline: part.where or part.got for part in error.parts}
    assert places["Unknown setting traning"] == "--set traning.seed=3"
    assert places["training.seed is not valid"] == "--set training.seed=-1"
    assert places["An override is not key=value"] == "--set nonsense"


def test_change_bounds_need_a_direction(folder: Path) -> None:
    [part] = mistakes(folder, GOOD + "change_relative = 0.1\n").parts
    assert part.expected == "direction is needed with change_absolute and change_relative"


def test_both_splits_are_needed(folder: Path) -> None:
    [part] = mistakes(folder, None, "data.hash_buckets={train=1}").parts
    assert "missing: eval" in str(part.expected)


def test_what_is_not_toml_is_refused_with_its_line(folder: Path) -> None:
    error = mistakes(folder, "label = \n")
    assert error.headline == "The settings file is not valid TOML"
    assert error.where == f"{folder / 'pipeline.toml'}:1:9"
    assert str(error.got).startswith("label =\n")


def test_what_is_not_utf8_is_refused(folder: Path) -> None:
    (folder / "pipeline.toml").write_bytes(b'label = "\xff"')
    assert mistakes(folder).headline == "The settings file is not UTF-8"


def test_a_folder_without_settings_is_not_a_problem(tmp_path: Path) -> None:
    assert "is not a problem's folder" in mistakes(tmp_path).headline


@pytest.mark.parametrize("value", ['"256"', "2.0", "true"])
def test_a_number_is_not_read_from_what_looks_like_one(folder: Path, value: str) -> None:
    [part] = mistakes(folder, None, f"training.batch_size={value}").parts
    assert "integer" in str(part.expected)


TRAINING = """\
num_epochs = 2
save_checkpoints_steps = 5
save_checkpoints_secs = 6
best_metric = "auc"
warm_start = true
vars_to_warm_start = "("
"""


def test_what_excludes_another_setting_is_told_at_its_own_line(folder: Path) -> None:
    text = GOOD.replace("train_steps = 10\n", "train_steps = 10\n" + TRAINING)
    stops = "\n[training.early_stopping]\nmax_steps_without_decrease = 5\nmax_steps_without_increase = 5\n"
    error = mistakes(folder, text + stops)
    lines = {part.headline.split()[0]: int(str(part.where).rpartition(":")[2]) for part in error.parts}
    assert lines == {
        "training.num_epochs": 8,
        "training.save_checkpoints_secs": 10,
        "training.best_metric": 11,
        "training.vars_to_warm_start": 13,
        "training.early_stopping.max_steps_without_increase": 22,
    }
    assert "not both this and train_steps" in str(error.parts[0].expected)


def test_early_stopping_needs_a_reason(folder: Path) -> None:
    [part] = mistakes(folder, None, "training.early_stopping.min_steps=3").parts
    assert "a reason to stop is needed" in str(part.expected)


def test_an_override_takes_the_place_of_its_alternative(folder: Path) -> None:
    training = read_problem(folder, ["training.num_epochs=3"]).settings.training
    assert (training.num_epochs, training.train_steps) == (3, None)


def test_of_two_overrides_that_exclude_each_other_both_are_told(folder: Path) -> None:
    [part] = mistakes(folder, None, "training.num_epochs=3", "training.train_steps=100").parts
    assert part.where == "--set training.num_epochs=3"
    assert "not both this and train_steps" in str(part.expected)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("serving.forward_features=id", 'a list, as ["a", "b"]'),
        ("training=5", "a table"),
        ("training.params=5", "a table"),
    ],
)
def test_what_is_expected_is_said_in_the_words_of_toml(folder: Path, override: str, expected: str) -> None:
    [part] = mistakes(folder, None, override).parts
    assert part.expected == expected


@pytest.mark.parametrize("key", ["seed", "train_steps", "num_epochs", "batch_size"])
def test_a_number_beyond_what_tensorflow_takes_is_refused(folder: Path, key: str) -> None:
    [part] = mistakes(folder, None, f"training.{key}=99999999999999999999").parts
    assert "less than" in str(part.expected)


def test_what_goes_by_evaluations_evaluates_each_checkpoint(folder: Path) -> None:
    def throttle(*overrides: str) -> int:
        return read_problem(folder, overrides).settings.training.evaluation_throttle_secs

    assert throttle() == 60
    assert throttle("training.export=best") == 0
    assert throttle("training.early_stopping.stop_if_lower=1.0") == 0
    assert throttle("training.export=best", "training.throttle_secs=5") == 5
