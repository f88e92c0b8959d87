"""Training in clusters of four real processes: of our own, and as a platform forms them by ``TF_CONFIG``."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from components.cluster.roles import Role, local_cluster, tf_config
from tests.components.cluster import clusters

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def test_it_trains_with_its_variables_on_the_server_and_without_the_worker_that_is_killed(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"train_steps": 500, "save_checkpoints_steps": 100, "throttle_secs": 0}
    ground = clusters.written(tmp_path)
    with clusters.training(ground, cluster={"workers": 2, "ps": 1}, params={"pause": 0.01}, **settings) as one:
        one.until(lambda: any(event["role"] == "worker-0" for event in one.events("at work")))
        one.until(lambda: one.step() >= 60)
        killed = one.kill("worker-0")
        told = one.ended()
        assert told["code"] == 0, one.logs()
        assert not one.living()
        [lost] = [event for event in one.events("went on") if event["process"] == killed]
        assert (lost["code"], lost["steps_lost"]) == (-9, 0)
        assert lost["seconds"] < 5
        [ended] = one.events("ended")
    # Those that train end by themselves, the server never does.
    assert ended["codes"] == {"chief-0": 0, "worker-0": 0, "evaluator-0": 0, "ps-0": -15}
    for name in ("chief-0", "worker-0"):
        devices = clusters.seen(ground, name)
        assert {"global_step:0", "line/kernel:0", "line/bias:0"} <= set(devices)
        assert set(devices.values()) == {"/job:ps/task:0"}
    assert told["metrics"]["loss"] < 0.01
    assert 500 <= told["record"]["steps"] <= 501
    assert (told["record"]["workers"], told["record"]["ps"]) == (2, 1)
    [sentence] = told["record"]["losses"]
    assert sentence.startswith("worker 0 was killed (signal 9, SIGKILL) at step")
    assert "a cluster of 2 workers (one of them the chief), 1 parameter server and an evaluator starts" in one.notes()


def test_a_mistake_in_the_model_is_told_once(tmp_path: Path) -> None:
    with clusters.training(clusters.written(tmp_path), cluster={"workers": 2}, params={"fails": True}) as one:
        told = one.ended()
        assert not one.living()
        assert len(one.events("started")) == 4
    assert told["code"] == 4
    assert told["error"]["headline"] == "model_fn of lines raised ValueError"
    assert "model.py" in told["error"]["where"]


def test_processes_of_a_platform_take_their_parts(tmp_path: Path) -> None:
    # Early stopping and the best checkpoint go by what another process evaluates.
    settings: dict[str, Any] = {
        "train_steps": 20_000,
        "save_checkpoints_steps": 50,
        "throttle_secs": 0,
        "early_stopping": {"metric": "loss", "stop_if_lower": 0.5},
        "export": "best",
        "params": {"pause": 0.01, "rate": 0.05},
    }
    ground = clusters.written(tmp_path)
    cluster = local_cluster(2, 1)
    roles = [Role("ps"), Role("chief"), Role("worker"), Role("evaluator")]
    with contextlib.ExitStack() as stack:
        started = {
            role.kind: stack.enter_context(
                clusters.training(ground, {"TF_CONFIG": tf_config(cluster, role)}, **settings, cluster=None)
            )
            for role in roles
        }
        told = {kind: started[kind].ended() for kind in ("chief", "worker", "evaluator")}
        assert {kind: one["code"] for kind, one in told.items()} == {"chief": 0, "worker": 0, "evaluator": 0}, told
        assert started["ps"].process.poll() is None
    assert told["worker"]["metrics"] is None  # only the chief has anything to export
    assert told["evaluator"]["metrics"] is None
    record = told["chief"]["record"]
    assert record["steps"] < 20_000
    assert "below 0.5" in record["stopped"]
    assert record["best_value"] == pytest.approx(told["chief"]["metrics"]["loss"]) or record["best_value"] < 0.5
    assert told["chief"]["exported"].startswith(str(tmp_path / "model" / "best"))
    assert (record["workers"], record["ps"]) == (2, 1)


def test_a_cluster_that_cannot_form_says_who_does_not_answer(tmp_path: Path) -> None:
    cluster = local_cluster(2, 1)
    [server] = cluster["ps"]
    variables = {"TF_CONFIG": tf_config(cluster, Role("chief"))}
    with clusters.training(clusters.written(tmp_path), variables, cluster={"timeout_secs": 2}) as one:
        told = one.ended()
    assert told["code"] == 1
    assert told["error"]["headline"] == "The training cluster did not form within 2 s"
    assert told["error"]["got"] == f"ps 0 at {server}: connection refused"
    assert f"chief waits for ps 0 at {server}: connection refused" in one.notes()
