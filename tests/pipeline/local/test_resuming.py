"""Going on with a run: its own record, what changed since, and which runs cannot be resumed."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from components.example_gen.sources import Source, hash_sources, sources_to_json
from pipeline.config import read_problem
from pipeline.errors import InfrastructureError, SettingsError
from pipeline.lineage.archive import open_archive
from pipeline.lineage.runs import describe
from pipeline.local.liveness import hold
from pipeline.local.partial import Part
from pipeline.local.record import Job, NodeResult, create_job, write_json
from pipeline.local.resuming import as_recorded, changed_since, data_changed_since, open_run, put_aside, refuse_if_alive
from pipeline.local.workspace import open_workspace

SETTINGS = 'label = "price"\n[data]\npath = "rows.csv"\n[schema]\nfile = "schema.pbtxt"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    problem = tmp_path / "prices"
    problem.mkdir()
    (problem / "pipeline.toml").write_text(SETTINGS)
    (problem / "model.py").write_text("A = 1\n")
    (problem / "schema.pbtxt").write_text("")
    return problem


@pytest.fixture
def job(folder: Path, tmp_path: Path) -> Job:
    problem = read_problem(folder, ["training.seed=5"])
    return create_job(open_workspace(tmp_path / "w"), problem, cache=True, part=Part(last="Trainer"))


def test_a_run_is_opened_as_it_was_recorded(job: Job, folder: Path) -> None:
    (folder / "pipeline.toml").write_text("broken")
    (folder / "model.py").write_text("A = 2\n")
    assert open_run(job.workspace, job.run) == job
    assert (job.code / "model.py").read_text() == "A = 1\n"


@pytest.mark.parametrize("damage", ["gone", "torn", "another", "moved", "no code"])
def test_a_damaged_record_is_refused_with_the_way_out(job: Job, damage: str) -> None:
    file = job.folder / "job.json"
    if damage == "gone":
        file.unlink()
    elif damage == "torn":
        file.write_text(file.read_text()[:100])
    elif damage == "another":
        file.write_text('{"run": "x"}')
    elif damage == "moved":
        file.write_text(file.read_text().replace('/w"', '/v"'))
    else:
        job.code.rename(job.code.with_name("other"))
    with pytest.raises(InfrastructureError) as caught:
        open_run(job.workspace, job.run)
    assert caught.value.headline == f"The record of the run {job.run} is damaged, so that it cannot be resumed"
    assert caught.value.got
    assert caught.value.where
    assert caught.value.hint == "begin another run, which reuses what is done: python runner.py run prices"


@pytest.mark.parametrize(
    ("run", "code", "begin"),
    [
        ("prices.scheduled__2026-11-22T00:00:00+00:00", (), "python runner.py run prices"),
        ("my-prices-20261122-101500", (), "python runner.py run my-prices"),
        ("nightly-2026-11-22", ("prices",), "python runner.py run prices"),
        ("nightly-2026-11-22", (), "`python runner.py runs` lists the runs"),
    ],
)
def test_the_problem_of_a_damaged_record_is_not_guessed(
    tmp_path: Path, run: str, code: tuple[str, ...], begin: str
) -> None:
    workspace = open_workspace(tmp_path / "w")
    workspace.run(run).mkdir()
    for one in code:
        (workspace.run(run) / "code" / one).mkdir(parents=True)
    with pytest.raises(InfrastructureError) as caught:
        open_run(workspace, run)
    assert str(caught.value.hint).endswith(begin)


def test_what_changed_since_is_said_in_a_sentence(job: Job, folder: Path) -> None:
    assert changed_since(job) is None
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "model.pyc").write_text("x")
    assert changed_since(job) is None
    (folder / "model.py").write_text("A = 2\n")
    (folder / "new.py").write_text("")
    command = f"python runner.py run {folder} --workspace {job.workspace.root} --to Trainer"
    again = f"`{command}` would take the folder as it is now"
    assert (
        changed_since(job) == f"model.py, new.py in {folder} changed since; the run goes on with its own copy, {again}"
    )
    folder.rename(folder.with_name("moved"))
    assert changed_since(job) == f"{folder} is gone since; the run goes on with its own copy of it"


def test_data_that_is_not_what_the_run_read_is_said_in_a_sentence(job: Job, folder: Path) -> None:
    files = [folder / "rows.csv", folder / "more.csv"]
    for file in files:
        file.write_text("area,price\n1,2\n")
    assert data_changed_since(job) is None, "nothing was read yet"
    read = sources_to_json(hash_sources([Source(str(file), "csv", 0) for file in files]))
    examples = NodeResult("ExampleGen", "ran", outputs={"examples": [{"properties": {"sources": read}}]})
    write_json(job.result("ExampleGen"), examples.as_json())
    assert data_changed_since(job) is None, "its times are those of the run, and its content is the same"
    os.utime(files[0], (time.time() + 20, time.time() + 20))
    assert data_changed_since(job) is None, "merely touched"

    files[0].write_text("area,price\n1,3\n")
    anew = f"python runner.py run {folder} --workspace {job.workspace.root} --to Trainer"
    goes_on = f"it goes on with the rows that it read, `{anew}` would read the data as it is now"
    assert data_changed_since(job) == f"{files[0]} is not what the run read; {goes_on}"
    files[1].unlink()
    assert data_changed_since(job) == f"{files[0]}, {files[1]} are not what the run read; {goes_on}"
    assert data_changed_since(replace(job, part=Part(only="Trainer"))) is None, "that takes it, whatever has changed"


def test_the_schema_is_the_recorded_one(job: Job, folder: Path) -> None:
    assert as_recorded(job) == job.problem, "its own path, by which results are known, wherever that will do"
    (folder / "schema.pbtxt").write_text('feature { name: "price" type: FLOAT }')
    assert as_recorded(job).folder == job.code
    assert as_recorded(job).name == job.problem.name


def test_a_run_under_way_is_refused_by_the_name_of_its_process(job: Job) -> None:
    refuse_if_alive(job.folder)
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom pipeline.local.liveness import hold\n"
        "with hold(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(job.folder)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(SettingsError) as caught:
                refuse_if_alive(job.folder)
        finally:
            process.kill()
    assert caught.value.headline == f"The run {job.run} is under way"
    assert caught.value.got == f"process {process.pid}"
    assert caught.value.hint
    refuse_if_alive(job.folder)


def test_what_an_earlier_attempt_reported_is_put_aside(job: Job) -> None:
    """Its outcome no longer counts, and its time does; what a run reports begins anew, so that none is told twice."""
    (job.folder / "outcome.json").write_text(
        json.dumps({"seconds": 7.5, "error": {"headline": "it broke"}, "nodes": []})
    )
    job.events("Trainer").write_text('{"note": "first"}\n')
    assert put_aside(job) == 1
    assert not (job.folder / "outcome.json").exists()
    assert (job.folder / "outcome.1.json").exists()
    assert job.events("Trainer").with_name("Trainer.1.jsonl").read_text() == '{"note": "first"}\n'
    [first] = json.loads((job.folder / "resumes.json").read_text())
    assert (first["seconds"], first["error"]) == (7.5, "it broke")

    # Killed: the time until its last sign of life counts.
    sign = job.events("Trainer")
    sign.write_text('{"note": "second"}\n')
    os.utime(sign, (time.time() + 20, time.time() + 20))
    assert put_aside(job) == 2
    second = json.loads((job.folder / "resumes.json").read_text())[1]
    assert 26 < second["seconds"] < 29
    assert second["error"] is None
    assert (job.events("x").parent / "Trainer.1.jsonl").exists()
    assert (job.events("x").parent / "Trainer.2.jsonl").read_text() == '{"note": "second"}\n'


def test_a_resumed_run_is_one_run_in_the_history(job: Job) -> None:
    put_aside(job)
    with hold(job.folder):
        assert describe(open_archive(job.workspace.root), job.run).state == "running"
    found = describe(open_archive(job.workspace.root), job.run)
    assert (found.state, found.resumed, found.part) == ("stopped", 1, "--to Trainer")
    assert found.as_json()["resumed"] == 1
