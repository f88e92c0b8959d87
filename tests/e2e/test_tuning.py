"""The command `tune`, killed half way; and a run that takes the values that it found."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash.killing import children, command_of
from tests.crash.whole import no_process_lives_on
from tests.e2e.site import PROJECT, Site, census, edited, text_of

pytestmark = pytest.mark.slow

SPACE = (
    *("--set", "training.train_steps=300"),
    *("--set", "tuning.metric=mean_absolute_error"),
    *("--set", 'tuning.space.learning_rate={type="float",low=0.01,high=10.0,log=true}'),
    *("--set", 'tuning.space.batch_size={type="categorical",choices=[16,32,64]}'),
)
LOSS = "loss = tf.reduce_mean(tf.abs(wanted - rent))"
NOT_COPIED = shutil.ignore_patterns("__pycache__")
_ENDED = re.compile(r"^trial (\d+): mean_absolute_error ([\d,.]+)")


def tune_command(problem: str | Path, workspace: Path, *more: str) -> list[str]:
    return [sys.executable, str(PROJECT / "runner.py"), "tune", str(problem), "--workspace", str(workspace), *more]


def lines_of(workspace: Path) -> list[str]:
    """What the latest search said, a line for each trial that ended."""
    runs = sorted((workspace / "runs").glob("*"), key=lambda one: one.stat().st_mtime)
    file = runs[-1] / "events" / "Tuner.jsonl" if runs else Path("none")
    whole = file.read_text().rpartition("\n")[0] if file.exists() else ""
    return [event["line"] for event in map(json.loads, whole.splitlines()) if "line" in event]


def values_said(workspace: Path) -> dict[int, str]:
    found = filter(None, map(_ENDED.match, lines_of(workspace)))
    return {int(match[1]): match[2] for match in found}


def ended_said(workspace: Path) -> set[str]:
    return {match[0] for match in map(re.compile(r"trial \d+: ").match, lines_of(workspace)) if match}


def kill_when(command: list[str], workspace: Path, come: Callable[[], bool], output: Path) -> None:
    """Start a search and kill all of it at once when something has come: runner, fork server, node and trials."""
    known = set((workspace / "runs").glob("*"))
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        end = time.monotonic() + 300
        while set((workspace / "runs").glob("*")) == known or not come():
            assert process.poll() is None, f"the search was over before the blow fell: {output.read_text()}"
            assert time.monotonic() < end
            time.sleep(0.05)
        servers = [one for one in children(process.pid) if "pipeline.local.server" in command_of(one)]
        for server in servers:
            os.kill(server, signal.SIGSTOP)  # so that it cannot tidy up before its turn comes
        os.killpg(process.pid, signal.SIGKILL)
        for server in servers:
            os.killpg(server, signal.SIGKILL)
        process.wait(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    no_process_lives_on(workspace)


@dataclass(frozen=True)
class Searched:
    """A search that was killed once and then went on."""

    site: Site
    before: dict[int, str]
    told: dict[str, Any]
    text: str

    @property
    def trials(self) -> list[dict[str, Any]]:
        return list(self.told["search"]["trials"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A problem whose loss is NaN with high learning rates, as it may well be."""
    root = tmp_path_factory.mktemp("tuned")
    problem = root / "flats"
    shutil.copytree(PROJECT / "tests" / "e2e" / "problem" / "flats", problem, ignore=NOT_COPIED)
    model = problem / "model.py"
    text = model.read_text()
    assert text.count(LOSS) == 1
    model.write_text(text.replace(LOSS, f'{LOSS} * (float("nan") if params["learning_rate"] > 1.0 else 1.0)'))
    (root / "rows.csv").write_bytes(text_of(census()))
    return Site(problem, root / "rows.csv", root / "workspace")


@pytest.fixture(scope="module")
def searched(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Searched:
    given = [*SPACE, "--trials", "6", "--parallel", "2", "--data", str(site.data), "--json"]
    command = tune_command(site.problem, site.workspace, *given)
    output = tmp_path_factory.mktemp("search") / "killed.log"
    kill_when(command, site.workspace, lambda: len(values_said(site.workspace)) >= 2, output)
    before = values_said(site.workspace)
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Searched(site, before, json.loads(done.stdout), done.stderr)


def check_kept(told: dict[str, Any], trials: int, parallel: int, kills: int, before: dict[int, str]) -> None:
    """Assert that a search that was killed lost at most the trials that were running."""
    found = {one["number"]: one for one in told["search"]["trials"]}
    killed = [number for number, one in found.items() if one["state"] == "killed"]
    assert len(killed) <= parallel * kills
    assert len(found) == trials + len(killed), "as many trials count as were asked for"
    assert not [one for one in found.values() if one["state"] == "running"]
    for number, value in before.items():
        assert found[number]["state"] == "complete"
        assert found[number]["value"] == pytest.approx(float(value.replace(",", "")), rel=1e-5)
    for number in killed:
        if None in found[number]["values"].values():
            continue  # killed as it was asked for: there was nothing yet to repeat
        again = [one for one in found.values() if one["number"] > number and one["values"] == found[number]["values"]]
        assert again, f"trial {number} was not repeated"
        # What is repeated may fail by itself, or be killed, too, and then that is its reason.
        if again[0]["state"] in ("complete", "pruned"):
            assert again[0]["reason"] == f"in the place of trial {number}, which was killed"
    folders = sorted(int(one.name) for one in (Path(told["search"]["study"]) / "trials").iterdir())
    assert set(folders) <= set(found), "each trial has a folder of its own"


def test_a_killed_search_loses_at_most_the_trials_that_were_running(searched: Searched) -> None:
    assert len(searched.before) >= 2
    check_kept(searched.told, 6, 2, 1, searched.before)
    if any(one["state"] == "killed" for one in searched.trials):
        assert "goes on after a kill" in searched.text


def test_the_best_is_the_best_and_was_judged_on_rows_of_train(searched: Searched) -> None:
    search = searched.told["search"]
    done = [one for one in searched.trials if one["state"] == "complete"]
    best = min(done, key=lambda one: one["value"])
    assert (search["best"], search["values"]) == (best["number"], best["values"])
    [default] = [one for one in done if one["default"]]
    assert default["values"] == {"learning_rate": 0.1, "batch_size": 32}
    assert best["value"] < default["value"]
    rows = json.loads(searched.site.run("--to", "ExampleGen", "--json").stdout)["rows"]
    assert search["fit_rows"] + search["held_out_rows"] == rows["train"]
    assert search["compared"]["best"]["mean_absolute_error"] < search["compared"]["default"]["mean_absolute_error"]
    [tuner] = [one for one in searched.told["nodes"] if one["node"] == "Tuner"]
    folder = Path(tuner["outputs"]["tuner_results"][0]["uri"])
    assert (folder / "search.svg").read_text().startswith("<svg")


def test_a_loss_that_is_nan_is_a_bad_choice_and_no_error(searched: Searched) -> None:
    failed = [one for one in searched.trials if one["state"] == "failed"]
    assert failed
    assert all(one["values"]["learning_rate"] > 1 and "became NaN" in one["reason"] for one in failed)


def test_a_fault_of_the_code_ends_the_search_at_once(searched: Searched) -> None:
    site = searched.site
    with edited(site.problem / "model.py", "wanted = tf.reshape(labels, [-1, 1])", "wanted = labels.missing"):
        command = tune_command(site.problem, site.workspace, *SPACE, "--data", str(site.data), "--json")
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    error = json.loads(done.stdout)["error"]
    assert "model_fn of flats raised AttributeError" in error["headline"]
    assert re.search(r"flats/model\.py:\d+  wanted = labels\.missing", error["where"])
    assert len(re.findall(r"trial \d+: failed", done.stderr)) == 1


def test_the_artifact_is_one_that_keras_tuner_reads(searched: Searched) -> None:
    import keras_tuner

    [tuner] = [one for one in searched.told["nodes"] if one["node"] == "Tuner"]
    text = (Path(tuner["outputs"]["best_hyperparameters"][0]["uri"]) / "best_hyperparameters.txt").read_text()
    read = keras_tuner.HyperParameters.from_config(json.loads(text))
    assert read.values == searched.told["search"]["values"]
    assert {one.name for one in read.space} == {"learning_rate", "batch_size"}


def test_a_run_takes_the_values_of_the_latest_search_and_the_model_remembers_it(searched: Searched) -> None:
    site, values = searched.site, searched.told["search"]["values"]
    ended = site.run("--set", "training.train_steps=300", "--set", "tuning.use=latest", "--json")
    assert ended.code == 0, ended.text
    assert ended.json["training"]["tuned"] == values
    assert ended.json["training"]["batch_size"] == values["batch_size"]
    assert ended.states()["Tuned"] == "ran"
    compared = searched.told["search"]["compared"]["best"]["mean_absolute_error"]
    [judged] = [
        one["value"]
        for one in ended.json["verdict"]["measurements"]
        if one["metric"] == "mean_absolute_error" and one["slice"] == "overall"
    ]
    assert judged == pytest.approx(compared, rel=1e-4), "the search's last word is what the gate measures"

    asked = [sys.executable, str(PROJECT / "runner.py"), "lineage", "model", "--problem", "flats", "--json"]
    said = subprocess.run(
        [*asked, "--workspace", str(site.workspace)], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    [tuned] = [one for one in json.loads(said.stdout)["nodes"] if one["kind"] == "tuned"]
    assert tuned["values"] == values


@pytest.mark.soak
def test_a_search_on_house_prices_killed_three_times(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    command = tune_command("housing", workspace, "--trials", "12", "--parallel", "2", "--json")
    before: dict[int, str] = {}
    for more in (2, 4, 3):  # trials that end before a blow, pruned ones too
        kill_when(command, workspace, lambda more=more: len(ended_said(workspace)) >= more, tmp_path / "killed.log")  # type: ignore[misc]
        before |= values_said(workspace)
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    check_kept(told, 12, 2, 3, before)
    assert told["search"]["held_out_margin"] >= 0
