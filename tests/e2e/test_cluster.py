"""The real command line with ``training.cluster``: a run, a Trainer that is killed, and each way to bring a model."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.crash.whole import no_process_lives_on
from tests.e2e.site import PROJECT, Site, processes_of, until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CLUSTER = ("--set", "training.cluster.workers=2", "--set", "training.save_checkpoints_steps=100")


def reports(site: Site) -> list[dict[str, Any]]:
    """What the Trainer has reported, attempt after attempt."""
    files = sorted((site.workspace / "runs").glob("*/events/Trainer.jsonl"))
    whole = files[-1].read_text().rpartition("\n")[0] if files else ""
    return [json.loads(line) for line in whole.splitlines()]


def cluster_events(site: Site) -> list[dict[str, Any]]:
    [file] = (site.workspace / "artifacts" / "flats" / "Trainer" / ".checkpoints").glob("*/cluster/events.jsonl")
    return [json.loads(line) for line in file.read_text().rpartition("\n")[0].splitlines()]


@pytest.mark.soak
def test_a_trainer_that_is_killed_leaves_no_process_and_its_next_attempt_goes_on(ground: Site, tmp_path: Path) -> None:
    site = Site(ground.problem, ground.data, tmp_path / "workspace")
    process = site.start("--json", *CLUSTER, "--set", "training.train_steps=2000")
    until(lambda: [one for one in reports(site) if one.get("step", 0) >= 450], process)
    started = [one["process"] for one in cluster_events(site) if one["event"] == "started"]
    [trainer] = {int(Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[1]) for one in started}
    killed, before = time.monotonic(), max(one.get("step", 0) for one in reports(site))
    os.kill(trainer, signal.SIGKILL)
    until(lambda: not [one for one in started if Path(f"/proc/{one}").exists()], process)
    gone = time.monotonic() - killed
    [resumed] = until(lambda: [one for one in reports(site) if "continues from" in one.get("note", "")][:1], process)
    seconds = time.monotonic() - killed
    ended = site.wait(process, {})
    assert ended.code == 0, ended.text
    step = int(resumed["note"].split()[-1].replace(",", ""))
    sys.stdout.write(
        f"\nTrainer killed at step {before}: its 4 processes were gone after {gone:.2f} s, "
        f"training went on from step {step} after {seconds:.1f} s, {max(0, before - step)} steps lost\n"
    )
    assert gone < 2
    assert before - step <= 150
    [node] = [node for node in ended.json["nodes"] if node["node"] == "Trainer"]
    assert [one["headline"] for one in node["failures"]] == ["Trainer was killed"]
    assert (ended.json["training"]["workers"], ended.json["training"]["ps"]) == (2, 1)
    assert ended.json["pushed"]["version"] == 1
    assert not processes_of(site.workspace)


@pytest.mark.parametrize(
    "problem", ["sine", *(pytest.param(one, marks=pytest.mark.soak) for one in ("penguin", "taxi", "housing"))]
)
def test_each_way_to_bring_a_model_trains_in_a_cluster(problem: str, tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "runner.py"), "run", problem, "--workspace", str(tmp_path), "--json"]
    done = subprocess.run([*command, *CLUSTER[:2]], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["training"]["workers"] == 2
    assert told["training"]["losses"] == []
    assert told["verdict"]["blessed"]
    [trained] = [node for node in told["nodes"] if node["node"] == "Trainer"]
    logs = Path(trained["outputs"]["model_run"][0]["uri"]) / "cluster"
    # Forks of the Trainer's process: importing TensorFlow, which says this, would cost each of the four seconds.
    assert "Unable to register cuFFT factory" not in (logs / "chief-0.log").read_text()
    no_process_lives_on(tmp_path)
