"""The temporary folder of a run, and that of a run that was killed."""

import dataclasses
import os
from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.local import temporary
from pipeline.local.record import Job, create_job
from pipeline.local.temporary import Temporary
from pipeline.local.workspace import open_workspace


@pytest.fixture
def jobs(tmp_path: Path) -> tuple[Job, Job]:
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / "pipeline.toml").write_text('label = "price"\n[data]\npath = "rows.csv"\n')
    job = create_job(open_workspace(tmp_path / "w"), read_problem(folder), cache=True)
    other = dataclasses.replace(job, run="another")
    other.folder.mkdir()
    return job, other


def test_that_of_a_living_run_stays_and_that_of_a_dead_one_goes(jobs: tuple[Job, Job]) -> None:
    first = Temporary(jobs[0])
    (first.path / "Trainer").mkdir()
    second = Temporary(jobs[1])
    assert first.path.is_dir()
    os.close(first._lock)  # as when its process is killed
    second.remove()
    assert not second.path.exists()
    third = Temporary(jobs[1])
    assert not first.path.exists()
    third.remove()
    assert not list(jobs[0].workspace.root.glob("runs/*/temporary"))


def test_nothing_is_removed_that_is_not_ours(jobs: tuple[Job, Job], tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (jobs[0].folder / "temporary").write_text(str(precious))
    Temporary(jobs[1]).remove()
    temporary.remove()
    assert precious.is_dir()
