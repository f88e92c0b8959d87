"""``[run]``: retries and limits, checked as the other settings are."""

from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.errors import SettingsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.toml").write_text('label = "y"\n[data]\npath = "rows.csv"\n')
    return tmp_path


def mistake(folder: Path, *overrides: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        read_problem(folder, overrides)
    [part] = caught.value.parts
    assert isinstance(part, SettingsError)
    return part


def test_a_limit_of_a_node_comes_before_that_of_all(folder: Path) -> None:
    run = read_problem(folder, ["run.node_timeout_secs=60", "run.timeout_secs.Trainer=3600"]).settings.run
    assert (run.time_limit("Trainer"), run.time_limit("Pusher")) == (3600, 60)
    run = read_problem(folder, ["run.memory_mb.Transform=8000"]).settings.run
    assert (run.memory_limit("Transform"), run.memory_limit("Trainer")) == (8000, None)
    assert run.retries == 2


def test_a_node_that_there_is_not_is_answered_with_the_nearest(folder: Path) -> None:
    part = mistake(folder, "run.timeout_secs.Trainr=60")
    assert part.headline == "run.timeout_secs.Trainr is not valid"
    assert part.where == "--set run.timeout_secs.Trainr=60"
    assert part.hint == "did you mean 'Trainer'?"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("run.timeout_secs.Trainer=0", "greater than or equal to 1"),
        ("run.node_memory_mb=1.5", "a valid integer"),
        ("run.retries=11", "less than or equal to 10"),
    ],
)
def test_impossible_limits_are_refused(folder: Path, override: str, expected: str) -> None:
    assert mistake(folder, override).expected == expected


def test_an_unknown_key_is_answered_with_the_nearest(folder: Path) -> None:
    assert mistake(folder, "run.retrys=1").hint == "did you mean run.retries?"
