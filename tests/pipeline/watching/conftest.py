"""A workspace with trainings as the Trainer leaves them, written without TensorFlow."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.pipeline.lineage.recorder import Recorder


@dataclass(frozen=True)
class Trained:
    """A workspace to write trainings into.

    Attributes:
        root: Its folder.
        writer: What writes its metadata.
        searches: The execution of the search of each run that has one.
    """

    root: Path
    writer: Recorder
    searches: dict[str, int] = field(default_factory=dict)

    def training(self, run: str, problem: str = "flats", *, ended: bool = True) -> Path:
        """Write a training of a run, which has ended or goes on; return the folder of its summaries."""
        state = "ran" if ended else "running"
        number = self.writer.execution((run, problem, "Trainer"), state, {}, [], [])
        node = self.root / "artifacts" / problem / "Trainer"
        model_run = node / "model_run" / str(number)
        model_run.mkdir(parents=True)
        folder = node / ".checkpoints" / f"key{number}"
        folder.mkdir(parents=True)
        (folder / "attempt.json").write_text(json.dumps({"model_run": str(model_run)}))
        self.write(folder, {"training/learning_rate": 0.1, "loss": 1.5}, 1)
        self.write(folder / "eval", {"loss": 1.25}, 1)
        return self.end(folder) if ended else folder

    def trial(self, number: int, *, run: str | None, study: str = "aaaabbbbccccdddd", problem: str = "flats") -> Path:
        """Write a trial of a search, begun by a run if one is named; return the folder of its summaries."""
        folder = self.root / "artifacts" / problem / "Tuner" / ".studies" / study / "trials" / f"{number:05d}"
        model = folder / "model"
        model.mkdir(parents=True)
        told = {"problem": problem}
        if run is not None:
            if run not in self.searches:
                self.searches[run] = self.writer.execution((run, problem, "Tuner"), "ran", {}, [], [])
            told["execution"] = str(self.searches[run])
        (folder / "request.json").write_text(json.dumps(told))
        self.write(model, {"loss": 1.5}, 1)
        self.write(model / "eval", {"loss": 1.25}, 1)
        return model

    def end(self, folder: Path) -> Path:
        """End a training, as the Trainer does: its files are linked into the artifact."""
        model_run = Path(json.loads((folder / "attempt.json").read_text())["model_run"])
        for file in folder.rglob("events.*"):
            target = model_run / file.relative_to(folder)
            target.parent.mkdir(exist_ok=True)
            target.hardlink_to(file)
        (folder / "done.json").write_text("{}")
        return model_run

    @staticmethod
    def write(folder: Path, scalars: dict[str, float], step: int) -> None:
        """Add scalars to a training's summaries."""
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(exist_ok=True)
        values = [summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        event = event_pb2.Event(wall_time=1e9 + step, step=step, summary=summary_pb2.Summary(value=values))
        with (folder / "events.out.tfevents.1000000000.test").open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    """A workspace in which two problems were trained."""
    root = tmp_path / "workspace"
    trained = Trained(root, Recorder(root))
    trained.training("flats-20260101-100000")
    trained.training("plants-20260102-100000", "plants")
    return trained
