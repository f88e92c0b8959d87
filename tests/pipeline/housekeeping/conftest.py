"""A workspace in which every artifact has its files, written without running anything, and gc on it."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.cli.main import main
from tests.pipeline.command_line import Ask, Said
from tests.pipeline.lineage.recorder import MODEL, Recorder, source

DAY = 86_400.0
FIRST = 1_767_260_000.0


@dataclass(frozen=True)
class Ground:
    """A workspace to free space in.

    Attributes:
        root: Its folder.
        writer: What writes runs into it.
    """

    root: Path
    writer: Recorder

    def run(self, number: int, *, problem: str = "flats", **given: Any) -> str:
        """Write a run of the day ``number``: new data and code, and so a new model, if nothing else is said."""
        name = f"{problem}-2026010{number}-100000"
        content = {"sources": [source("/data/rows.csv", f"v{number}")], "code": f"{MODEL}# {number}\n"}
        self.writer.run(name, problem=problem, started=FIRST + number * DAY, **{**content, **given})
        self.fill()
        return name

    def fill(self) -> None:
        """Give every artifact that has none a file of a thousand bytes."""
        for one in self.artifacts():
            if one.state == mlmd.Artifact.LIVE and one.uri.startswith(str(self.root)):
                file = Path(one.uri) / "bytes"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"0" * 1000)

    def artifacts(self) -> list[Any]:
        """All artifacts, as ML Metadata has them."""
        return sorted(self.store().get_artifacts(), key=lambda one: one.id)

    def store(self) -> MetadataStore:
        """Another client of the metadata."""
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.root / "metadata.db")
        config.sqlite.connection_mode = 3
        return MetadataStore(config)

    def live(self, kind: str) -> list[int]:
        """The numbers of the artifacts of a type that are not deleted, counted from 1; their files must be there."""
        found = []
        ours = [one for one in self.artifacts() if one.type == kind]
        for number, one in enumerate(ours, start=1):
            assert one.state in (mlmd.Artifact.LIVE, mlmd.Artifact.DELETED)
            assert Path(one.uri).exists() == (one.state == mlmd.Artifact.LIVE), one
            if one.state == mlmd.Artifact.LIVE:
                found.append(number)
        return found

    def size(self) -> int:
        """The bytes of all files but the database's."""
        files = [
            one for one in self.root.rglob("*") if one.is_file() and not one.name.startswith(("metadata", ".lock"))
        ]
        return sum(one.stat().st_size for one in files)

    def snapshot(self) -> tuple[dict[str, str], list[bytes]]:
        """All files but the database's and the lock, by content, and the artifacts with their times."""
        files = {
            str(one.relative_to(self.root)): hashlib.sha256(one.read_bytes()).hexdigest()
            for one in sorted(self.root.rglob("*"))
            if one.is_file() and not one.name.startswith(("metadata.db", ".lock"))
        }
        return files, [one.SerializeToString(deterministic=True) for one in self.artifacts()]


@contextmanager
def new_ground() -> Iterator[Ground]:
    """Make an empty workspace, where SQLite need not wait for a disk."""
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=shared, prefix="housekeeping-") as name:
        root = Path(name).resolve() / "workspace"
        yield Ground(root, Recorder(root))


@pytest.fixture
def ground() -> Iterator[Ground]:
    """An empty workspace of a test's own."""
    with new_ground() as made:
        yield made


@pytest.fixture
def ask(ground: Ground, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Give a command to the command line, on the workspace."""

    def given(*arguments: str) -> Said:
        code = main([*arguments, "--workspace", str(ground.root)])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return given


@pytest.fixture
def gc(ask: Ask) -> Callable[..., Any]:
    """Give ``gc --json``; return what it said."""

    def given(*arguments: str) -> Any:
        said = ask("gc", *arguments, "--json")
        assert said.code == 0, said
        return said.json

    return given
