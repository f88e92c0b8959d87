"""A scheduler's tasks: the real commands `compile` and `node` on a problem, each in a process of its own."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.site import PROJECT, Ended, Site, census, said_by, started, text_of


@dataclass(frozen=True)
class Scheduled:
    """A compiled pipeline whose nodes are run one by one.

    Attributes:
        site: The problem, its data and its workspace.
        file: The compiled pipeline.
        environment: What the tasks' environment has besides.
    """

    site: Site
    file: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def runner(self, *words: str) -> Ended:
        return self.wait(self.start_runner(*words))

    def start_runner(self, *words: str) -> "subprocess.Popen[str]":
        return started([sys.executable, str(PROJECT / "runner.py"), *words], self.environment)

    def start(self, node: str, *more: str, run: str = "flats.r1") -> "subprocess.Popen[str]":
        return self.start_runner("node", node, "--run", run, "--pipeline", str(self.file), *more)

    def node(self, node: str, *more: str, run: str = "flats.r1") -> Ended:
        return self.wait(self.start(node, *more, run=run))

    def wait(self, process: "subprocess.Popen[str]") -> Ended:
        stdout, stderr = said_by(process)
        return Ended(process.returncode, stdout, stderr, {}, {})

    def ask(self, *words: str) -> Any:
        """What a command that only reads prints as JSON."""
        ended = self.runner(*words, "--json", "--workspace", str(self.site.workspace))
        assert ended.code == 0, ended.text
        return json.loads(ended.stdout)

    def chain(self) -> dict[str, list[str]]:
        """What each node waits for."""
        return {one["id"]: one["upstream"] for one in json.loads(self.file.read_text())["nodes"]}


def compiled(root: Path, *more: str, environment: Mapping[str, str] | None = None) -> Scheduled:
    """Compile the smallest problem, in a place of its own, before there is any data."""
    problem, data = root / "flats", root / "rows.csv"
    kept = PROJECT / "tests" / "e2e" / "problem" / "flats"
    shutil.copytree(kept, problem, ignore=shutil.ignore_patterns("__pycache__"))
    made = Scheduled(Site(problem, data, root / "workspace"), root / "flats.json", environment or {})
    words = [str(problem), "--target", "ir", "--out", str(made.file), "--data", str(data)]
    ended = made.runner("compile", *words, "--workspace", str(made.site.workspace), *more)
    assert ended.code == 0, ended.text
    assert not made.site.workspace.exists(), "compiling touches no store"
    data.write_bytes(text_of(census()))
    return made


def kill(process: "subprocess.Popen[str]") -> None:
    """SIGKILL to the task's own process, as a scheduler does it."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
