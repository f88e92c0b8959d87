"""Each process of a cluster is killed while it trains: what is lost, and how long until it trains on."""

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.components.cluster import clusters

pytestmark = [pytest.mark.slow, pytest.mark.soak]

INTERVAL = 100
STEPS = 1200


def struck(folder: Path, role: str, after: int = 2 * INTERVAL + INTERVAL // 2) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train in a cluster of four processes, and kill one of them; return what was lost, and what came of it."""
    settings: dict[str, Any] = {"train_steps": STEPS, "save_checkpoints_steps": INTERVAL, "throttle_secs": 0}
    with clusters.training(
        clusters.written(folder), cluster={"workers": 2, "ps": 1}, params={"pause": 0.02}, **settings
    ) as one:
        one.until(lambda: one.step() >= after)
        killed = one.kill(role)
        [lost] = one.until(lambda: [event for event in one.events("went on") if event["process"] == killed])
        told = one.ended()
        assert told["code"] == 0, one.logs()
        assert not one.living()
        [codes] = [event["codes"] for event in one.events("ended")]
        told["codes"] = codes
        told["times at work"] = sum(event["role"] == role for event in one.events("at work"))
    sys.stdout.write(f"\n{role:<12} killed at step {lost['step']}: {json.dumps(lost)}; at last {codes}\n")
    return lost, told


@pytest.mark.parametrize("role", ["worker-0", "ps-0", "chief-0", "evaluator-0"])
def test_a_process_is_killed(role: str, tmp_path: Path) -> None:
    lost, told = struck(tmp_path, role)
    assert lost["code"] == -9
    # Nobody waits for a worker or an evaluator; the others cost what was trained since the last checkpoint.
    most = 0 if role.startswith(("worker", "evaluator")) else INTERVAL + 50
    assert lost["steps_lost"] <= most
    assert lost["seconds"] < 30
    assert STEPS <= told["record"]["steps"] <= STEPS + 2
    assert told["metrics"]["loss"] < 0.01
    assert told["codes"] == {"chief-0": 0, "worker-0": 0, "ps-0": -15, "evaluator-0": 0}
    [sentence] = told["record"]["losses"]
    assert "was killed (signal 9, SIGKILL)" in sentence
    assert told["times at work"] >= 2


@pytest.mark.parametrize("role", ["worker-0", "ps-0", "chief-0", "evaluator-0"])
def test_a_process_hangs(role: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"train_steps": 800, "save_checkpoints_steps": INTERVAL, "throttle_secs": 0}
    cluster, ground = {"workers": 2, "ps": 1, "timeout_secs": 30}, clusters.written(tmp_path)
    with clusters.training(ground, cluster=cluster, params={"pause": 0.1}, **settings) as one:
        one.until(lambda: one.step() >= 150)
        stopped = one.kill(role, signal.SIGSTOP)
        told = one.ended()
        assert told["code"] == 0, one.logs()
        assert not one.living()
        assert [event["process"] for event in one.events("lost")] == [stopped], one.events()
    assert told["record"]["steps"] >= 800
    [sentence] = told["record"]["losses"]
    assert re.search(r"hung \(it told nothing for \d+ s\) and was ended at step", sentence)
    sys.stdout.write(f"\n{sentence}\n")


def test_fresh_interpreters_where_the_trainer_cannot_fork(tmp_path: Path) -> None:
    ground = clusters.written(tmp_path)
    with clusters.training(ground, cluster={"workers": 2, "ps": 2}, train_steps=200, fresh=True) as one:
        told = one.ended()
        assert told["code"] == 0, one.logs()
        assert not one.living()
    assert told["metrics"]["loss"] < 0.5
    # Two servers share the variables between them.
    assert set(clusters.seen(ground, "chief-0").values()) == {"/job:ps/task:0", "/job:ps/task:1"}
