"""Which trainings there are, by their runs' names, and the links that TensorBoard reads."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.trainer.curve import Curve, Stretch
from components.trainer.record import TrainingRecord
from pipeline.cli.main import main
from pipeline.cli.tensorboard import told
from pipeline.errors import SettingsError
from pipeline.lineage.liveness import LOCK
from pipeline.watching.board import ended, listen, sweep
from pipeline.watching.serve import only_from_here
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


def test_trials_are_shown_under_the_run_that_began_them(trained: Trained, tmp_path: Path) -> None:
    for number in range(12):
        trained.trial(number, run="flats-20260104-100000")
    trained.trial(12, run="flats-20260105-100000")  # the study, longer
    old = trained.trial(0, study="0123456789abcdef", run=None)  # of a release that did not write down who began it
    names = set(Trainings(trained.root).find())
    assert names == {"flats-20260101-100000", "plants-20260102-100000"}
    found = Trainings(trained.root, with_trials=True).find()
    assert set(found) - names == {
        *(f"flats-20260104-100000 trial {number}" for number in range(12)),
        "flats-20260105-100000 trial 12",
        "flats-study-012345 trial 0",
    }
    assert found["flats-study-012345 trial 0"] == old
    assert told(found) == "flats-20260101-100000, plants-20260102-100000; and 14 trials of searches"
    assert told({}) == "no training yet; one that begins will be there"
    assert not [name for name in Trainings(trained.root, "plants", with_trials=True).find() if "trial" in name]
    view = tmp_path / "view"
    view.mkdir()
    show(view, found)
    assert {one.name for one in view.iterdir()} == set(found)
    shutil.rmtree(old.parents[2])  # freed by gc
    assert "flats-study-012345 trial 0" not in Trainings(trained.root, with_trials=True).find()


def test_a_port_that_is_taken_is_said() -> None:
    with listen(None) as taken, pytest.raises(SettingsError, match="is taken"):
        listen(taken.getsockname()[1])


def test_two_that_start_at_once_get_ports_of_their_own() -> None:
    with listen(None) as one, listen(None) as other:  # nobody serves there yet
        assert 6006 <= one.getsockname()[1] < other.getsockname()[1]


def asked(host: str | None, port: int = 6006) -> tuple[str, str]:
    """Ask what only answers on this machine; return the status and the answer."""
    said: list[str] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        return [b"the runs"]

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        said.append(status)

    environ = {} if host is None else {"HTTP_HOST": host}
    answer = b"".join(only_from_here(application, port)(environ, start_response)).decode()
    return said[0], answer


def test_it_answers_to_the_names_of_this_machine_only() -> None:
    for host in ("127.0.0.1:6006", "localhost:6006", "LOCALHOST:6006", "[::1]:6006"):
        assert asked(host) == ("200 OK", "the runs")
    for other in ("evil.com", "evil.com:6006", "localhost", "localhost:6007", "127.0.0.1.evil.com:6006", "", None):
        status, answer = asked(other)
        assert status == "403 Forbidden"
        assert "http://localhost:6006/" in answer
    assert asked("localhost", 80)[0] == "200 OK"


def test_what_killed_commands_left_is_swept(tmp_path: Path) -> None:
    left, held, young = (tmp_path / f"estimator-pipeline-tensorboard-{name}" for name in ("left", "held", "young"))
    for one in (left, held, young):
        one.mkdir()
        (one / LOCK).touch()
        if one != young:
            os.utime(one, (1e9, 1e9))
    (left / "link").symlink_to(young)
    other = tmp_path / "somebody-elses"
    other.mkdir()
    os.utime(left, (1e9, 1e9))
    with (held / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == [held, young, other]


def test_why_it_ended_is_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    killed = ended(-9, log)
    assert killed.headline == "TensorBoard was ended from outside, by SIGKILL"
    assert "package" not in str(killed.hint)
    assert "make install" not in str(killed.hint)
    log.write_text("Traceback ...\nModuleNotFoundError: No module named 'tensorboard'\n")
    missing = ended(1, log)
    assert missing.headline == "TensorBoard ended by itself, with exit code 1"
    assert (missing.got, "make install" in str(missing.hint)) == (
        "ModuleNotFoundError: No module named 'tensorboard'",
        True,
    )


def test_the_package_imports_no_framework() -> None:
    assert heavy_or_sqlite(Path(__file__).parents[3] / "pipeline" / "watching") == {}
