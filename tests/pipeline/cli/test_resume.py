"""Which run ``resume`` means, and what it says where there is nothing to do. Nothing is run here."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.main import main
from pipeline.cli.resume import last_unfinished
from pipeline.lineage.archive import Archive
from pipeline.lineage.store import Store
from pipeline.local.liveness import hold

GOOD: dict[str, Any] = {"seconds": 1, "error": None, "nodes": []}
BAD: dict[str, Any] = {"seconds": 1, "error": {"headline": "it broke"}, "nodes": []}


def write(root: Path, run: str, outcome: dict[str, Any] | None) -> Path:
    folder = root / "runs" / run
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"run": run, "problem": {"name": run.rsplit("-", 2)[0]}}))
    if outcome is not None:
        (folder / "outcome.json").write_text(json.dumps(outcome))
    return folder


def meant(root: Path) -> str:
    return last_unfinished(Archive(root, Store(None)))[0]


def test_the_last_run_that_did_not_end_is_meant(tmp_path: Path) -> None:
    write(tmp_path, "flats-20260101-100000", GOOD)
    write(tmp_path, "flats-20260102-100000", BAD)
    assert meant(tmp_path) == "flats-20260102-100000"
    write(tmp_path, "flats-20260103-100000", None)
    assert meant(tmp_path) == "flats-20260103-100000"
    write(tmp_path, "plants-20260104-100000", GOOD)
    assert meant(tmp_path) == "flats-20260103-100000", "another problem's run has nothing to do with it"


def test_no_old_run_is_meant_that_a_later_one_made_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "flats-20260101-100000", BAD)
    write(tmp_path, "flats-20260102-100000", GOOD)
    assert main(["resume", "--workspace", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "flats-20260102-100000 ended well: there is nothing to resume",
        "flats-20260101-100000 did not end, and a later run of flats did; to go on with it all the same: "
        f"python runner.py resume flats-20260101-100000 --workspace {tmp_path}",
    ]


def test_a_run_that_waits_for_its_scheduler_is_not_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is named, or nothing was heard of it for a day, or somebody went on with it here."""
    write(tmp_path, "flats-20260101-100000", BAD)
    folder = write(tmp_path, "flats-20260102-100000", None)
    job = json.loads((folder / "job.json").read_text())

    def began(at: float) -> None:
        (folder / "job.json").write_text(json.dumps({**job, "scheduled": {"set": []}, "started": at}))

    began(time.time() - 3600)
    assert meant(tmp_path) == "flats-20260101-100000"
    (folder / "resumes.json").write_text(json.dumps([{"at": time.time() - 60, "seconds": 1}]))
    assert meant(tmp_path) == folder.name
    (folder / "resumes.json").unlink()
    began(time.time() - 100_000)
    assert meant(tmp_path) == folder.name


def test_a_run_that_ended_well_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "flats-20260101-100000", GOOD)
    write(tmp_path, "flats-20260102-100000", BAD)
    assert main(["resume", "flats-20260101", "--workspace", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        **{"run": "flats-20260101-100000", "state": "done"},
        **{"resumed": False, "notes": []},
    }


def test_a_run_under_way_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.config import read_problem
    from pipeline.local.record import create_job
    from pipeline.local.workspace import open_workspace

    problem = tmp_path / "prices"
    problem.mkdir()
    (problem / "pipeline.toml").write_text('label = "price"\n[data]\npath = "rows.csv"\n')
    job = create_job(open_workspace(tmp_path / "w"), read_problem(problem), cache=True)
    with hold(job.folder):
        assert main(["resume", "last", "--workspace", str(tmp_path / "w")]) == 2
    said = capsys.readouterr().err
    assert f"The run {job.run} is under way" in said
    assert "got:      process " in said
    assert "next:" in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["flats-2027"], "There is no run 'flats-2027'"),
        (["last-7"], "There is no run last-7"),
        (["last"], "The record of the run flats-20260101-100000 is damaged"),
    ],
)
def test_what_cannot_be_resumed_is_refused_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], words: str
) -> None:
    (tmp_path / "runs" / "flats-20260101-100000").mkdir(parents=True)
    assert main(["resume", *given, "--workspace", str(tmp_path)]) in (1, 2)
    said = capsys.readouterr().err
    assert words in said
    assert "\n  next:     " in said


def test_where_nothing_has_run_there_is_nothing_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", "--workspace", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert "There is no run to resume" in said
    assert "got:      no workspace" in said
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--from", "Trainr"], "did you mean Trainer?"),
        (["--only", "Trainer", "--to", "Trainer"], "--only and --to cannot both be given"),
        (["--from", "Pusher", "--to", "ExampleGen"], "ExampleGen does not come after Pusher"),
    ],
)
def test_a_part_that_makes_no_sense_is_refused_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], words: str
) -> None:
    assert main(["run", "housing", "--workspace", str(tmp_path / "w"), *given]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "w").exists()
