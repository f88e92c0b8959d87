"""What was freed can still be asked about."""

import shutil
from collections.abc import Iterator

import pytest

from pipeline.cli.main import main
from tests.pipeline.command_line import Ask
from tests.pipeline.housekeeping.conftest import Ground, new_ground


@pytest.fixture(scope="module")
def freed() -> Iterator[Ground]:
    """Three runs, of which the last is kept; only the last version is still in serving."""
    with new_ground() as made:
        for number in (1, 2, 3):
            made.run(number)
        for version in (1, 2):
            shutil.rmtree(made.root / "serving" / "flats" / str(version))
        assert main(["gc", "--keep-runs", "1", "--workspace", str(made.root)]) == 0
        assert made.live("Model") == [2, 3]
        yield made


@pytest.fixture
def ground(freed: Ground) -> Ground:
    """What is asked about here: nothing changes it any more."""
    return freed


def test_show_says_what_is_gone_and_all_that_is_not(ask: Ask) -> None:
    said = ask("show", "flats-20260101")
    assert said.code == 0
    assert "  freed      9 of 9 artifacts, by gc: what only their files said is gone\n" in said.out
    assert said.out.count("(deleted)") == 9
    assert "mean_absolute_error 100" in said.out
    assert "training.train_steps = 20" in said.out
    assert "model.py in " in said.out
    assert "freed" not in ask("show", "flats-20260103").out


def test_logs_of_a_freed_run_are_gone_and_that_is_said(ask: Ask) -> None:
    said = ask("logs", "flats-20260101", "Trainer")
    assert said.code == 2
    assert said.err.startswith("Error: The logs of the run flats-20260101-100000 are gone\n")
    assert "next:     gc removes the logs of runs that it does not keep" in said.err
    assert ask("logs", "flats-20260103", "Trainer").out == "Trainer of flats-20260103-100000\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["runs"], "flats-20260101-100000  2026-01-0"),
        (["diff", "flats-20260101", "flats-20260103"], "model.py: changed"),
        (["serving"], "flats version 3"),
        (["lineage", "model"], "/data/rows.csv: 300 rows"),
        (["lineage", "model", "1"], "/data/rows.csv: 300 rows"),
        (["lineage", "data", "rows.csv"], "flats model 5"),
        (["lineage", "feature", "rooms"], "flats model 5"),
    ],
)
def test_every_question_is_still_answered(ask: Ask, command: list[str], words: str) -> None:
    said = ask(*command)
    assert (said.code, said.err) == (0, "")
    assert words in said.out
