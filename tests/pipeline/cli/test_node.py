"""What `node` refuses before anything is begun or loaded, and what it makes of a compiled pipeline."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.cli.node import call_of, changed_since
from pipeline.config import read_problem
from pipeline.config.nodes import chain
from pipeline.errors import SettingsError
from pipeline.orchestrators.compiled import Compiled, CompiledNode

FLATS = Path(__file__).parents[2] / "e2e" / "problem" / "flats"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flats.json"


@pytest.fixture
def made(tmp_path: Path, file: Path) -> Compiled:
    """What compiling comes to, but for TFX's part of it."""
    problem = read_problem(FLATS, [], str(tmp_path / "rows.csv"))
    found = Compiled(
        problem="flats",
        folder=str(FLATS),
        workspace=str(tmp_path / "w"),
        pipeline_root=str(tmp_path / "w" / "artifacts" / "flats"),
        serving=str(tmp_path / "w" / "serving" / "flats"),
        metadata_url=None,
        given=("--data", str(tmp_path / "rows.csv")),
        settings=problem.settings.model_dump(mode="json", by_alias=True),
        nodes=tuple(CompiledNode(node, "", needs, True, "") for node, needs in chain(problem.settings).items()),
        ir={},
    )
    found.write(file)
    return found


def test_the_settings_are_the_files_own_and_those_of_the_run(made: Compiled, file: Path, tmp_path: Path) -> None:
    call = call_of(made, file, "trainer", "flats.1", overrides=["training.train_steps=7", "data.path=/other/*.csv"])
    assert call.node == "Trainer"
    assert call.problem.settings.training.train_steps == 7
    assert call.problem.settings.data.path == "/other/*.csv"
    assert call.given == ("--data", "/other/*.csv", "--set", "training.train_steps=7")
    assert (call.workspace, call.pushed_to) == (tmp_path / "w", None)
    plain = call_of(made, file, "Trainer", "flats.1")
    assert plain.given == ("--data", str(tmp_path / "rows.csv"))
    assert plain.problem.settings == read_problem(FLATS, [], str(tmp_path / "rows.csv")).settings
    elsewhere = call_of(replace(made, serving="/serving/flats"), file, "Trainer", "flats.1", workspace=Path("/v"))
    assert (elsewhere.workspace, elsewhere.pushed_to) == (Path("/v"), "/serving/flats")


def test_settings_that_changed_since_are_told(made: Compiled, file: Path, tmp_path: Path) -> None:
    assert changed_since(made, file) is None
    folder = shutil.copytree(FLATS, tmp_path / "flats")
    moved = replace(made, folder=str(folder), given=(*made.given, "--set", "training.seed=7"))
    told = changed_since(moved, file)
    assert told is not None
    assert told.startswith("training in ")
    settings = folder / "pipeline.toml"
    settings.write_text(settings.read_text() + "\n[nonsense]\n")
    assert "are no longer valid (One mistake in the settings of flats)" in str(changed_since(moved, file))


def test_artifacts_go_to_where_it_was_compiled_to(made: Compiled, file: Path) -> None:
    assert call_of(made, file, "Trainer", "flats.1").kept_in is None
    assert call_of(replace(made, pipeline_root="/mnt/v/flats"), file, "Trainer", "flats.1").kept_in == "/mnt/v/flats"


def refused(made: Compiled, file: Path, *more: str, node: str = "Trainer", run: str = "flats.1") -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        call_of(made, file, node, run, overrides=more)
    return caught.value


def test_what_makes_no_sense_is_refused_in_words(made: Compiled, file: Path) -> None:
    assert refused(made, file, node="Trainr").hint == "did you mean Trainer?"
    assert refused(made, file, run="a/b").where == "--run"
    for run in ("last", "last-0", "last-12"):
        assert "A run cannot have this name" in refused(made, file, run=run).headline
    for run in ("last-time", "lasting", "flats.last", "last-1.flats"):
        assert call_of(made, file, "Trainer", run).run == run
    another = refused(made, file, "tuning.use=latest")
    assert another.headline == "These settings make another chain than the compiled one"
    assert another.hint == "compile the pipeline with these settings"
    [mistake] = refused(made, file, "training.train_stepz=7").parts
    assert mistake.hint == "did you mean training.train_steps?"
    assert mistake.where == "--set training.train_stepz=7"
    gone = refused(replace(made, folder="/no/such/folder"), file)
    assert gone.headline == "The folder of the problem is not on this machine"
    older = refused(replace(made, settings={**made.settings, "label": 3}), file)
    assert older.headline == "The compiled pipeline was made by another version of this project"
    root = refused(replace(made, pipeline_root="gs://bucket"), file)
    assert "--pipeline-root is no folder" in root.headline


def test_nothing_is_begun_for_a_node_whose_inputs_cannot_be_there(
    made: Compiled, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", "Trainer", "--run", "flats.1", "--pipeline", str(file)]) == 2
    said = capsys.readouterr().err
    assert "Trainer cannot run yet: what it waits for has not ended well in this run" in said
    assert "Transform: not started" in said
    assert not Path(made.workspace).exists()
    assert main(["node", "ExampleGen", "--run", "flats.1", "--pipeline", str(file)]) == 3
    assert "rows.csv" in capsys.readouterr().err, "the data is not there"
    assert not Path(made.workspace).exists()
    assert main(["node", "ExampleGen", "--run", "flats.1", "--pipeline", str(tmp_path / "none.json")]) == 2
    assert "There is no compiled pipeline here" in capsys.readouterr().err
