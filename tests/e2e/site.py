"""A problem, its data and a workspace, the real command line run on them, and what bad input may never do."""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
HEADER = "area,rooms,district,rent"
BEFORE_TRAINING = ("ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "Transform")
FROM_TRAINING = ("Trainer", "Resolver", "Evaluator", "InfraValidator", "Pusher")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what was served before and after it: the hash of each file by its path."""

    code: int
    stdout: str
    stderr: str
    served_before: Mapping[str, str]
    served_after: Mapping[str, str]

    @property
    def text(self) -> str:
        return f"{self.stdout}\n{self.stderr}"

    @property
    def json(self) -> dict[str, Any]:
        """What ``--json`` printed, and nothing else may have been."""
        value: dict[str, Any] = json.loads(self.stdout)
        return value

    def states(self) -> dict[str, str]:
        """Each node's state, from what ``--json`` printed."""
        return {node["node"]: node["state"] for node in self.json["nodes"]}


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(command: Sequence[str], environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start a command in a process of its own; its environment has this besides."""
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
        # A shell that starts the tests in the background has them ignore Ctrl-C, and what they start too.
        preexec_fn=_heed_interrupts,  # noqa: PLW1509  no thread is running here
    )


def said_by(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Wait until a command ends; return what it said."""
    try:
        return process.communicate(timeout=300)
    except BaseException:
        process.kill()
        process.communicate()
        raise


@dataclass(frozen=True)
class Site:
    """A problem's folder, its data and a workspace."""

    problem: Path
    data: Path
    workspace: Path

    def command(self, *more: str, data: Path | None = None, workspace: Path | None = None) -> list[str]:
        given = [str(self.problem), "--data", str(data or self.data), "--workspace", str(workspace or self.workspace)]
        return [sys.executable, str(PROJECT / "runner.py"), "run", *given, *more]

    def start(self, *more: str, data: Path | None = None, workspace: Path | None = None) -> "subprocess.Popen[str]":
        return started(self.command(*more, data=data, workspace=workspace))

    def run(self, *more: str, data: Path | None = None, workspace: Path | None = None) -> Ended:
        before = self.served()
        return self.wait(self.start(*more, data=data, workspace=workspace), before)

    def wait(self, process: "subprocess.Popen[str]", before: Mapping[str, str]) -> Ended:
        """Wait until a started command ends."""
        stdout, stderr = said_by(process)
        return Ended(process.returncode, stdout, stderr, before, self.served())

    def served(self) -> dict[str, str]:
        folder = self.workspace / "serving"
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def versions(self) -> list[int]:
        return sorted(int(one.name) for one in (self.workspace / "serving" / self.problem.name).iterdir())


def refused(ended: Ended, code: int, *words: str) -> None:
    """Assert everything that holds for each bad input, and that the message has these words."""
    said = ended.text
    assert ended.code == code, said
    for word in words:
        assert word in said, f"{word!r} is not in:\n{said}"
    assert re.search(r"^ +next:? +\S", said, re.MULTILINE), f"no hint of what to do next:\n{said}"
    for inside in ("Traceback", "site-packages", "/code/flats/"):
        assert inside not in said, f"{inside!r} is nothing that a person should see:\n{said}"
    assert ended.served_after == ended.served_before, "what is served has changed"


def census(rows: int = 300) -> list[str]:
    """The lines of a data file without their ends, the header first: rents that follow from the other columns."""
    made = random.Random(1)
    lines = [HEADER]
    for _ in range(rows):
        area, rooms = round(made.uniform(20, 150), 1), made.randint(1, 6)
        district = made.choice(["Old Town", "Harbour", "Hill"])
        rent = area * 9 + rooms * 20 + (200 if district == "Old Town" else 0) + made.gauss(0, 50)
        lines.append(f"{area},{rooms},{district},{rent:.2f}")
    return lines


def text_of(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@contextmanager
def edited(file: Path, old: str, new: str) -> Iterator[None]:
    """Replace a piece of a file, and put the file back at the end."""
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} is not in {file} once"
    file.write_text(text.replace(old, new))
    try:
        yield
    finally:
        file.write_text(text)


def line_of(file: Path, piece: str) -> int:
    """The number of the first line that holds this piece."""
    return next(n for n, line in enumerate(file.read_text().splitlines(), start=1) if piece in line)


def until(found: Callable[[], Any], process: "subprocess.Popen[str]", seconds: float = 120) -> Any:
    """Wait until there is something to find, while a process runs; return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        if process.poll() is not None:
            stdout, stderr = process.communicate()
            pytest.fail(f"the command ended too early, with {process.returncode}:\n{stdout}\n{stderr}")
        time.sleep(0.05)
    process.kill()
    pytest.fail("nothing was found in time")


def events(site: Site, node: str, *, but: set[Path]) -> list[dict[str, Any]]:
    """What a node reported in the run that is none of ``but``; empty as long as there is none."""
    new = [one for one in (site.workspace / "runs").iterdir() if one not in but]
    file = new[0] / "events" / f"{node}.jsonl" if new else None
    if file is None or not file.exists():
        return []
    whole, _, _ = file.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def processes_of(workspace: Path) -> list[str]:
    """The command lines of living processes that name a workspace."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it ended meanwhile
                continue
            if str(workspace) in command:
                found.append(f"{folder.name}: {command}")
    return found
