"""A workspace of two problems and seven runs, written without running anything, and the command line on it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.pipeline.command_line import Ask, Said
from tests.pipeline.lineage.recorder import MODEL, Recorder, settings, source

BETTER = MODEL.replace("None", "spec") + "# better\n"
FROM_TRAINING = ("Trainer", "Evaluator", "InfraValidator")
SLICES = {"district=Hill": 90.0, "district=Harbour": 110.0}
DAY = 86_400.0
FIRST = 1_767_260_000.0  # when the first run started


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is quick to write databases to: SQLite waits for the disk at every execution."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path_factory.mktemp("lineage")
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="lineage-") as name:
        yield Path(name)


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    """A folder of a test's own, likewise."""
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def workspace(memory: Path) -> Path:
    """What seven runs left.

    ========================  =======================================================================
    flats-20260101-100000     the first: version 1
    flats-20260102-100000     changed data: version 2
    flats-20260103-100000     changed code and setting, a model that does without the rooms: version 3
    flats-20260104-100000     a worse model, by another library: not blessed
    flats-20260105-100000     the Trainer fails
    plants-weekly             another problem, by an orchestrator, without a record: version 1
    flats-20260106-100000     killed while it ran
    ========================  =======================================================================
    """
    root = memory / "workspace"
    writer = Recorder(root)
    data = [source("/data/rows.csv", "v2", 330)]
    steps = settings(train_steps=30)
    writer.run("flats-20260101-100000", value=100, slices=SLICES, started=FIRST)
    slices = {name: value + 9 for name, value in SLICES.items()}
    writer.run("flats-20260102-100000", sources=data, value=120, slices=slices, started=FIRST + DAY)
    writer.run(
        "flats-20260103-100000",
        changed=FROM_TRAINING,
        sources=data,
        code=BETTER,
        value=90,
        slices=SLICES,
        given=steps,
        used=("area", "district"),
        started=FIRST + 2 * DAY,
    )
    writer.run(
        "flats-20260104-100000",
        changed=FROM_TRAINING,
        sources=data,
        code=BETTER,
        value=2000,
        given=steps,
        libraries={"tensorflow": "2.16.2", "tfx": "1.16.1"},
        started=FIRST + 3 * DAY,
    )
    writer.run("flats-20260105-100000", changed=FROM_TRAINING, sources=data, fails="Trainer", started=FIRST + 4 * DAY)
    plants = [source("/data/span-7/a.parquet", "p1", 100), source("/data/span-7/b.parquet", "p2", 50)]
    writer.run("plants-weekly", problem="plants", sources=plants, span=7, record=False, value=50)
    writer.run("flats-20260106-100000", changed=FROM_TRAINING, sources=data, running=True, started=FIRST + 5 * DAY)
    return root


@pytest.fixture
def ask(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Give a command to the command line, on the workspace if no other is named."""

    def given(*arguments: str) -> Said:
        more = () if "--workspace" in arguments else ("--workspace", str(workspace))
        code = main([*arguments, *more])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return given


@pytest.fixture
def refused(ask: Ask) -> Callable[..., str]:
    """Give a command that must be refused with exit code 2 and a hint; return what was said."""

    def given(*arguments: str) -> str:
        said = ask(*arguments)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("Error: ")
        assert "\n  next:     " in said.err
        assert "Traceback" not in said.err
        return said.err

    return given
