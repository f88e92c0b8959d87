"""Runs after the first, two at once as well: they reuse what did not change, and keep the code that they began with."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import (
    BEFORE_TRAINING,
    FROM_TRAINING,
    Ended,
    Site,
    edited,
    events,
    until,
)

pytestmark = pytest.mark.slow

LONG = ("--json", "--set", "training.train_steps=2500", "--set", "training.batch_size=8")


def runs(site: Site) -> set[Path]:
    return set((site.workspace / "runs").iterdir())


def steps(site: Site, known: set[Path]) -> list[dict[str, Any]]:
    """What the Trainer reported of its steps, in the run that is none of the known ones."""
    return [one for one in events(site, "Trainer", but=known) if "step" in one]


def test_what_json_says(site: Site, first: Ended) -> None:
    told = first.json
    assert list(told) == [
        *("problem", "run", "workspace", "seconds", "exit_code", "resumed", "part", "rows", "sources"),
        *("training", "verdict", "infra_verdict", "pushed", "nodes", "error"),
    ]
    assert (told["problem"], told["workspace"], told["exit_code"]) == ("flats", str(site.workspace), 0)
    assert sum(told["rows"].values()) == 300
    assert [source["path"] for source in told["sources"]] == [str(site.data)]
    assert told["verdict"]["blessed"]
    assert told["infra_verdict"]["blessed"]
    version = site.workspace / "serving" / "flats" / "1"
    described = str(version / "assets.extra" / "signatures.json")
    assert told["pushed"] == {"version": 1, "path": str(version), "new": True, "signatures": described}
    assert set(first.states()) == {*BEFORE_TRAINING, *FROM_TRAINING}
    assert set(first.states().values()) == {"ran"}
    assert told["error"] is None


@pytest.fixture(scope="module")
def twice(site: Site) -> tuple[Ended, Ended]:
    """The first command again, by two people at once."""
    known, before = runs(site), site.served()
    one = site.start("--json")
    until(lambda: runs(site) - known, one)
    other = site.start("--json")
    return site.wait(one, before), site.wait(other, before)


def test_two_runs_at_once_both_end_well(twice: tuple[Ended, Ended]) -> None:
    one, other = twice
    assert (one.code, other.code) == (0, 0), one.text + other.text
    assert one.json["run"] != other.json["run"]
    assert "Traceback" not in one.text + other.text


def test_the_same_command_again_reuses_every_node(twice: tuple[Ended, Ended]) -> None:
    """One of the two, that is: one may judge anew, by a model that another test had blessed meanwhile."""
    one, other = twice
    reused = {node for ended in twice for node, state in ended.states().items() if state == "reused"}
    assert reused >= {*BEFORE_TRAINING, *FROM_TRAINING} - {"Resolver", "Pusher"}
    for ended in (one, other):
        assert {ended.states()[node] for node in (*BEFORE_TRAINING, "Trainer")} == {"reused"}
        assert set(ended.served_before.items()) <= set(ended.served_after.items())
    # Another test may have pushed another model meanwhile; then the first of the two puts this one on top again.
    if len({path.split("/")[1] for path in one.served_before}) == 1:
        assert one.json["pushed"]["version"] == 1
        assert not one.json["pushed"]["new"]
    assert other.json["pushed"]["version"] == one.json["pushed"]["version"]
    assert not other.json["pushed"]["new"]


def test_one_changed_row_reruns_everything(site: Site) -> None:
    lines = site.data.read_text().splitlines()
    with edited(site.data, lines[7], "55.0,2,Hill,700.5"):
        ended = site.run("--json")
    assert ended.code == 0, ended.text
    assert {node for node, state in ended.states().items() if state == "reused"} <= {"ImportSchemaGen"}
    assert ended.json["pushed"]["new"]
    assert set(ended.served_before.items()) < set(ended.served_after.items())


def test_an_edit_during_training_is_for_the_next_run(site: Site) -> None:
    """The run ends with the code that it began with; the next one reruns Trainer and what follows, nothing before."""
    file = site.problem / "model.py"
    old, known, before = file.read_text(), runs(site), site.served()
    process = site.start(*LONG)
    reports = until(lambda: steps(site, known), process)
    assert reports[-1]["step"] < 2500
    with edited(file, "v1 = tf.compat.v1\n", "v1 = tf.compat.v1\n" * 9), edited(file, "(900.0)", "(0.0)"):
        ended = site.wait(process, before)
        assert ended.code == 0, ended.text
        kept = site.workspace / "runs" / ended.json["run"] / "code" / "flats" / "model.py"
        assert kept.read_text() == old
        assert steps(site, known)[-1]["step"] > reports[-1]["step"]
        assert ended.json["pushed"]["new"]

        after = site.run(*LONG)
    assert after.code == 0, after.text
    states = after.states()
    assert {states[node] for node in BEFORE_TRAINING} == {"reused"}
    assert {states[node] for node in FROM_TRAINING} == {"ran"}
    assert after.json["pushed"]["version"] == ended.json["pushed"]["version"] + 1
    error = {json.dumps(one.json["verdict"]["measurements"]) for one in (ended, after)}
    assert len(error) == 2, "the edited model gives the same answers"
