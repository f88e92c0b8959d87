"""What counts as the time of an attempt at a node. Nothing is run here."""

import json
from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.local import attempts
from pipeline.local.attempts import Attempt
from pipeline.local.record import Job, create_job
from pipeline.local.workspace import open_workspace


class Clock:
    """Takes the place of ``time``: it goes on when told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(attempts, "time", made)
    return made


@pytest.fixture
def job(tmp_path: Path) -> Job:
    problem = tmp_path / "prices"
    problem.mkdir()
    (problem / "pipeline.toml").write_text(
        'label = "price"\n[data]\npath = "rows.csv"\n[run]\nnode_timeout_secs = 60\n'
    )
    return create_job(open_workspace(tmp_path / "w"), read_problem(problem), cache=True)


def test_waiting_for_another_run_is_no_time_of_its_own(job: Job, clock: Clock) -> None:
    def report(**event: object) -> None:
        with job.events("Trainer").open("a") as file:
            file.write(json.dumps(event) + "\n")
        attempt.news()

    attempt = Attempt(job, "Trainer", alone=False)
    clock.now += 10
    report(note="waiting for prices-1 to finish Trainer", waits=True)
    clock.now += 1000
    assert attempt.beyond() is None
    report(note="waited 1000 s for prices-1", waits=False)
    clock.now += 49
    assert attempt.seconds() == 1059
    assert attempt.own_seconds() == 59
    assert attempt.beyond() is None
    clock.now += 2
    beyond = attempt.beyond()
    assert beyond is not None
    assert beyond.headline == "Trainer took longer than its limit of 60 s"
