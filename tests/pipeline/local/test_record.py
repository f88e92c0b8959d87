"""The record of a run: the copy of its code, and what its processes are told."""

from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.errors import DataError, SettingsError
from pipeline.local.record import NodeResult, create_job, read_job, read_result, write_json
from pipeline.local.workspace import open_workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    problem = tmp_path / "prices"
    (problem / "__pycache__").mkdir(parents=True)
    (problem / "pipeline.toml").write_text('label = "price"\n[data]\npath = "rows.csv"\n')
    (problem / "model.py").write_text("A = 1\n")
    (problem / "__pycache__" / "model.pyc").write_text("")
    return problem


def test_the_code_is_copied_and_the_job_read_back(folder: Path, tmp_path: Path) -> None:
    job = create_job(open_workspace(tmp_path / "w"), read_problem(folder, ["training.seed=5"]), cache=False)
    (folder / "model.py").write_text("A = 2\n")
    assert (job.code / "model.py").read_text() == "A = 1\n"
    assert not (job.code / "__pycache__").exists()
    assert read_job(job.folder / "job.json") == job
    assert job.problem.settings.training.seed == 5


def test_two_runs_never_share_a_name(folder: Path, tmp_path: Path) -> None:
    workspace, problem = open_workspace(tmp_path / "w"), read_problem(folder)
    runs = {create_job(workspace, problem, cache=True).run for _ in range(3)}
    assert len(runs) == 3


def test_data_in_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    with (folder / "rows.csv").open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(SettingsError) as caught:
        create_job(open_workspace(tmp_path / "w"), read_problem(folder), cache=True)
    assert caught.value.got == "65 MB"


def test_a_result_is_read_back_with_its_error(tmp_path: Path) -> None:
    result = NodeResult("Trainer", "failed", 1.0, error=DataError("bad", hint="mend"), execution=3)
    write_json(tmp_path / "r.json", result.as_json())
    back = read_result(tmp_path / "r.json", 2.5)
    assert back.error is not None
    assert back.error.as_json() == DataError("bad", hint="mend").as_json()
    assert (back.node, back.state, back.seconds, back.execution) == ("Trainer", "failed", 2.5, 3)
