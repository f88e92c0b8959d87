"""What a run says of its training, and a training that starts from the model that was blessed before."""

import re

import pytest

from tests.e2e.site import Ended, Site

pytestmark = pytest.mark.slow

WARM = ("--set", "training.warm_start=true", "--set", "training.num_epochs=2", "--set", "training.export=best")


def test_the_first_run_says_what_it_did(first: Ended) -> None:
    told = first.json["training"]
    assert (told["steps"], told["train_steps"], told["batch_size"]) == (20, 20, 32)
    assert (told["stopped"], told["export"], told["exported_step"], told["warm_start"]) == (None, "final", 20, [])


def test_a_warm_start_begins_with_the_blessed_model_and_is_reused_where_nothing_changed(site: Site) -> None:
    ended = site.run(*WARM, "--json")
    assert ended.code == 0, ended.text
    told, rows = ended.json["training"], ended.json["rows"]["train"]
    assert (told["num_epochs"], told["rows"]) == (2, rows)
    assert told["steps"] == told["train_steps"] == -(-2 * rows // 32)
    assert told["warm_start"][0].startswith("warm start from ")
    assert "2 variables taken over as they are" in told["warm_start"][0]
    assert told["best_metric"] == "loss"
    assert ended.states()["WarmStart"] == "ran"

    again = site.run(*WARM)
    assert again.code == 0, again.text
    assert "Trainer           reused" in again.stderr
    assert f"training  {told['steps']} steps of 32 rows: 2 epochs of {rows}" in again.stdout
    assert "warm start from " in again.stdout
    assert re.search(r"^ {12}loss \S+ -> \S+ in training, ", again.stdout, re.MULTILINE)
    assert "all of it as a picture: " in again.stdout
