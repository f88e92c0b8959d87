"""The pods of a TFJob: what the chief runs, and how the others find what it trains."""

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.cluster.roles import Role, tf_config
from components.trainer import meeting
from pipeline.orchestrators import replica
from pipeline.orchestrators.manifest import digest
from pipeline.orchestrators.replica import AGAIN, follow, lead, meeting_place
from tests.pipeline.orchestrators.small import compiled

CLUSTER = {"chief": ("h:1",), "worker": ("h:2",), "ps": ("h:3",)}
NODE = """
import json, os, pathlib, sys
log = pathlib.Path(sys.argv[1])
told = {name: os.environ.get(name) for name in ("TF_CONFIG", "ESTIMATOR_PIPELINE_CLUSTER_MEETING")}
before = log.read_text().splitlines() if log.exists() else []
log.write_text("\\n".join([*before, json.dumps([sys.argv[2], told])]))
codes = json.loads(sys.argv[3]).get(sys.argv[2], [0])
tried = sum(json.loads(line)[0] == sys.argv[2] for line in before)
sys.exit(codes[min(tried, len(codes) - 1)])
"""


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have nodes be a script that writes down that it ran; return what sets exit codes, and reads the log."""
    log, codes = tmp_path / "log", dict[str, list[int]]()

    def command(node: str, run: str, pipeline: str) -> list[str]:
        return ["-c", NODE, str(log), node, json.dumps(codes)]

    monkeypatch.setattr(replica, "node_command", command)
    monkeypatch.setenv("TF_CONFIG", tf_config(CLUSTER, Role("chief")))
    return SimpleNamespace(codes=codes, log=lambda: [json.loads(line) for line in log.read_text().splitlines()])


def test_the_chief_runs_all_nodes_and_its_trainer_alone_is_part_of_a_cluster(scripts: Any, tmp_path: Path) -> None:
    assert lead(compiled(workspace=str(tmp_path)), Path("x"), "rents-1") == 0
    told = dict(scripts.log())
    assert list(told) == ["ExampleGen", "Trainer", "Resolver"]
    assert {name: bool(one["TF_CONFIG"]) for name, one in told.items()} == {
        "ExampleGen": False,
        "Trainer": True,
        "Resolver": False,
    }
    assert told["Trainer"]["ESTIMATOR_PIPELINE_CLUSTER_MEETING"] == str(tmp_path / "runs" / "rents-1" / "cluster.json")
    assert told["Resolver"]["ESTIMATOR_PIPELINE_CLUSTER_MEETING"] is None


def test_what_the_machine_failed_is_tried_again_and_what_is_refused_is_not(scripts: Any, tmp_path: Path) -> None:
    scripts.codes.update({"ExampleGen": [1, 137, 0], "Trainer": [4]})
    assert lead(compiled(workspace=str(tmp_path)), Path("x"), "rents-1", pause=0) == 4
    assert [name for name, _ in scripts.log()] == ["ExampleGen"] * 3 + ["Trainer"]


def test_attempts_come_to_an_end(scripts: Any, tmp_path: Path) -> None:
    scripts.codes.update({"ExampleGen": [1]})
    tried_once_more = compiled(workspace=str(tmp_path), settings={"run": {"retries": 1}})
    assert lead(tried_once_more, Path("x"), "rents-1", pause=0) == 1
    assert len(scripts.log()) == 2


def test_the_others_wait_for_what_the_chief_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = meeting_place(compiled(workspace=str(tmp_path)), "rents-1")
    monkeypatch.setenv(meeting.VARIABLE, str(place))
    monkeypatch.setattr(meeting, "given", lambda fn_args, problem: {"fn_args": fn_args, "code": problem})
    waited: list[str] = []

    def announce() -> None:
        while not waited:
            time.sleep(0.02)
        meeting.announce({"train_files": []}, "rents", tmp_path)

    threading.Thread(target=announce).start()
    assert meeting.wait_for_announcement(place, waited.append) == {
        **{"fn_args": {"train_files": []}, "code": "rents"},
        "model_dir": str(tmp_path),
    }
    [told] = waited
    assert "waiting for the chief's Trainer" in told
    meeting.announce({"train_files": ["later"]}, "rents", tmp_path)  # the chief's next attempt
    assert meeting.wait_for_announcement(place, waited.append)["fn_args"] == {"train_files": ["later"]}
    assert len(waited) == 1


def test_without_a_place_nothing_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(meeting.VARIABLE, raising=False)
    meeting.announce(object(), "rents", tmp_path)


@pytest.mark.parametrize(("code", "exits"), [(0, 0), (1, AGAIN), (70, 70)])
def test_a_follower_that_the_machine_failed_asks_for_another_attempt(
    code: int, exits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = compiled(workspace=str(tmp_path))
    place = meeting_place(there, "rents-1")
    place.parent.mkdir(parents=True)
    place.write_text("{}")
    monkeypatch.setattr(replica, "join", lambda said: code)
    assert follow(there, "rents-1") == exits


def test_each_pod_takes_the_part_that_tf_config_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rents.pipeline.json"
    there = compiled(workspace=str(tmp_path))
    there.write(file)
    monkeypatch.setattr(replica, "lead", lambda *given: 10)
    monkeypatch.setattr(replica, "follow", lambda *given: 20)
    words = ["--run", "rents-1", "--pipeline", str(file), "--definition", digest(there)]
    for role, code in ((Role("chief"), 10), (Role("worker"), 20), (Role("ps"), 20), (Role("evaluator"), 20)):
        monkeypatch.setenv("TF_CONFIG", tf_config(CLUSTER, role))
        assert replica.main(words) == code
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["h:1", "h:2"]}, "task": {"type": "worker", "index": 0}}')
    assert replica.main(words) == 2  # no chief: told in words
