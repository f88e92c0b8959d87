"""Ctrl-C, SIGTERM and SIGHUP, sent to this very process."""

import os
import signal
from collections.abc import Iterator

import pytest

from pipeline.local.stopping import Stop, StoppedAtOnce


@pytest.fixture
def hung_up() -> Iterator[None]:
    """As in a terminal, also where the tests were started by nohup; whatever a test makes of SIGHUP is undone."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGHUP, 129, "SIGHUP: its terminal was closed"),
    ],
)
def test_the_first_one_asks_and_the_second_one_tells(number: int, code: int, name: str, hung_up: None) -> None:
    before = signal.getsignal(number)
    stop = Stop()
    with stop.heeded(), stop.in_order():
        assert stop.error is None
        os.kill(os.getpid(), number)
        assert stop.error is not None
        assert stop.error.exit_code == code
        assert stop.error.headline == f"The run was cancelled by {name}"
        with pytest.raises(StoppedAtOnce) as told:
            os.kill(os.getpid(), signal.SIGINT)
        assert told.value.number == signal.SIGINT
    assert signal.getsignal(number) is (signal.SIG_IGN if number == signal.SIGHUP else before)


def test_where_nobody_looks_it_ends_at_once() -> None:
    stop = Stop()
    with stop.heeded(), pytest.raises(StoppedAtOnce):
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.error is None


def test_a_closed_terminal_may_say_so_again(hung_up: None) -> None:
    """Its shell sends SIGHUP, and when that has ended the kernel does, too; be it while the run writes down its end."""
    stop = Stop()
    with stop.heeded():
        with stop.in_order():
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGHUP)
    assert stop.error is not None
    assert stop.error.exit_code == 129


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_who_was_started_to_ignore_it_does(number: int) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        stop = Stop()
        with stop.heeded(), stop.in_order():
            os.kill(os.getpid(), number)
            assert stop.error is None
    finally:
        signal.signal(number, before)
