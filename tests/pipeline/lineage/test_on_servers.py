"""The questions are answered from a database on a server as they are from SQLite."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.metadata.address import PASSWORD_VARIABLE
from pipeline.metadata.choosing import choose
from tests.pipeline.lineage.recorder import Recorder, source
from tests.servers import SECRET, DatabaseServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
COMMANDS = ("show last", "lineage model", "runs --all", "diff", "serving", "lineage data rows.csv")
# When the records were written, and hashes of what holds the place.
_OTHER = re.compile(r"\d\d:\d\d:\d\d|\b[0-9a-f]{12,}\b")
# Two runs, of which the second read other rows.
RUNS = ("flats-20260101-100000", "flats-20260102-100000")


def record(root: Path) -> None:
    writer = Recorder(root)
    for number, name in enumerate(RUNS):
        data = [source("/data/rows.csv", f"v{number}")]
        writer.run(name, sources=data, value=100.0 - number, bound=114.0, started=1.7671e9 + 3600 * number)


def ask(root: Path, command: list[str], secret: str | None = SECRET) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    if secret is not None:
        environment[PASSWORD_VARIABLE] = secret
    return subprocess.run(
        [sys.executable, "runner.py", *command, "--workspace", str(root)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sqlite-")  # a name as long as the others, for columns as wide
    record(root)
    return root


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    server: DatabaseServer = request.getfixturevalue(request.param)
    place = tmp_path_factory.mktemp(request.param[:7])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSWORD_VARIABLE, SECRET)
        choose(place, server.create())
        record(place)
    assert not (place / "metadata.db").exists()
    return place


@pytest.fixture(scope="module")
def told(sqlite: Path) -> dict[str, list[str]]:
    """What is told of SQLite."""
    return {command: lines(ask(sqlite, command.split()), sqlite) for command in COMMANDS}


def lines(done: "subprocess.CompletedProcess[str]", root: Path) -> list[str]:
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    return _OTHER.sub("…", done.stdout.replace(str(root), "workspace")).splitlines()


def test_the_same_answers(root: Path, told: dict[str, list[str]]) -> None:
    spent = []
    for command in COMMANDS if "postgre" in root.name else COMMANDS[:2]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = ask(root, command.split())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert lines(done, root) == told[command], command
    assert min(spent) < 1.0, spent


def test_no_password_and_no_store(root: Path) -> None:
    for secret in (None, "wrong"):
        done = ask(root, ["runs"], secret)
        assert (done.returncode, done.stdout) == (1, ""), done.stdout
        assert done.stderr.startswith("Error: The metadata store does not let pipeline in\n  where:    "), done.stderr
        assert PASSWORD_VARIABLE in done.stderr
        assert "Traceback" not in done.stderr
        assert "metadata_source.cc" not in done.stderr
