"""Ctrl-C and SIGTERM: the run ends at once, leaves no process behind, and the next one goes on from where it was."""

import signal
import time

import pytest

from tests.e2e.site import Site, events, processes_of, until

pytestmark = pytest.mark.slow

ENDLESS = ("--set", "training.train_steps=1_000_000", "--set", "training.save_checkpoints_steps=100")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_training(site: Site, number: signal.Signals) -> None:
    known, before = set((site.workspace / "runs").iterdir()), site.served()
    process = site.start(*ENDLESS)
    until(lambda: any(one.get("step", 0) > 200 for one in events(site, "Trainer", but=known)), process)
    assert processes_of(site.workspace)

    process.send_signal(number)
    since = time.monotonic()
    ended = site.wait(process, before)
    assert ended.code == 130
    assert time.monotonic() - since < 5
    assert "Traceback" not in ended.text
    assert "Stopped" in ended.stderr
    end = time.monotonic() + 2
    while (left := processes_of(site.workspace)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
    assert ended.served_after == ended.served_before
    if number == signal.SIGTERM:  # the run before was stopped too
        notes = [one["note"] for one in events(site, "Trainer", but=known) if "note" in one]
        assert any(note.startswith("continues from step") for note in notes)


def test_stopped_while_loading(site: Site) -> None:
    known, before = set((site.workspace / "runs").iterdir()), site.served()
    process = site.start()
    until(lambda: set((site.workspace / "runs").iterdir()) - known, process)
    process.send_signal(signal.SIGINT)
    since = time.monotonic()
    ended = site.wait(process, before)
    assert ended.code == 130
    assert time.monotonic() - since < 3
    assert "Traceback" not in ended.text
    assert not processes_of(site.workspace)
