"""A run whose nodes are started one by one: copies at once, SIGKILL and again, and mixed with the commands of here.

One run serves for most of it. What a real scheduler makes of the same commands is in the tests of each.
"""

import json
import re
from pathlib import Path

import pytest

from pipeline.metadata.address import PASSWORD_VARIABLE
from tests.crash.whole import no_process_lives_on, nothing_is_left
from tests.e2e.scheduled import Scheduled, compiled, kill
from tests.e2e.site import FROM_TRAINING, until
from tests.servers import SECRET, TOKEN, DatabaseServer

pytestmark = pytest.mark.slow

RUN = "flats.r1"


def states(made: Scheduled, run: str = RUN) -> dict[str, tuple[str, int]]:
    """For each node of a run its state and how often it was tried."""
    return {one["name"]: (one["state"], one["attempts"]) for one in made.ask("show", run)["nodes"]}


def test_from_the_first_node_to_a_pushed_model(tmp_path: Path) -> None:
    root = tmp_path / "volume" / "flats"
    made = compiled(tmp_path, "--pipeline-root", str(root))
    early = made.node("Trainer")
    assert early.code == 2
    assert "Trainer cannot run yet" in early.stderr
    assert not made.site.workspace.exists(), "nothing has begun"

    # Both nodes that wait for nothing at once, one of them twice: one begins the run, one runs each node.
    first = [made.start("ExampleGen", "--json"), made.start("ExampleGen", "--json"), made.start("ImportSchemaGen")]
    ended = [made.wait(one) for one in first]
    assert [one.code for one in ended] == [0, 0, 0], "\n".join(one.text for one in ended)
    told = sorted((one.json for one in ended[:2]), key=lambda one: bool(one["before"]))
    assert [one["before"] for one in told] == [False, True]
    assert {one["execution"] for one in told} == {told[0]["execution"]}
    assert re.search(
        rf"waiting: ExampleGen of run {RUN} is under way in process \d+ on ", "".join(e.stderr for e in ended)
    )
    assert states(made) == {"ExampleGen": ("ran", 1), "ImportSchemaGen": ("ran", 1)}
    [run] = made.ask("runs")
    assert (run["run"], run["state"], run["problem"]) == (RUN, "waiting", "flats")

    other = made.node("StatisticsGen", "--set", "data.minimum_rows=5")
    assert other.code == 2
    assert f"The run {RUN} began with other settings" in other.stderr

    killed = made.start("Transform")
    half = root / "Transform" / "transform_graph"
    until(lambda: list(half.glob("*")), killed)
    [run] = made.ask("runs")
    assert run["state"] == "running"
    kill(killed)
    no_process_lives_on(made.site.workspace)
    assert states(made)["Transform"] == ("stopped", 1)
    again = made.node("Transform", "--json")
    assert again.code == 0, again.text
    assert again.json["state"] == "ran"
    assert states(made)["Transform"] == ("ran", 2)
    assert [one.name for one in half.iterdir()] == [str(again.json["execution"])], "what was half made is gone"
    assert "===== another attempt" in Path(again.json["log"]).read_text()

    # Whoever sits at this machine goes on with the same run.
    resumed = made.runner("resume", RUN, "--json", "--workspace", str(made.site.workspace))
    assert resumed.code == 0, resumed.text
    assert {node: resumed.states()[node] for node in ("ExampleGen", "Transform", *FROM_TRAINING)} == dict.fromkeys(
        ("ExampleGen", "Transform", *FROM_TRAINING), "ran"
    )
    assert made.site.versions() == [1]
    late = made.node("Pusher")
    assert late.code == 0, late.text
    assert "Pusher ended well in this run before (ran): nothing to do" in late.stderr
    assert made.site.versions() == [1]
    nothing_is_left(made.site.workspace)

    [run] = made.ask("runs")
    assert (run["state"], run["version"], run["pushed"], run["resumed"]) == ("done", 1, True, 1)
    assert made.ask("lineage", "model")["nodes"]
    assert {"ExampleGen", "Trainer", "Pusher"} <= {one.name for one in root.iterdir()}
    assert list((made.site.workspace / "artifacts").iterdir()) == []


@pytest.mark.soak
def test_a_run_that_began_here_goes_on_under_a_scheduler(tmp_path: Path) -> None:
    """And another one is compared with it."""
    made = compiled(tmp_path)
    one = made.site.start("--json")
    trained = made.site.workspace / "artifacts" / "flats" / "Trainer"
    until(lambda: list(trained.glob("model/*")), one)
    kill(one)
    no_process_lives_on(made.site.workspace)
    [folder] = (made.site.workspace / "runs").iterdir()
    for node in made.chain():
        ended = made.node(node, "--json", run=folder.name)
        assert ended.code == 0, ended.text
    [run] = made.ask("runs")
    assert (run["state"], run["version"]) == ("done", 1)
    assert states(made, folder.name)["Trainer"] == ("ran", 2)
    other = made.node("ExampleGen", "--set", "training.train_steps=21", run=folder.name)
    assert other.code == 2
    assert "training" in other.stderr
    for node in made.chain():
        ended = made.node(node, "--json", "--set", "training.train_steps=21", run="flats.second")
        assert ended.code == 0, ended.text
    told = made.ask("diff", folder.name, "flats.second")
    assert "training.train_steps" in json.dumps(told["settings"])
    assert made.site.versions() == [1, 2]
    nothing_is_left(made.site.workspace)


@pytest.mark.soak
def test_what_a_task_tells_its_scheduler(tmp_path: Path) -> None:
    """Ended by SIGTERM, data refused, then mended, and a model that is not blessed."""
    metrics = 'evaluation.metrics=[{name = "mean_absolute_error", upper_bound = 0.001}]'
    made = compiled(tmp_path, "--set", metrics)
    ended = made.start("ExampleGen")
    until(lambda: list((made.site.workspace / "runs").glob("*/job.json")), ended)
    ended.terminate()
    told = made.wait(ended)
    assert told.code == 143, told.text
    assert "ExampleGen was ended by SIGTERM" in told.stderr
    [run] = made.ask("runs")
    assert run["state"] == "cancelled"

    good = made.site.data.read_text()
    made.site.data.write_text(good + "1,2,3\n")
    refused = made.node("ExampleGen", "--json")
    assert refused.code == 3, refused.text
    assert (refused.json["state"], refused.json["exit_code"]) == ("failed", 3)
    [run] = made.ask("runs")
    assert run["state"] == "failed"
    early = made.node("StatisticsGen")
    assert early.code == 2
    assert "ExampleGen: failed" in early.stderr
    made.site.data.write_text(good)

    chain = list(made.chain())
    for node in chain[:-1]:
        assert made.node(node).code == 0
        assert made.ask("runs")[0]["state"] == "waiting"
    for before in (False, True):
        pusher = made.node("Pusher", "--json")
        assert (pusher.code, pusher.json["before"]) == (5, before), pusher.text
        assert "The model was not blessed; nothing was pushed" in pusher.json["error"]["headline"]
    [run] = made.ask("runs")
    assert (run["state"], run["blessed"], run["version"]) == ("done", False, None)
    assert made.site.served() == {}


@pytest.mark.soak
def test_on_postgresql(tmp_path: Path, postgresql: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines, which have no locks of files in common: here two copies of each task, at once."""
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    address = postgresql.create()
    made = compiled(tmp_path, "--metadata-url", address.url)
    assert TOKEN not in made.file.read_text()
    for node in made.chain():
        copies = [made.wait(one) for one in (made.start(node, "--json"), made.start(node, "--json"))]
        assert [one.code for one in copies] == [0, 0], "\n".join(one.text for one in copies)
        assert sorted(one.json["before"] for one in copies) == [False, True]
        assert len({one.json["execution"] for one in copies}) == 1
    assert {state for state, _ in states(made).items()} == set(made.chain())
    assert {tries for _, tries in states(made).values()} == {1}
    [run] = made.ask("runs")
    assert (run["state"], run["version"]) == ("done", 1)
    texts = {str(file): file.read_bytes() for file in made.site.workspace.rglob("*") if file.is_file()}
    texts["database"] = postgresql.dump(address).encode()
    assert not {name for name, text in texts.items() if TOKEN.encode() in text}
