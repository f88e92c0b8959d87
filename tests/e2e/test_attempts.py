"""A node that is killed is attempted again by the run itself; what SIGTERM ends is gone on with by the next run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.lineage.store import Execution, open_store
from tests.e2e.site import PROJECT, Ended, Site, processes_of, until

pytestmark = pytest.mark.slow

TRAINING = ("--set", "training.train_steps=3000", "--set", "training.save_checkpoints_steps=200")


def test_killed_then_stopped_then_gone_on_with(ground: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    site = Site(ground.problem, ground.data, tmp_path / "workspace")

    stopped = kill_the_trainer_then_stop(site)
    assert stopped.code == 143, stopped.text
    assert "  Trainer           attempt 2 of 3 in " in stopped.stderr
    assert " s because it was killed" in stopped.stderr
    assert "flats: cancelled; nothing was pushed" in stopped.stdout
    assert "cancelled by SIGTERM" in stopped.stdout
    assert "  resume    python " in stopped.stdout
    assert "Traceback" not in stopped.text
    assert not stopped.served_after
    first, second = executions(site, "Trainer")
    assert (first.state, first.get("failure")) == ("failed", "Trainer was killed")
    assert (second.state, second.get("failure")) == ("cancelled", "the run was cancelled")
    assert not list((site.workspace / "artifacts" / "flats" / "Trainer").glob("model*/*"))
    [run] = json.loads(ask(site, "runs", "--json"))
    assert (run["state"], run["error"]) == ("cancelled", "The run was cancelled by SIGTERM")
    shown = ask(site, "show", "last")
    assert ": cancelled after " in shown
    assert "2 attempts" in shown
    assert not list(temporary.iterdir())

    process = site.start(*TRAINING, "--json")
    os.kill(until(lambda: process_of(site, "Evaluator"), process), signal.SIGKILL)
    ended = site.wait(process, {})
    assert ended.code == 0, ended.text
    assert ended.json["pushed"]["version"] == 1
    states = ended.states()
    assert {states[node] for node in ("ExampleGen", "Transform")} == {"reused"}
    assert {states[node] for node in ("Trainer", "Evaluator", "Pusher")} == {"ran"}
    [evaluator] = [node for node in ended.json["nodes"] if node["node"] == "Evaluator"]
    assert [one["headline"] for one in evaluator["failures"]] == ["Evaluator was killed"]
    assert "continues from step" in " ".join(one.get("note", "") for one in reports(site, "Trainer"))
    assert not processes_of(site.workspace)
    assert not list(temporary.iterdir())


def kill_the_trainer_then_stop(site: Site) -> Ended:
    process = site.start(*TRAINING)
    until(lambda: steps(site, 500), process)
    os.kill(process_of(site, "Trainer") or 0, signal.SIGKILL)
    went_on = until(lambda: [one for one in reports(site, "Trainer") if "continues" in one.get("note", "")], process)
    assert int(went_on[0]["note"].split()[-1].replace(",", "")) >= 200, went_on
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    return site.wait(process, {})


def reports(site: Site, node: str) -> list[dict[str, Any]]:
    """What a node reported in the latest run."""
    runs = sorted((site.workspace / "runs").glob("*"))
    file = runs[-1] / "events" / f"{node}.jsonl" if runs else None
    if file is None or not file.exists():
        return []
    whole, _, _ = file.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def steps(site: Site, least: int) -> bool:
    return any(one.get("step", 0) >= least for one in reports(site, "Trainer"))


def process_of(site: Site, node: str) -> int | None:
    """The process of a node: the one that leads a group and writes its log."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                log = (folder / "fd" / "1").readlink()
            except OSError:
                continue
            process = int(folder.name)
            if log.name == f"{node}.log" and log.is_relative_to(site.workspace) and os.getpgid(process) == process:
                return process
    return None


def executions(site: Site, node: str) -> list[Execution]:
    """The executions of a node, oldest first."""
    store = open_store(site.workspace / "metadata.db")
    found = [one for run in store.runs() for one in store.executions_of_run(run)]
    places = store.places_of(one.id for one in found)
    return [one for one in found if places[one.id][1] == node]


def ask(site: Site, *command: str) -> str:
    arguments = [sys.executable, str(PROJECT / "runner.py"), *command, "--workspace", str(site.workspace)]
    return subprocess.run(arguments, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
