"""A workspace that lies in another place than where it was made: nothing of it may be taken for left over."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.housekeeping.plan import make_plan
from pipeline.lineage.archive import open_archive
from pipeline.metadata.origin import elsewhere, note
from tests.pipeline.command_line import Said
from tests.pipeline.housekeeping.conftest import Ground

Give = Callable[..., Said]
FREED = ("gc", "--keep-runs", "1")


@pytest.fixture
def give(capsys: pytest.CaptureFixture[str]) -> Give:
    """Give a command to the command line, on a workspace of its own."""

    def given(root: Path, *arguments: str) -> Said:
        code = main([*arguments, "--workspace", str(root)])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return given


@pytest.fixture
def two(ground: Ground) -> Ground:
    """Two runs, the first of which is to be freed."""
    ground.run(1, value=2000)
    ground.run(2)
    return ground


@contextmanager
def bound(source: Path, place: Path) -> Iterator[None]:
    """Mount a folder at a second place; skip the test where that is not allowed."""
    place.mkdir()
    done = subprocess.run(["mount", "--bind", str(source), str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"may not mount here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def files(root: Path) -> dict[str, bytes]:
    """All files but SQLite's own, by content."""
    found = [one for one in root.rglob("*") if one.is_file() and not one.name.startswith("metadata.db")]
    return {str(one.relative_to(root)): one.read_bytes() for one in found}


@pytest.mark.parametrize("told", ["noted", "by the runs", "by the artifacts"])
def test_nothing_is_freed_in_one_that_was_moved(two: Ground, give: Give, told: str) -> None:
    if told == "noted":
        note(two.root)
    if told != "by the runs":
        for file in two.root.glob("runs/*/job.json"):
            file.unlink()
    place = two.root.rename(two.root.with_name("moved here"))
    before = files(place)
    for more in ((), ("--dry-run",)):
        said = give(place, *FREED, *more)
        assert (said.code, said.out) == (2, "")
        assert said.err.splitlines() == [
            "Error: This workspace was made in another place, where its metadata looks for its files",
            f"  got:      {place}",
            f"  expected: {two.root}",
            f"  next:     move it back, or make a link where it was: ln -sfn '{place}' {two.root};"
            " or name a new folder with --workspace; nothing was freed",
        ]
    assert give(place, *FREED, "--json").json["error"]["exit_code"] == 2
    assert files(place) == before
    two.root.symlink_to(place)
    assert give(place, *FREED).out.startswith("freed ")
    assert two.live("Model") == [2]


def test_a_copy_frees_nothing_and_names_the_one_that_it_is_a_copy_of(two: Ground, give: Give) -> None:
    copy = Path(shutil.copytree(two.root, two.root.with_name("copy")))
    before = files(two.root), files(copy)
    said = give(copy, *FREED)
    assert said.code == 2
    assert f"next:     work in the one at {two.root}, or name a new folder with --workspace" in said.err
    assert (files(two.root), files(copy)) == before
    assert give(two.root, *FREED).code == 0


def test_one_that_is_mounted_twice_is_freed_by_the_path_that_it_was_made_at(two: Ground, give: Give) -> None:
    before = files(two.root)
    with bound(two.root, two.root.with_name("mounted")):
        said = give(two.root.with_name("mounted"), *FREED)
    assert said.code == 2
    assert f"next:     this is the same folder, so name it as then: --workspace {two.root}; nothing was" in said.err
    assert files(two.root) == before


def test_what_a_node_finished_is_never_half_made(two: Ground) -> None:
    """Even where nobody saw that the workspace was moved."""
    place = two.root.rename(two.root.with_name("moved"))
    done = len([one for one in place.glob("artifacts/*/*/*/*") if one.is_dir()])
    plan = make_plan(open_archive(place), 1)
    assert {one.what for one in plan.items} == {"logs"}
    assert done > 10
    assert any("no artifact of this metadata store names" in one for one in plan.left), plan.left


def test_questions_are_answered_with_a_word(two: Ground, give: Give) -> None:
    place = two.root.rename(two.root.with_name("moved"))
    word = f"note: this workspace was made at {two.root}; paths are those of then\n"
    for command in (("runs",), ("show",), ("diff",), ("serving",), ("why", "Trainer"), ("lineage", "model")):
        said = give(place, *command, "--json")
        assert (said.code, said.err) == (0, word), command
        assert said.json
    place.rename(two.root)
    assert give(two.root, "runs").err == ""


@pytest.mark.parametrize("command", [("run", "housing"), ("resume",)])
def test_nothing_runs_in_one_that_was_moved(two: Ground, give: Give, command: tuple[str, ...]) -> None:
    place = two.root.rename(two.root.with_name("moved"))
    before = files(place)
    said = give(place, *command)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: This workspace was made in another place")
    assert said.err.endswith("; nothing was changed\n")
    assert files(place) == before


def test_an_older_one_that_was_moved_and_used_since_is_at_home_where_it_was_used_last(two: Ground) -> None:
    place = two.root.rename(two.root.with_name("moved"))
    assert elsewhere(place) == two.root
    file = place / "runs" / "flats-20260102-100000" / "job.json"
    file.write_text(file.read_text().replace(f'"{two.root}"', f'"{place}"'))
    assert elsewhere(place) is None
    note(place)
    assert json.loads((place / "workspace.json").read_text()) == {"root": str(place)}
