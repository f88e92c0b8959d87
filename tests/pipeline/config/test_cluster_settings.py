"""``[training.cluster]`` and ``training.distribute``, checked as the other settings are."""

from pathlib import Path

import pytest

from components.trainer.record import TrainingRecord, read_record
from pipeline.cli.curves import training_lines
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


def test_a_cluster_is_asked_for_by_any_of_its_settings(folder: Path) -> None:
    assert read_problem(folder).settings.training.cluster is None
    cluster = read_problem(folder, ["training.cluster.workers=2"]).settings.training.cluster
    assert cluster is not None
    assert (cluster.workers, cluster.ps) == (2, 1)


def test_what_is_misspelt_is_answered_with_the_nearest(folder: Path) -> None:
    part = mistake(folder, "training.cluster.wokers=2")
    assert part.hint == "did you mean training.cluster.workers?"
    assert mistake(folder, "training.distribute='miror'").hint == "did you mean 'mirrored'?"


@pytest.mark.parametrize("setting", ["workers=0", "ps=0", "ps=true", "timeout_secs=0", "max_restarts=-1"])
def test_what_cannot_be(folder: Path, setting: str) -> None:
    part = mistake(folder, f"training.cluster.{setting}")
    assert part.headline == f"training.cluster.{setting.partition('=')[0]} is not valid"


def test_not_both_a_cluster_and_mirrors(folder: Path) -> None:
    part = mistake(folder, "training.distribute='mirrored'", "training.cluster.workers=2")
    assert "several processes" in str(part.expected)


def test_the_record_counts_in_words_and_says_what_came_to_no_end() -> None:
    assert TrainingRecord(train_steps=1, batch_size=1, steps=1).sentences() == ["1 step of 1 row"]
    record = TrainingRecord(train_steps=2000, batch_size=32)
    assert record.sentences() == ["not ended; planned are 2,000 steps of 32 rows"]
    failed = "failed: the loss became NaN; planned were 2,000 steps of 32 rows"
    assert record.but(failed="the loss became NaN").sentences() == [failed]


def test_the_record_says_who_trained_and_who_was_lost(tmp_path: Path) -> None:
    record = TrainingRecord(train_steps=10, batch_size=5, steps=10, workers=2, ps=1, losses=("chief was killed",))
    assert record.sentences() == ["10 steps of 5 rows", "by 2 workers and 1 parameter server", "lost: chief was killed"]


def test_the_record_says_what_became_of_mirrored(tmp_path: Path) -> None:
    said = 'distribute = "mirrored": there is no GPU here, so it trains on the CPU, as one device'
    TrainingRecord(train_steps=10, batch_size=5, steps=10, mirrored=said).write(tmp_path)
    record = read_record(tmp_path)
    assert record is not None
    assert record.sentences() == ["10 steps of 5 rows", said]
    assert training_lines(tmp_path, indent=13, height=5) == record.sentences()  # as `show` has it
