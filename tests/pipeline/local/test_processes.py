"""A fork server that ends before it has loaded all, and what is told of it."""

import os
import signal
from collections.abc import Callable

import pytest

from pipeline.errors import InfrastructureError
from pipeline.local.processes import Server
from pipeline.local.record import Job


def ended(job: Job, end: Callable[[Server], None]) -> InfrastructureError:
    with pytest.raises(InfrastructureError) as caught, Server(job) as server:
        end(server)
        while True:
            server.messages(60)
    assert caught.value.where == str(job.log("server"))
    return caught.value


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_while_it_loads_is_told_as_that(job: Job, number: signal.Signals) -> None:
    job.log("server").write_text("Could not find cuda drivers on your machine\n")
    error = ended(job, lambda server: os.kill(server._process.pid, number))
    assert error.headline == "The process that loads TensorFlow, Beam and TFX was killed"
    assert error.got == f"signal {number.value} ({number.name}), before any node was started"
    assert str(error.hint).startswith("somebody killed it, or the machine ran out of memory")
    assert str(error.hint).endswith("; the command below goes on")


def test_what_cannot_be_loaded_is_told_by_its_last_words(job: Job) -> None:
    job.folder.joinpath("job.json").write_text("{}")
    error = ended(job, lambda server: None)
    assert error.headline == "The process that loads TensorFlow, Beam and TFX ended"
    assert str(error.got).startswith("exit code 1\n")
    assert "KeyError" in str(error.got)
    assert error.hint == "`python runner.py doctor` says what is missing"
