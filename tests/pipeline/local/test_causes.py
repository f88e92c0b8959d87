"""What is told of a process that did not end well, and what is worth another attempt."""

import sqlite3
from pathlib import Path

import pytest

from pipeline.errors import (
    DataError,
    InfrastructureError,
    LimitError,
    NotBlessedError,
    OutOfMemoryError,
    PipelineError,
    SettingsError,
    TransientError,
    UserCodeError,
    from_json,
)
from pipeline.local.attempts import LONGEST_WAIT, Tries
from pipeline.local.causes import ended, passing
from pipeline.local.record import Job
from pipeline.local.workspace import full


def test_killed_for_want_of_memory_or_by_hand(job: Job) -> None:
    error = ended(job, "Trainer", -9, 1.0, peak_mb=2048, by_kernel=True).error
    assert isinstance(error, OutOfMemoryError)
    assert error.headline == "Trainer ran out of memory"
    assert error.got == "killed by the kernel, which had no memory left, having held 2,048 MB at most"
    assert error.where == str(job.log("Trainer"))
    assert str(error.hint).startswith(
        "run fewer nodes at once (--max-nodes 1), close other programs, or make training."
    )
    error = ended(job, "Trainer", -9, 1.0, peak_mb=2048).error
    assert isinstance(error, TransientError)
    assert not isinstance(error, OutOfMemoryError)
    assert error.headline == "Trainer was killed"


def test_a_crash_is_not_worth_another_attempt_and_no_process_is(job: Job) -> None:
    job.log("Trainer").write_text("Fatal Python error: Segmentation fault\n")
    for code in (-11, -6, 1, 3):
        error = ended(job, "Trainer", code, 1.0).error
        assert isinstance(error, InfrastructureError)
        assert not isinstance(error, TransientError)
    job.log("Trainer").write_text("terminate called after throwing an instance of 'std::bad_alloc'\n")
    assert isinstance(ended(job, "Trainer", -6, 1.0).error, OutOfMemoryError)
    assert isinstance(ended(job, "Trainer", 75, 1.0).error, TransientError)


@pytest.mark.parametrize(
    "error",
    [
        DataError("x"),
        SettingsError("x"),
        UserCodeError("x"),
        NotBlessedError("x"),
        LimitError("x"),
        PipelineError("x"),
        InfrastructureError("x"),
        full(Path("/"), "0 MB free"),
    ],
    ids=lambda error: error.kind,
)
def test_what_would_fail_again_is_not_attempted_again(error: PipelineError) -> None:
    assert Tries(3).again(from_json(error.as_json())) is None


def test_waits_grow_up_to_a_bound_and_attempts_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[float] = []

    def longest(low: float, high: float) -> float:
        assert low == 0
        bounds.append(high)
        return high

    monkeypatch.setattr("random.uniform", longest)
    tries = Tries(8)
    errors: list[PipelineError] = [from_json(TransientError(f"failure {n}").as_json()) for n in range(8)]
    assert [tries.again(one) is not None for one in errors] == [True] * 7 + [False]
    assert bounds == [2.0, 4.0, 8.0, 16.0, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
    assert tries.last(errors[7]).got == "attempt 8 of 8"
    assert not tries.alone


def test_the_wait_is_drawn_anew_each_time() -> None:
    waits = {Tries(2).again(TransientError("x")) for _ in range(20)}
    assert len(waits) > 10
    assert all(wait is not None and 0 <= wait <= 2 for wait in waits)


def test_a_locked_database_and_no_memory_may_pass(tmp_path: Path) -> None:
    first = sqlite3.connect(tmp_path / "db", isolation_level=None)
    first.execute("BEGIN EXCLUSIVE")
    second = sqlite3.connect(tmp_path / "db", timeout=0)
    with pytest.raises(sqlite3.OperationalError) as locked:
        second.execute("CREATE TABLE x (y)")
    first.close()
    second.close()
    error = passing(locked.value, "Pusher")
    assert error is not None
    assert error.headline == "Pusher found the metadata locked"
    assert error.got == "OperationalError: database is locked"

    assert isinstance(passing(BlockingIOError(11, "Resource temporarily unavailable"), "Trainer"), TransientError)
    assert isinstance(passing(MemoryError(), "Trainer"), OutOfMemoryError)
    assert isinstance(passing(RuntimeError("OOM when allocating tensor with shape[9]"), "Trainer"), OutOfMemoryError)
    assert passing(ValueError("x"), "Trainer") is None
