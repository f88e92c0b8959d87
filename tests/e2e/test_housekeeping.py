"""gc on what real runs leave: then an unchanged run reuses all, and an old one runs again what was freed.

Between the two the workspace is moved, which is refused until there is a link at its old place.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.site import BEFORE_TRAINING, FROM_TRAINING, PROJECT, Site, census, refused, text_of

pytestmark = pytest.mark.slow

NEW = ("--json", "--set", "training.train_steps=25")


def test_after_gc_all_is_reused_or_runs_again(ground: Site, tmp_path: Path) -> None:
    problem = shutil.copytree(ground.problem, tmp_path / "flats", ignore=shutil.ignore_patterns("__pycache__"))
    data, more = tmp_path / "rows.csv", tmp_path / "more.csv"
    data.write_bytes(text_of(census()))
    more.write_bytes(text_of(census(320)))
    site = Site(problem, data, tmp_path / "workspace")
    old, new = site.run("--json"), site.run(*NEW, data=more)
    assert (old.code, new.code) == (0, 0), old.text + new.text
    shutil.rmtree(site.workspace / "serving" / "flats" / "1")  # as one does with a version that nobody will go back to
    served = site.served()
    size = sum(one.stat().st_size for one in (site.workspace / "artifacts").rglob("*") if one.is_file())

    command = [sys.executable, "runner.py", "gc", "--keep-runs", "1", "--json", "--workspace", str(site.workspace)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["runs"]["flats"] == {"kept": [new.json["run"]], "freed": [old.json["run"]]}
    assert told["left"] == []
    assert 0 < told["bytes"] < size
    nodes = {one["node"] for one in told["freed"] if one["what"] == "artifacts"}
    assert nodes == {"ExampleGen", "StatisticsGen", "ExampleValidator", "Transform", "Trainer"}
    node = site.workspace / "artifacts" / "flats" / "Trainer"
    assert [len(list((node / name).iterdir())) for name in (".checkpoints", "model_run", "model")] == [0, 1, 2]
    assert list((site.workspace / "artifacts").glob("*/*/.system/*/*")) == []
    assert site.served() == served

    moved = site.workspace.rename(tmp_path / "moved")
    files = sorted(moved.rglob("*"))
    done = subprocess.run([*command[:-1], str(moved)], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["error"]["expected"]) == (2, str(site.workspace))
    here = Site(problem, data, moved)
    refused(here.run(*NEW[1:], data=more), 2, "This workspace was made in another place", str(site.workspace))
    assert sorted(moved.rglob("*")) == files
    site.workspace.symlink_to(moved)

    again = here.run(*NEW, data=more)  # by the link everything is where it was
    assert again.code == 0, again.text
    states = again.states()
    assert {states[one] for one in {*BEFORE_TRAINING, *FROM_TRAINING} - {"Resolver", "Pusher"}} == {"reused"}
    assert not again.json["pushed"]["new"]

    back = site.run("--json")
    assert back.code == 0, back.text
    states = back.states()
    assert {states[one] for one in {*BEFORE_TRAINING, *FROM_TRAINING} - {"ImportSchemaGen"}} == {"ran"}
    assert back.json["pushed"]["new"]
