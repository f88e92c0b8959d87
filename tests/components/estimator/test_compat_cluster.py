"""Training on a real cluster: each task is a process of its own, as it is on many machines."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("cluster_program.py")
TIMEOUT = 240.0


def free_ports(count: int) -> Iterator[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return iter(ports)


def run_cluster(kind: str, tasks: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Run the program as each of the tasks until all but the parameter servers end; return what each saw."""
    ports = free_ports(len(tasks))
    cluster: dict[str, list[str]] = {}
    for task in tasks:
        cluster.setdefault(task, []).append(f"localhost:{next(ports)}")
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for task, addresses in cluster.items():
            for index in range(len(addresses)):
                name = f"{task}{index}"
                env = {
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "TF_CPP_MIN_LOG_LEVEL": "2",
                    "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": task, "index": index}}),
                }
                with (folder / f"{name}.log").open("wb") as log:
                    processes[name] = subprocess.Popen(
                        [sys.executable, "-W", "ignore", str(PROGRAM), kind, str(folder / "model")],
                        env=env,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
        deadline = time.monotonic() + TIMEOUT
        waited_for = [process for name, process in processes.items() if not name.startswith("ps")]
        while time.monotonic() < deadline and any(process.poll() is None for process in waited_for):
            if any(process.poll() for process in processes.values()):
                break  # one failed: the others would wait for it
            time.sleep(0.1)
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGKILL)
            process.wait()
    seen = {}
    for name, process in processes.items():
        text = (folder / f"{name}.log").read_text()
        lines = [line[5:] for line in text.splitlines() if line.startswith("SEEN ")]
        assert lines or name.startswith("ps"), f"{name} ended with {process.returncode}:\n{text[-4000:]}"
        if lines:
            seen[name] = json.loads(lines[-1])
    return seen


def step_of(folder: Path) -> str:
    return (folder / "model" / "checkpoint").read_text().splitlines()[0]


@pytest.mark.soak
def test_workers_that_mirror_each_other(tmp_path: Path) -> None:
    # Both workers and no chief: only the coordinator knows that the first worker is chief.
    seen = run_cluster("mirrored_v2", ["worker", "worker"], tmp_path)
    for index in (0, 1):
        worker = seen[f"worker{index}"]
        assert worker["mode"] == "independent_worker"
        assert worker["chief"] is (index == 0)
        assert worker["context"] == ["worker", index, 2]
        # One model over two workers, each on a shard of its own: this is what a stub would silently leave out.
        assert worker["replicas"] == worker["pipelines"] == worker["workers"] == 2
        assert worker["device"].startswith(f"/job:worker/replica:0/task:{index}/")
        assert worker["weights"] == seen["worker0"]["weights"]
    assert step_of(tmp_path) == 'model_checkpoint_path: "model.ckpt-30"'


def test_a_parameter_server_strategy_with_an_evaluator(tmp_path: Path) -> None:
    seen = run_cluster("parameter_server", ["chief", "ps", "evaluator"], tmp_path)
    assert seen["chief0"]["mode"] == "independent_worker"
    assert seen["chief0"]["context"] == ["chief", 0, 1]
    assert seen["chief0"]["device"] == "/job:ps/task:0"
    assert seen["evaluator0"]["context"][0] == "evaluator"
    assert seen["evaluator0"]["evaluated"] == 30
    assert seen["evaluator0"]["summaries"] == 1
    assert step_of(tmp_path) == 'model_checkpoint_path: "model.ckpt-30"'


def test_parameter_servers_without_a_strategy(tmp_path: Path) -> None:
    seen = run_cluster("plain", ["chief", "worker", "ps", "evaluator"], tmp_path)
    assert {name: task["mode"] for name, task in seen.items()} == {"chief0": None, "worker0": None, "evaluator0": None}
    for name in ("chief0", "worker0"):
        assert seen[name]["device"] == "/job:ps/task:0"
        assert seen[name]["chief"] is (name == "chief0")
    # The two train side by side, so that one may take a step while the other takes the last.
    assert seen["evaluator0"]["evaluated"] in (30, 31)
    assert seen["evaluator0"]["summaries"] == 1
