"""The problems that ship, each run once with the real command line for all tests that ask what came of it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.pushed import Pushed, newest
from pipeline.cli.problems import FOLDER, names
from pipeline.config import Settings, read_problem

ROOT = Path(__file__).parents[2]
NAMES = names()


@dataclass(frozen=True)
class Shipped:
    """A problem that ships, after a run that pushed version 1.

    Attributes:
        name: The problem's name.
        workspace: Where it ran.
        pushed: The version and what the nodes made.
        text: What the command said.
    """

    name: str
    workspace: Path
    pushed: Pushed
    text: str

    @property
    def settings(self) -> Settings:
        return read_problem(FOLDER / self.name).settings

    def signatures(self) -> Any:
        """The signatures of the pushed model, loaded as any client would."""
        import tensorflow as tf

        return tf.saved_model.load(str(self.pushed.model)).signatures

    def split(self, name: str) -> Path:
        """The folder of a split's raw examples."""
        return self.pushed.made("ExampleGen", "examples") / f"Split-{name}"


Ship = Callable[[str], Shipped]


def run(problem: str, workspace: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run a problem in a workspace; it may be refused, but never with a stack trace."""
    command = [sys.executable, "runner.py", "run", problem, "--workspace", str(workspace), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def ship(problem: str, workspace: Path, *more: str) -> Shipped:
    """Run a problem in an empty workspace, which has to push version 1."""
    done = run(problem, workspace, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{problem}: blessed, and pushed as version 1" in done.stdout
    return Shipped(problem, workspace, newest(workspace, problem), done.stdout)


def generated(shipped: Shipped, rows: int, folder: Path) -> Path:
    """Make a file of data for a problem, with as many rows, by the generator that made what ships."""
    sample = Path(shipped.settings.data.path)
    (file,) = (sample,) if sample.is_file() else (one for one in sample.iterdir() if not one.name.startswith("."))
    out = folder / file.name
    command = [sys.executable, "-m", "data.generate", "--problem", file.parent.name, "--rows", str(rows)]
    done = subprocess.run([*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out
