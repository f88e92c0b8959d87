"""The cost of a question where 500 runs were made, each of eight nodes, written through ML Metadata's own API."""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.lineage.recorder import MODEL, Recorder, source

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
RUNS = 500


@pytest.fixture(scope="module")
def many() -> Iterator[Path]:
    """A new model in each run; the data changes with every third, the span with every hundredth."""
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=shared) as name:
        writer = Recorder(Path(name))
        for number in range(RUNS):
            writer.run(
                f"flats-202601{1 + number // 50:02d}-{number % 50:06d}",
                sources=[source("/data/rows.csv", f"v{number // 3}")],
                span=number // 100,
                code=f"{MODEL}# {number}\n",
                value=100.0 + number % 17,
                bound=114.0,
                started=1.7671e9 + 3600 * number,
            )
        yield Path(name)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["runs"], 20),
        (["runs", "--all"], RUNS),
        (["show", "last-100"], None),
        (["diff", "last-400", "last"], None),
        (["logs", "last", "Trainer"], None),
        (["why", "Trainer"], None),
        (["why", "ExampleGen", "last-300"], None),
        (["serving"], None),
        (["lineage", "model"], None),
        (["lineage", "model", "100"], None),
        (["lineage", "data", "4"], 100),
        (["lineage", "data", "rows.csv"], RUNS),
        (["lineage", "feature", "rooms"], RUNS),
    ],
)
def test_under_a_second_of_cpu(many: Path, command: list[str], found: int | None) -> None:
    told = [] if command[0] == "logs" else ["--json"]
    spent: list[float] = []
    while len(spent) < 5 and min(spent, default=1.0) >= 1.0:  # the best of five: others compute on the machine too
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "runner.py", *command, "--workspace", str(many), *told],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    if found is not None:
        value = json.loads(done.stdout)
        listed = value if isinstance(value, list) else [one for one in value["nodes"] if one["kind"] == "model"]
        assert len(listed) == found
    assert min(spent) < 1.0, f"{' '.join(command)}: {min(spent):.2f} s"
