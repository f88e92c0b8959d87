"""Supervision, with processes that only pretend to train: who is started again, when it is given up, and no orphans."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components import progress
from components.cluster.account import Account, read_events
from components.cluster.member import fresh
from components.cluster.supervisor import FOLDER, supervise
from pipeline.config.model import Cluster
from pipeline.errors import InfrastructureError, TransientError, UserCodeError

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[3]
PRETEND = """\
import json, os, pathlib, sys, time
folder, how = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
task = json.loads(os.environ["TF_CONFIG"])["task"]
name = task["type"] + "-" + str(task["index"])
def tell(**more):
    os.write(int(os.environ["ESTIMATOR_PIPELINE_CLUSTER_PIPE"]),
             json.dumps({"kind": task["type"], "index": task["index"], **more}).encode() + b"\\n")
times = folder / (name + ".times")
count = int(times.read_text()) if times.exists() else 0
times.write_text(str(count + 1))
act = (how.get(name) or [])[count:count + 1] or (how.get(name) or [])[-1:] or ["train"]
if act[0] in ("die", "save and die"):
    if act[0] == "save and die":
        (folder / "checkpoint").write_text("model.ckpt-" + str(count))
    print("no such thing")
    sys.exit(3)
if act[0] == "tell":
    error = {"kind": "user-code", "headline": "no such layer"}
    (folder / "cluster" / (name + ".error.json")).write_text(json.dumps(error))
    sys.exit(70)
if act[0] == "hang":
    tell(doing="waits for ps 0 at x:1: connection refused")
    time.sleep(100)
if act[0] == "stop":
    tell(alive=True, busy=False)
    tell(at_work=True, step=100 * count)
    os.kill(os.getpid(), 19)
if task["type"] == "ps":
    tell(at_work=True)
    time.sleep(1 if act[0] == "die later" else 100)
    sys.exit(1)
if task["type"] == "evaluator":
    while not (folder / "ended").exists():
        time.sleep(0.01)
    sys.exit(0)
tell(at_work=True, step=100 * count)
if act[0] == "die later":
    tell(step=150)
    time.sleep(0.1)
    os.kill(os.getpid(), 9)
if act[0] in ("busy", "stuck"):
    for second in range(25 if act[0] == "busy" else 1000):
        tell(alive=True, busy=act[0] == "busy")
        time.sleep(0.1)
    tell(at_work=True, step=100 * count)
if act[0] == "long":
    time.sleep(100)
while act[0] == "wait" and not (folder / "saved").exists():
    time.sleep(0.01)
for step in range(10):
    tell(step=100 * count + step)
    time.sleep(0.02)
if act[0] == "saved":
    (folder / "saved").touch()
if task["type"] == "chief":
    (folder / "ended").touch()
"""


def trained(folder: Path, how: dict[str, list[str]], **settings: int) -> Account:
    """Supervise processes that act, the first time and the next, as ``how`` says by role."""
    program = folder / "pretend.py"
    program.write_text(PRETEND)
    cluster = Cluster.model_validate({"workers": 2, "timeout_secs": 20, **settings})
    return supervise(cluster, folder, fresh([sys.executable, str(program), str(folder), json.dumps(how)]))


def started(folder: Path) -> list[str]:
    return [one["role"] for one in read_events(folder / FOLDER) if one["event"] == "started"]


def nothing_lives(folder: Path) -> None:
    for one in read_events(folder / FOLDER):
        if one["event"] == "started":
            with pytest.raises(ProcessLookupError):
                os.kill(one["process"], 0)


def test_all_end_and_the_server_is_ended(tmp_path: Path) -> None:
    account = trained(tmp_path, {})
    assert account.codes == {"chief-0": 0, "worker-0": 0, "evaluator-0": 0, "ps-0": -signal.SIGTERM}
    assert account.losses == []
    assert sorted(started(tmp_path)) == ["chief-0", "evaluator-0", "ps-0", "worker-0"]
    nothing_lives(tmp_path)


def test_a_chief_that_dies_is_started_again_and_what_it_cost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.jsonl"))
    account = trained(tmp_path, {"chief-0": ["die later", "train"]})
    [loss] = account.losses
    assert (loss.code, loss.step, loss.resumed) == (-signal.SIGKILL, 150, 100)
    assert loss.as_json()["steps_lost"] == 50
    assert loss.seconds is not None
    assert loss.back is not None
    [said] = account.sentences()
    assert re.match(r"chief was killed \(signal 9, SIGKILL\) at step 150; went on from step 100 after \d+\.\d s", said)
    events = map(json.loads, (tmp_path / "progress.jsonl").read_text().splitlines())
    [began, went_on] = [one["line"] for one in events if "line" in one]  # seen by a person also where lines are kept
    assert began == "chief was killed (signal 9, SIGKILL) at step 150: it is started again"
    assert re.match(r"training went on from step 100 after \d+\.\d s", went_on)


def test_a_worker_that_dies_is_not_missed(tmp_path: Path) -> None:
    account = trained(tmp_path, {"worker-0": ["die later", "train"], "chief-0": ["train"]})
    assert started(tmp_path).count("worker-0") == 2
    assert started(tmp_path).count("chief-0") == 1
    [said] = account.sentences()
    assert said.startswith("worker 0 was killed (signal 9, SIGKILL)")


def test_who_ends_again_and_again_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="worker 0 of the training cluster ended again and again") as caught:
        trained(tmp_path, {"worker-0": ["die"], "chief-0": ["long"]}, max_restarts=2)
    assert str(caught.value.got).splitlines()[:2] == ["3 times; at last it ended with exit code 3", "no such thing"]
    assert caught.value.where == str(tmp_path / FOLDER / "worker-0.log")
    nothing_lives(tmp_path)


def test_a_new_checkpoint_makes_up_for_restarts(tmp_path: Path) -> None:
    trained(tmp_path, {"worker-0": [*["save and die"] * 3, "saved"], "chief-0": ["wait"]}, max_restarts=1)
    assert started(tmp_path).count("worker-0") == 4


def test_a_mistake_in_the_code_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(UserCodeError, match="no such layer"):
        trained(tmp_path, {"chief-0": ["tell"], "worker-0": ["long"]})
    assert started(tmp_path).count("chief-0") == 1
    nothing_lives(tmp_path)


@pytest.mark.slow  # by the clock: seconds
def test_a_cluster_that_does_not_form_says_why(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="The training cluster did not form") as caught:
        trained(tmp_path, {"chief-0": ["hang"], "worker-0": ["hang"]}, timeout_secs=1)
    assert "chief: waits for ps 0 at x:1: connection refused" in str(caught.value.got)
    nothing_lives(tmp_path)


@pytest.mark.slow  # by the clock: seconds
def test_a_chief_that_does_not_go_on_is_started_again(tmp_path: Path) -> None:
    # A server is lost, and the chief hangs in TensorFlow instead of going on with the new one.
    account = trained(
        tmp_path,
        {"ps-0": ["die later", "train"], "chief-0": ["long", "train"], "worker-0": ["long", "train"]},
        timeout_secs=1,
    )
    assert started(tmp_path).count("chief-0") == 2
    assert {str(loss.role) for loss in account.losses} == {"ps 0", "chief", "worker 0"}


def test_who_tells_nothing_is_ended_and_started_again_but_not_a_chief_that_is_at_something_long(tmp_path: Path) -> None:
    silent = ("ps-0", "worker-0", "evaluator-0")
    account = trained(tmp_path, {"chief-0": ["busy"], **{role: ["stop", "train"] for role in silent}}, timeout_secs=2)
    assert {role: started(tmp_path).count(role) for role in silent} == dict.fromkeys(silent, 2)
    assert started(tmp_path).count("chief-0") == 1
    assert {loss.role.file for loss in account.losses} == set(silent)
    why = re.compile(r" hung \(it told nothing for \d+ s\) and was ended at step 0")
    assert all(why.search(one) for one in account.sentences())
    nothing_lives(tmp_path)


def test_who_hangs_again_and_again_is_given_up_with_that_reason(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="chief of the training cluster ended before its time") as caught:
        trained(tmp_path, {"chief-0": ["stop"]}, timeout_secs=2, max_restarts=0)
    assert re.match(r"1 time; at last it hung \(it told nothing for \d+ s\) and was ended", str(caught.value.got))
    nothing_lives(tmp_path)


@pytest.mark.slow  # by the clock: seconds
def test_where_all_are_there_and_nobody_trains_the_servers_are_started_again_too(tmp_path: Path) -> None:
    how = {"chief-0": ["stuck", "train"], "worker-0": ["long", "train"]}
    account = trained(tmp_path, how, timeout_secs=1)
    assert {loss.role.file for loss in account.losses} == {"ps-0", "chief-0", "worker-0"}
    # A busy machine looks later than after that second.
    why = re.compile(r"was ended, since nobody had trained for \d+ s, at step 0")
    assert all(why.search(one) for one in account.sentences())


def test_what_an_attempt_has_lost_is_told_by_the_next_one(tmp_path: Path) -> None:
    with pytest.raises(UserCodeError):
        trained(tmp_path, {"chief-0": ["die later", "tell"], "worker-0": ["long"]})
    lost, began_again = trained(tmp_path, {}).sentences()
    assert lost == "chief was killed (signal 9, SIGKILL) at step 150"
    assert began_again == "all processes: an attempt was ended at step 150, the next one went on from step 200"


def test_an_attempt_that_was_killed_could_not_say_where(tmp_path: Path) -> None:
    account = Account(tmp_path)
    for step in (0, 100, 300):
        account.note("forming")
        account.note("at work", role="ps-0", step=None)
        account.note("at work", role="chief-0", step=step)
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"event": "los')  # the last word of a killed one
    assert account.sentences() == (
        "all processes: an attempt was ended, the next one went on from step 100",
        "all processes: an attempt was ended, the next one went on from step 300",
    )


@pytest.mark.slow  # by the clock: seconds
def test_no_orphan_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "pretend.py"
    program.write_text(
        PRETEND.replace(
            "import json",
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from components.cluster.member import PARENT, tie\nimport os\n"
            "tie(int(os.environ[PARENT]))\nimport json",
            1,
        )
    )
    text = (
        "import sys; from pathlib import Path; from components.cluster.member import fresh;"
        "from components.cluster.supervisor import supervise; from pipeline.config.model import Cluster;"
        f"folder = Path({str(tmp_path)!r});"
        f"supervise(Cluster(workers=2), folder, fresh([sys.executable, {str(program)!r}, str(folder),"
        """ '{"chief-0": ["long"], "worker-0": ["long"]}']))"""
    )
    process = subprocess.Popen([sys.executable, "-c", text], cwd=ROOT)
    events = tmp_path / FOLDER
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and sum(one["event"] == "at work" for one in read_events(events)) < 3:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert len(started(tmp_path)) == 4
    deadline = time.monotonic() + 5
    alive = {one["process"] for one in read_events(events) if one["event"] == "started"}
    while alive and time.monotonic() < deadline:
        alive = {one for one in alive if Path(f"/proc/{one}").exists()}
        time.sleep(0.02)
    assert not alive
