"""Parts of the chain, and a run that failed gone on with, by the real command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import BEFORE_TRAINING, PROJECT, Ended, Site, edited

pytestmark = pytest.mark.slow


def ask(site: Site, *arguments: str) -> Ended:
    command = [sys.executable, str(PROJECT / "runner.py"), *arguments, "--workspace", str(site.workspace)]
    before = site.served()
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)
    return Ended(done.returncode, done.stdout, done.stderr, before, site.served())


def runs(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ask(site, "runs", "--json").stdout)
    return found


def test_one_node_alone(site: Site) -> None:
    ended = site.run("--only", "infravalidator")
    assert ended.code == 0, ended.text
    assert "done as far as asked (--only InfraValidator); nothing was to be pushed" in ended.stdout
    assert ended.served_after == ended.served_before
    run = runs(site)[0]
    assert (run["state"], run["part"]) == ("done", "--only InfraValidator")
    nodes: dict[str, Any] = {one["name"]: one for one in ask(site, "show", "--json").json["nodes"]}
    assert {name: one["state"] for name, one in nodes.items()} == {
        **dict.fromkeys((*BEFORE_TRAINING, "Trainer"), "reused"),
        "InfraValidator": "ran",
    }
    why = ask(site, "why", "InfraValidator").stdout
    assert "InfraValidator ran in " in why
    assert ": --only InfraValidator: it was to run anew" in why
    assert ask(site, "resume", run["run"]).stdout == f"{run['run']} ended well: there is nothing to resume\n"


def test_what_is_before_must_be_reusable_and_a_resumed_run_keeps_its_code(site: Site) -> None:
    """On changed data part of the chain is refused; with the data put back, and the code changed, that run goes on."""
    lines = site.data.read_text().splitlines()
    part = ("--from", "Trainer", "--to", "Evaluator")
    with edited(site.data, lines[7], "55.0,2,Hill,901.5"):
        ended = site.run(*part, "--json")
    assert ended.code == 1, ended.text
    error = ended.json["error"]
    assert error["headline"] == "ExampleGen has no result to reuse"
    assert error["hint"].startswith("make it: the same command with --to ExampleGen instead of --from")
    assert {name for name, state in ended.states().items() if state == "ran"} <= {"ImportSchemaGen"}
    run = ended.json["run"]

    model = site.problem / "model.py"
    with edited(model, "(900.0)", "(0.0)"):
        again = ask(site, "resume", "--json")
    assert again.code == 0, again.text
    assert f"model.py in {site.problem} changed since; the run goes on with its own copy" in again.stderr
    assert (again.json["run"], again.json["resumed"], again.json["part"]) == (run, 1, "--from Trainer --to Evaluator")
    states = again.states()
    assert {states[node] for node in BEFORE_TRAINING} == {"reused"}
    assert {states[node] for node in ("Trainer", "Evaluator")} == {"ran"}
    assert not {"InfraValidator", "Pusher"} & set(states)
    assert again.served_after == again.served_before
    assert (
        again.json["training"]["sentences"][0].startswith("20 steps") if "sentences" in again.json["training"] else True
    )
    assert "(900.0)" in (site.workspace / "runs" / run / "code" / "flats" / "model.py").read_text()
    notes = (site.workspace / "runs" / run / "events" / "Trainer.jsonl").read_text()
    assert "continues from step" not in notes, "it was to train anew"
    listed = [one for one in runs(site) if one["run"] == run]
    assert [(one["state"], one["resumed"]) for one in listed] == [("done", 1)]
    assert not list(Path(site.workspace).glob("runs/*/tmp"))
