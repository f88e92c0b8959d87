"""``[run]``: retries and limits, checked as the other settings are."""

from pathlib import Path

import pytest

from pipeline.config import read_problem
from tests.pipeline.config.conftest import Mistake


def test_a_limit_of_a_node_comes_before_that_of_all(folder: Path) -> None:
    run = read_problem(folder, ["run.node_timeout_secs=60", "run.timeout_secs.Trainer=3600"]).settings.run
    assert (run.time_limit("Trainer"), run.time_limit("Pusher")) == (3600, 60)
    run = read_problem(folder, ["run.memory_mb.Transform=8000"]).settings.run
    assert (run.memory_limit("Transform"), run.memory_limit("Trainer")) == (8000, None)
    assert run.retries == 2


def test_a_node_that_there_is_not_is_answered_with_the_nearest(mistake: Mistake) -> None:
    part = mistake("run.timeout_secs.Trainr=60")
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
def test_impossible_limits_are_refused(mistake: Mistake, override: str, expected: str) -> None:
    assert mistake(override).expected == expected


def test_an_unknown_key_is_answered_with_the_nearest(mistake: Mistake) -> None:
    assert mistake("run.retrys=1").hint == "did you mean run.retries?"
