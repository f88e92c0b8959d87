"""One node of a run whose earlier nodes are done, as far as nothing needs to be run: on a real metadata store."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.cli.display import Display
from pipeline.config import read_problem
from pipeline.errors import PipelineError, SettingsError
from pipeline.local.processes import Server
from pipeline.local.scheduled import Call, begin_run
from pipeline.local.single import Done, run_node
from pipeline.local.workspace import open_workspace
from tests.pipeline.lineage.recorder import Recorder

RUN = "flats.r1"
CHAIN = {
    **{"ExampleGen": (), "ImportSchemaGen": (), "Transform": ("ExampleGen", "ImportSchemaGen")},
    **{"Trainer": ("Transform", "ImportSchemaGen"), "Resolver": ("Trainer",)},
    **{"Evaluator": ("ExampleGen", "Trainer"), "InfraValidator": ("Trainer",), "Pusher": ("Evaluator",)},
}


class Half:
    """A run of which a node failed, as its scheduler sees it; what the others made is there."""

    def __init__(self, root: Path, fails: str | None) -> None:
        folder = Path(__file__).parents[2] / "e2e" / "problem" / "flats"
        self.workspace = open_workspace(root / "w")
        self.call = Call(read_problem(folder), CHAIN, "ExampleGen", RUN, self.workspace.root, root / "flats.json")
        self.job = begin_run(self.call, self.workspace, print)
        self.writer = Recorder(self.workspace.root)
        self.writer.run(RUN, fails=fails, record=False)
        for one in self.writer.store.get_artifacts():
            Path(one.uri).mkdir(parents=True, exist_ok=True)
        self.outcome = self.job.folder / "outcome.json"
        self.outcome.write_text(json.dumps({"error": {"headline": "it broke"}, "cancelled": False, "nodes": []}))

    def node(self, node: str) -> Done:
        return run_node(replace(self.call, node=node), Display())

    def made(self, kind: str) -> Any:
        [found] = self.writer.store.get_artifacts_by_type(kind)
        return found

    def refused(self, node: str) -> PipelineError:
        with pytest.raises(SettingsError) as caught:
            self.node(node)
        assert caught.value.exit_code == 2, "another attempt would come to the same"
        assert self.outcome.is_file(), "the run is as it was"
        return caught.value


@pytest.fixture
def half(tmp_path: Path) -> Half:
    return Half(tmp_path, "Trainer")


def test_a_done_node_whose_output_is_there_is_done(half: Half) -> None:
    done = half.node("Transform")
    assert (done.before, done.error, done.result.state) == (True, None, "ran")
    assert set(done.result.outputs or {}) == {"transform_graph", "transformed_examples"}


@pytest.mark.parametrize("node", ["Trainer", "Transform"])
@pytest.mark.parametrize("freed", [True, False])
def test_a_run_is_not_gone_on_with_when_what_it_made_is_gone(half: Half, node: str, freed: bool) -> None:
    graph = half.made("TransformGraph")
    if freed:
        graph.state = mlmd.Artifact.MARKED_FOR_DELETION
        half.writer.store.put_artifacts([graph])
    else:
        Path(graph.uri).rmdir()
    error = half.refused(node)
    assert error.headline == "What Transform made in this run is gone"
    assert error.got == f"{'freed by gc' if freed else 'no such file or folder'}: {graph.uri}"
    assert "begin another run" in str(error.hint)
    assert half.node("ExampleGen").before, "what that made is there"


def test_what_was_pushed_is_pushed(tmp_path: Path) -> None:
    """Whatever has become of it: to push it again would put an older model over a newer one."""
    whole = Half(tmp_path, None)
    shutil.rmtree(whole.made("PushedModel").uri)
    shutil.rmtree(whole.workspace.serving("flats"))
    assert whole.node("Pusher").before


@pytest.mark.slow
def test_the_folder_of_logs_is_made_again(half: Half) -> None:
    shutil.rmtree(half.workspace.logs(RUN))
    with Server(half.job, "Trainer"):
        assert half.job.log("server").is_file()
