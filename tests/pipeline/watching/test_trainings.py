"""Which trainings there are, by their runs' names, and the links that TensorBoard reads."""

import json
import shutil
from pathlib import Path

import pytest

from components.trainer.curve import Curve, Stretch
from components.trainer.record import TrainingRecord
from pipeline.cli.main import main
from pipeline.errors import SettingsError
from pipeline.watching.board import free_port
from pipeline.watching.trainings import Trainings
from pipeline.watching.view import show
from tests.pipeline.imported import heavy_or_sqlite
from tests.pipeline.watching.conftest import Trained


def test_trainings_have_their_runs_names(trained: Trained) -> None:
    found = Trainings(trained.root).find()
    assert sorted(found) == ["flats-20260101-100000", "plants-20260102-100000"]
    assert found["flats-20260101-100000"].parent == trained.root / "artifacts" / "flats" / "Trainer" / "model_run"
    assert list(Trainings(trained.root, "plants").find()) == ["plants-20260102-100000"]


def test_a_training_that_goes_on_is_there_and_stays_when_it_ends(trained: Trained) -> None:
    trainings = Trainings(trained.root, "flats")
    folder = trained.training("flats-20260103-100000", ended=False)
    assert trainings.find()["flats-20260103-100000"] == folder
    model_run = trained.end(folder)
    assert trainings.find()["flats-20260103-100000"] == model_run


def test_a_training_that_was_freed_is_gone_and_one_that_tells_nothing_is_no_matter(trained: Trained) -> None:
    trainings = Trainings(trained.root)
    shutil.rmtree(trained.root / "artifacts" / "plants")
    (trained.root / "artifacts" / "flats" / "Trainer" / ".checkpoints" / "old").mkdir()
    (trained.root / "artifacts" / "flats" / "Trainer" / "model_run" / "77").mkdir()  # nothing is in it yet
    assert list(trainings.find()) == ["flats-20260101-100000"]


def test_a_training_whose_run_is_not_known_has_its_problems_name(trained: Trained) -> None:
    node = trained.root / "artifacts" / "flats" / "Trainer"
    folder = node / ".checkpoints" / "new"
    trained.write(folder, {"loss": 1.0}, 1)
    (folder / "attempt.json").write_text(json.dumps({"model_run": str(node / "model_run" / "999")}))
    assert Trainings(trained.root).find()["flats-999"] == folder


def test_show_draws_a_training_that_goes_on(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained.training("flats-20260103-100000", ended=False)
    Curve([Stretch(step, 1, 10.0 / step) for step in range(1, 61)]).write(folder)
    TrainingRecord(train_steps=200, batch_size=32).write(folder)
    assert main(["show", "flats-20260103-100000", "--workspace", str(trained.root)]) == 0
    shown = capsys.readouterr().out
    assert "training   60 of 200 steps until now\n" in shown
    assert " loss 10 -> 0.1695 in training\n" in shown
    assert main(["show", "flats-20260103-100000", "--workspace", str(trained.root), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["training"]["curve"]["training"]) == 60


def test_another_problem_is_refused_with_a_suggestion(trained: Trained) -> None:
    with pytest.raises(SettingsError) as caught:
        Trainings(trained.root, "flat").check()
    assert caught.value.expected == "one of: flats, plants"
    assert caught.value.hint == "did you mean flats?"
    with pytest.raises(SettingsError, match="no workspace"):
        Trainings(trained.root / "nowhere").check()


def test_links_follow_the_trainings(trained: Trained, tmp_path: Path) -> None:
    view = tmp_path / "view"
    view.mkdir()
    trainings = Trainings(trained.root)
    assert show(view, trainings.find())
    assert not show(view, trainings.find())
    folder = trained.training("flats-20260103-100000", ended=False)
    assert show(view, trainings.find())
    link = view / "flats-20260103-100000"
    assert link.readlink() == folder
    model_run = trained.end(folder)
    assert show(view, trainings.find())
    assert link.readlink() == model_run
    assert show(view, {})
    assert not list(view.iterdir())
    assert (model_run / "eval").is_dir()  # what a link leads to is not touched


def test_a_port_that_is_taken_is_said_and_another_is_found() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="is taken"):
            free_port(taken.getsockname()[1])
    assert free_port(None) >= 6006


def test_the_package_imports_no_framework() -> None:
    assert heavy_or_sqlite(Path(__file__).parents[3] / "pipeline" / "watching") == {}
