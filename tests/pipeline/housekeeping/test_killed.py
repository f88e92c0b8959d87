"""gc is killed wherever it may be: no run can take what is left for whole, and the next gc ends the work."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.housekeeping.plan import make_plan
from pipeline.lineage.archive import open_archive
from tests.pipeline.command_line import Ask
from tests.pipeline.housekeeping.conftest import Ground

pytestmark = pytest.mark.slow  # a process for each of these

ROOT = Path(__file__).parents[3]

# The real command, but that it kills itself at a call of one of the functions that change something.
_COMMAND = """
import os, signal, sys
from pipeline.cli.main import main
from pipeline.housekeeping import freeing, marks
target, name, calls, halfway = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "halfway"
owner = {"put": marks.Marks, "remove": freeing}[name]
real, left = getattr(owner, name), [calls]
def counted(*given):
    left[0] -= 1
    if left[0] == 0:
        if halfway and name == "remove":
            next(one for one in given[1].rglob("*") if one.is_file()).unlink()
        elif halfway:
            real(given[0], given[1][: len(given[1]) // 2], given[2])
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given)
setattr(owner, name, counted)
freeing._SETTLE = 4
sys.exit(main(["gc", "--keep-runs", "1", "--workspace", target]))
"""


@pytest.mark.parametrize(
    ("name", "calls", "when"),
    [
        ("put", 1, "before"),
        ("put", 1, "halfway"),
        ("remove", 1, "before"),
        ("remove", 1, "halfway"),
        ("remove", 6, "halfway"),
        ("put", 2, "before"),
        ("put", 2, "halfway"),
        ("put", 4, "before"),
        ("remove", 12, "halfway"),
    ],
)
def test_killed_anywhere(ground: Ground, ask: Ask, name: str, calls: int, when: str) -> None:
    for number in (1, 2, 3):
        ground.run(number)
    for version in (1, 2):
        shutil.rmtree(ground.root / "serving" / "flats" / str(version))
    planned = make_plan(open_archive(ground.root), 1)
    going = {one.artifact for one in planned.items if one.artifact}
    assert len(going) == 11

    command = [sys.executable, "-c", _COMMAND, str(ground.root), name, str(calls), when]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr + killed.stdout
    for one in ground.artifacts():
        whole = (Path(one.uri) / "bytes").is_file()
        assert whole or one.state != mlmd.Artifact.LIVE, "a run could be handed what is gone"
        assert one.id in going or one.state == mlmd.Artifact.LIVE
        assert not (whole and one.state == mlmd.Artifact.DELETED), "nobody would ever remove it"

    # The next gc keeps five runs: it ends what was begun, and takes no more.
    marked = {one.id for one in ground.artifacts() if one.state == mlmd.Artifact.MARKED_FOR_DELETION}
    gone = {one.id for one in ground.artifacts() if one.state == mlmd.Artifact.DELETED}
    said = ask("gc", "--json")
    assert said.code == 0
    assert set(said.json["artifacts"]) == marked
    assert {one.id for one in ground.artifacts() if one.state == mlmd.Artifact.DELETED} == marked | gone
    for one in ground.artifacts():
        assert one.state in (mlmd.Artifact.LIVE, mlmd.Artifact.DELETED)
        assert Path(one.uri).exists() == (one.state == mlmd.Artifact.LIVE)
    assert ask("gc", "--keep-runs", "1").code == 0
    assert {one.id for one in ground.artifacts() if one.state == mlmd.Artifact.DELETED} == going
