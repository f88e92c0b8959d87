"""The pods of a TFJob: what the chief runs, and how the others find what it trains."""

import errno
import json
import os
import signal
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
from pipeline.orchestrators.pods import Attempts
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


@pytest.mark.parametrize("code", [1, 137, 139])
def test_attempts_come_to_an_end_that_is_final(code: int, scripts: Any, tmp_path: Path) -> None:
    scripts.codes.update({"ExampleGen": [code]})
    tried_once_more = compiled(workspace=str(tmp_path), settings={"run": {"retries": 1}})
    assert (
        lead(tried_once_more, Path("x"), "rents-1", pause=0) == 1
    )  # more than 127 would be started again, without end
    assert len(scripts.log()) == 2


def test_a_node_that_was_ended_in_order_is_not_tried_again_here(scripts: Any, tmp_path: Path) -> None:
    scripts.codes.update({"ExampleGen": [143, 0]})
    assert lead(compiled(workspace=str(tmp_path)), Path("x"), "rents-1", pause=0) == 143
    assert len(scripts.log()) == 1


@pytest.mark.parametrize("ends", [143, 0, 1])
def test_a_chief_that_is_told_to_end_ends_whatever_its_node_comes_to(
    ends: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    node = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: sys.exit({ends}))\n"
        f"pathlib.Path({str(ready)!r}).touch()\ntime.sleep(60)\n"
    )
    monkeypatch.setattr(replica, "node_command", lambda *given: ["-c", node])

    def end() -> None:
        wait_until(ready.exists)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=end).start()
    tried_once = compiled(workspace=str(tmp_path), settings={"run": {"retries": 0}})
    assert lead(tried_once, Path("x"), "rents-1") == 143
    assert signal.getsignal(signal.SIGTERM) == before


def wait_until(done: Any) -> None:
    until = time.monotonic() + 30
    while not done() and time.monotonic() < until:
        time.sleep(0.02)


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
    place.write_text(json.dumps({"model_dir": str(tmp_path)}))
    monkeypatch.setattr(replica, "join", lambda said: code)
    assert follow(there, "rents-1", Attempts(tmp_path / "pods" / "rents-1", "worker-0", 0)) == exits


@pytest.mark.parametrize("role", [Role("worker"), Role("chief")])
def test_what_a_file_system_does_is_no_stack_trace(
    role: Role, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> int:
        raise OSError(errno.ESTALE, "Stale file handle", "cluster.json")

    for name in ("lead", "follow"):
        monkeypatch.setattr(replica, name, fail)
    monkeypatch.setattr(replica, "_PAUSE_SECS", 0)
    monkeypatch.setenv("TF_CONFIG", tf_config(CLUSTER, role))
    assert replica.main(words(tmp_path)) == AGAIN
    said = capsys.readouterr().err
    assert "asks for another attempt: [Errno 116] Stale file handle: 'cluster.json'" in said
    assert "Traceback" not in said


def words(tmp_path: Path, **changes: Any) -> list[str]:
    """The arguments of a pod of a pipeline whose workspace is a folder."""
    file = tmp_path / "rents.pipeline.json"
    there = compiled(workspace=str(tmp_path), **changes)
    there.write(file)
    return ["--run", "rents-1", "--pipeline", str(file), "--definition", digest(there)]


def test_a_pod_that_is_killed_again_and_again_ends_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = words(tmp_path, settings={"training": {"cluster": {"workers": 2, "max_restarts": 1}}})
    record = tmp_path / "runs" / "rents-1"
    trained = tmp_path / "checkpoints"
    trained.mkdir()
    (record / "nodes").mkdir(parents=True)
    meeting_place(compiled(workspace=str(tmp_path)), "rents-1").write_text(json.dumps({"model_dir": str(trained)}))
    for name in ("lead", "join"):
        monkeypatch.setattr(replica, name, lambda *given: 137)

    def attempts(role: Role, count: int) -> list[int]:
        monkeypatch.setenv("TF_CONFIG", tf_config(CLUSTER, role))
        return [replica.main(given) for _ in range(count)]

    monkeypatch.setenv("RUN", "rents-a")
    assert attempts(Role("worker"), 2) == [137, 137]
    assert attempts(Role("ps"), 1) == [137]
    assert attempts(Role("chief"), 2) == [137, 137]
    (trained / "model.ckpt-200.index").touch()
    assert attempts(Role("worker"), 2) == [137, 137]
    assert attempts(Role("chief"), 2) == [137, 137]
    (record / "nodes" / "ExampleGen.json").write_text('{"state": "ran"}')
    (record / "nodes" / "Trainer.json").write_text('{"state": "failed"}')
    assert attempts(Role("chief"), 2) == [137, 137]
    assert "chief-0: attempt 2, of at most 2" in capsys.readouterr().err
    assert attempts(Role("chief"), 1) == [1]
    said = capsys.readouterr().err
    assert "chief-0 ended before its time again and again" in said
    assert "2 attempts since the run got to step 200 with 1 nodes done" in said
    assert "max_restarts" in said
    assert attempts(Role("worker"), 1) == [1]
    # A person starts another job of this run.
    for job in ("rents-b", "rents-c"):
        monkeypatch.setenv("RUN", job)
        assert attempts(Role("chief"), 2) + attempts(Role("worker"), 2) + attempts(Role("ps"), 2) == [137] * 6
    assert {file.name for file in (tmp_path / "pods" / "rents-1").iterdir()} == {
        "chief-0.json",
        "worker-0.json",
        "ps-0.json",
    }


def test_a_pod_that_ended_leaves_no_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", tf_config(CLUSTER, Role("chief")))
    for code in (0, 2):
        monkeypatch.setattr(replica, "lead", lambda *given, code=code: code)
        assert replica.main(words(tmp_path)) == code
        assert [one.name for one in tmp_path.iterdir()] == ["rents.pipeline.json"]


def test_what_cannot_be_counted_does_not_end_a_pod(tmp_path: Path) -> None:
    (tmp_path / "pods").write_text("no folder")
    told: list[str] = []
    Attempts(tmp_path / "pods" / "rents-1", "ps-0", 0).count((0, 0), told.append)
    assert "this attempt is not counted" in told[0]
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "ps-0.json").write_text("{")
    Attempts(tmp_path / "damaged", "ps-0", 0).count((0, 0), told.append)
    assert len(told) == 1


def test_each_pod_takes_the_part_that_tf_config_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "lead", lambda *given: 10)
    monkeypatch.setattr(replica, "follow", lambda *given: 20)
    given = words(tmp_path)
    for role, code in ((Role("chief"), 10), (Role("worker"), 20), (Role("ps"), 20), (Role("evaluator"), 20)):
        monkeypatch.setenv("TF_CONFIG", tf_config(CLUSTER, role))
        assert replica.main(given) == code
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["h:1", "h:2"]}, "task": {"type": "worker", "index": 0}}')
    assert replica.main(given) == 2  # no chief: told in words
