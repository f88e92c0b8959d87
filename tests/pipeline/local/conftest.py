"""A run of a problem of two lines, that has a record and nothing else."""

from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.local.record import Job, create_job
from pipeline.local.workspace import open_workspace


@pytest.fixture
def job(tmp_path: Path) -> Job:
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / "pipeline.toml").write_text('label = "price"\n[data]\npath = "rows.csv"\n')
    return create_job(open_workspace(tmp_path / "w"), read_problem(folder), cache=True)
