"""Two cold runs of one problem at once in one new workspace, on SQLite and on PostgreSQL: both end well, once made."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.lineage.archive import open_archive
from pipeline.metadata.address import PASSWORD_VARIABLE
from tests.e2e.site import Ended, Site, processes_of, until
from tests.servers import SECRET, TOKEN, DatabaseServer

pytestmark = pytest.mark.slow


def at_once(ground: Site, root: Path, *more: str) -> tuple[Site, Ended, Ended]:
    """Start a run, and another one as soon as the first has a name."""
    site = Site(ground.problem, ground.data, root / "workspace")
    one = site.start("--json", *more)
    until(lambda: list(site.workspace.glob("runs/*")), one)
    other = site.start("--json", *more)
    return site, site.wait(one, {}), site.wait(other, {})


def made_once(site: Site, one: Ended, other: Ended) -> None:
    assert (one.code, other.code) == (0, 0), one.text + other.text
    assert site.versions() == [1]
    pairs = {node: sorted((state, other.states()[node])) for node, state in one.states().items()}
    never = {"Resolver", "Pusher"}  # never reused
    assert {tuple(states) for node, states in pairs.items() if node not in never} == {("ran", "reused")}, pairs
    assert {ended.json["pushed"]["version"] for ended in (one, other)} == {1}
    assert {ended.json["pushed"]["new"] for ended in (one, other)} == {True, False}
    # Who came second to a node waited for it, and said so.
    runs = {ended.json["run"] for ended in (one, other)}
    said = [
        json.loads(line).get("note", "")
        for file in site.workspace.glob("runs/*/events/*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert {one for one in said if one.endswith(" to finish Trainer")} & {
        f"waiting for {run} to finish Trainer" for run in runs
    }
    assert [one for one in said if one.startswith("waited ")], "it is not told that the waiting is over"
    archive = open_archive(site.workspace)
    states = {found.state for run in runs for found in archive.store.executions_of_run(run)}
    assert states == {"ran", "reused"}
    assert processes_of(site.workspace) == []


def test_on_sqlite(ground: Site, tmp_path: Path) -> None:
    made_once(*at_once(ground, tmp_path))


def test_on_postgresql(
    ground: Site, tmp_path: Path, postgresql: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the password is nowhere that outlives the runs: not in a file of the workspace, nor in the database."""
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    address = postgresql.create()
    problem = tmp_path / "flats"
    shutil.copytree(ground.problem, problem)
    # The problem's own code finds no password, and asks the libraries for all that they can tell.
    with (problem / "model.py").open("a") as file:
        file.write(
            "\nimport os\nimport absl.logging\nabsl.logging.set_verbosity(absl.logging.DEBUG)\n"
            f"assert {PASSWORD_VARIABLE!r} not in os.environ\n"
        )
    asked = Site(problem, ground.data, tmp_path / "unused")
    site, one, other = at_once(asked, tmp_path, "--set", f"metadata.url={address.url}")
    made_once(site, one, other)
    assert not (site.workspace / "metadata.db").exists()

    texts = {str(file): file.read_bytes() for file in site.workspace.rglob("*") if file.is_file()}
    texts |= {"stdout and stderr": (one.text + other.text).encode(), "database": postgresql.dump(address).encode()}
    assert len(texts["database"]) > 10_000
    assert not {name for name, text in texts.items() if TOKEN.encode() in text}
    asked_again = site.run("--json", "--set", "metadata.url=postgresql://pipeline@127.0.0.1:1/other")
    assert asked_again.code == 2
    assert "This workspace keeps its metadata in another store" in asked_again.text
