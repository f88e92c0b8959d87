"""What a person sees of a run while it goes."""

import pytest

from pipeline.cli.display import Display
from pipeline.errors import TransientError
from pipeline.local.record import NodeResult


def test_another_attempt_is_announced_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    display.started("Trainer")
    display.again("Trainer", 2, 3, 1.44, TransientError("Trainer was killed"))
    display.again("loading", 3, 3, 0.0, TransientError("prepare found the metadata locked"))
    display.again("Pusher", 2, 3, 2.0, TransientError("No process could be started for Pusher"))
    display.ended(NodeResult("Evaluator", "cancelled", 3.0, "the run was cancelled"))
    assert capsys.readouterr().err.splitlines() == [
        "  Trainer           starts",
        "  Trainer           attempt 2 of 3 in 1.4 s because it was killed",
        "  loading           attempt 3 of 3 in 0.0 s because it found the metadata locked",
        "  Pusher            attempt 2 of 3 in 2.0 s because no process could be started for Pusher",
        "  Evaluator         cancelled    3.0 s  the run was cancelled",
    ]


def test_what_is_to_be_seen_in_any_case_is_printed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    display.started("Trainer")
    display.progressed("Trainer", {"note": "a cluster starts"})
    display.progressed("Trainer", {"line": "worker 1 was killed at step 30: it is started again"})
    display.progressed("Trainer", {"note": "exporting"})
    assert capsys.readouterr().err.splitlines() == [
        "  Trainer           starts",
        "  Trainer           worker 1 was killed at step 30: it is started again",
    ]
