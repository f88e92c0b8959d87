"""``distribute = "mirrored"``: on several devices of one process, or on the one that there is, with a message."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.cluster import clusters

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("mirrored_program.py")


def test_without_a_gpu_it_trains_on_the_cpu_and_says_so(tmp_path: Path) -> None:
    with clusters.training(clusters.written(tmp_path), train_steps=20, distribute="mirrored") as one:
        told = one.ended()
    assert told["code"] == 0, told
    assert told["record"]["steps"] == 20
    said = 'distribute = "mirrored": there is no GPU here, so it trains on the CPU, as one device'
    assert said in one.notes()
    assert told["record"]["mirrored"] == said


@pytest.mark.soak
def test_two_devices_learn_together(tmp_path: Path) -> None:
    ground = clusters.written(tmp_path)
    settings = {
        "train_steps": 300,
        "batch_size": 20,
        "shuffle_buffer": 200,
        "save_checkpoints_steps": 100,
        "distribute": "mirrored",
        "params": {"seen": str(ground / "seen")},
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(PROGRAM), str(ground), json.dumps(settings)],
        env={**os.environ, "PYTHONPATH": str(clusters.ROOT), "ESTIMATOR_PIPELINE_EVENTS": str(ground / "notes.jsonl")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["steps"] == 300
    assert all(metrics["loss"] < 0.01 for metrics in told["metrics"])
    assert "on 2 devices" in (ground / "notes.jsonl").read_text()
