"""What is done in a run before it begins, and what another run's results are taken for: on a real metadata store."""

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.config import Problem, read_problem
from pipeline.errors import InfrastructureError, PipelineError
from pipeline.lineage.archive import open_archive
from pipeline.lineage.details import nodes
from pipeline.local.launching import ended_well, write_done
from pipeline.local.partial import Part
from pipeline.local.record import Job, read_done, read_result
from pipeline.local.taking import take
from pipeline.local.workspace import Workspace
from tests.pipeline.lineage.recorder import Recorder

pytestmark = pytest.mark.slow

ONE, TWO, THREE = "flats-20260101-100000", "flats-20260102-100000", "flats-20260103-100000"
NODES = ("ExampleGen", "ImportSchemaGen", "Transform", "Trainer")


@pytest.fixture(scope="module")
def problem() -> Problem:
    return read_problem(Path(__file__).parents[2] / "e2e" / "problem" / "flats")


@pytest.fixture
def writer(tmp_path: Path) -> Recorder:
    """Two runs: a whole one, and one whose Trainer failed. What they made is there."""
    made = Recorder(tmp_path)
    made.run(ONE)
    made.run(TWO, changed=("Transform", "Trainer", "Evaluator", "InfraValidator"), fails="Trainer")
    for artifact in made.store.get_artifacts():
        Path(artifact.uri).mkdir(parents=True, exist_ok=True)
    return made


def job(writer: Recorder, problem: Problem, run: str) -> Job:
    made = Job(run, problem, Workspace(writer.root), cache=True, part=Part(only="Evaluator"))
    made.result("x").parent.mkdir(parents=True, exist_ok=True)
    return made


def test_what_ended_well_is_told_by_the_metadata_alone(writer: Recorder, problem: Problem) -> None:
    two = job(writer, problem, TWO)
    assert set(ended_well(writer.store, TWO, "flats")) == {"ExampleGen", "ImportSchemaGen", "Transform"}
    two.result("Trainer").write_text('{"node": "Trainer"}')  # what an attempt wrote that came to nothing
    two.result("prepare").write_text("{}")
    write_done(writer.store, two)
    done = read_done(two, ["ExampleGen", "ImportSchemaGen", "Transform", "Trainer", "Evaluator"])
    assert {node: result.state for node, result in done.items()} == {
        **{"ExampleGen": "reused", "ImportSchemaGen": "reused"},
        **{"Transform": "ran"},
    }
    assert not two.result("Trainer").exists()
    assert not two.result("prepare").exists()
    [graph] = (done["Transform"].outputs or {})["transform_graph"]
    assert Path(graph["uri"]).is_dir()
    assert not ended_well(writer.store, "flats-of-another-day", "flats")


def test_what_a_node_said_of_itself_is_kept(writer: Recorder, problem: Problem) -> None:
    two = job(writer, problem, TWO)
    write_done(writer.store, two)
    file = two.result("Transform")
    file.write_text(file.read_text().replace('"why": "', '"why": "it said so; '))
    write_done(writer.store, two)
    assert read_result(file, 0).why.startswith("it said so; ")


def test_a_run_whose_results_are_gone_is_not_gone_on_with(writer: Recorder, problem: Problem) -> None:
    two = job(writer, problem, TWO)
    uris = [one.uri for one in writer.store.get_artifacts() if "/transform_graph/" in one.uri]
    Path(max(uris, key=lambda uri: int(Path(uri).name))).rmdir()
    with pytest.raises(InfrastructureError) as caught:
        write_done(writer.store, two)
    assert caught.value.headline == "What Transform made in this run is gone"
    assert (
        caught.value.hint
        == f"begin another run, which makes it again: python runner.py run {problem.folder} --workspace {writer.root}"
    )


def test_results_are_taken_from_one_run_that_has_them_all(writer: Recorder, problem: Problem) -> None:
    """Not some from the latest run and some from the one before: these need not fit together."""
    three = job(writer, problem, THREE)
    assert take(writer.store, three, NODES) == ONE
    taken, old = ended_well(writer.store, THREE, "flats"), ended_well(writer.store, ONE, "flats")
    assert set(taken) == set(NODES)
    for node in NODES:
        assert taken[node].last_known_state == mlmd.Execution.CACHED
        assert made_by(writer, taken[node].id) == made_by(writer, old[node].id)
    write_done(writer.store, three)
    assert {one.why for one in read_done(three, NODES).values()} == {f"as run {ONE} left it"}
    shown = {one.name: one for one in nodes(open_archive(writer.root), THREE)}
    assert {(one.state, one.made_in) for one in shown.values()} == {("reused", ONE)}


def test_what_is_taken_already_is_not_taken_again_and_the_rest_is_of_the_same_run(
    writer: Recorder, problem: Problem
) -> None:
    """A run of ``--only`` that is resumed, after another run has ended."""
    three = job(writer, problem, THREE)
    assert take(writer.store, three, NODES[:2]) == TWO
    writer.run("flats-20260103-120000", changed=("ExampleGen",))
    for artifact in writer.store.get_artifacts():
        Path(artifact.uri).mkdir(parents=True, exist_ok=True)
    executions = len(writer.store.get_executions())
    assert take(writer.store, three, NODES[:3]) == TWO
    assert len(writer.store.get_executions()) == executions + 1


def test_the_latest_run_is_taken_if_it_has_what_is_needed(writer: Recorder, problem: Problem) -> None:
    assert take(writer.store, job(writer, problem, THREE), NODES[:3]) == TWO


def test_another_problem_has_nothing_to_do_with_it(writer: Recorder, problem: Problem) -> None:
    writer.run("plants-20260104-100000", problem="plants")
    assert take(writer.store, job(writer, problem, THREE), NODES) == ONE


def test_where_no_run_has_all_the_error_says_how_to_make_them(writer: Recorder, problem: Problem) -> None:
    for artifact in writer.store.get_artifacts_by_type("Model"):
        Path(artifact.uri).rmdir()
    with pytest.raises(PipelineError) as caught:
        take(writer.store, job(writer, problem, THREE), NODES)
    error = caught.value
    assert error.headline == "No run has all the results that Evaluator needs"
    assert error.got == f"the latest run, {TWO}, has none of Trainer"
    assert error.where == "--only Evaluator"
    assert error.hint == f"make them: python runner.py run {problem.folder} --workspace {writer.root} --to Evaluator"
    assert not ended_well(writer.store, THREE, "flats")


def made_by(writer: Recorder, execution: int) -> set[tuple[int, int]]:
    events = writer.store.get_events_by_execution_ids([execution])
    return {(one.artifact_id, one.type) for one in events}
