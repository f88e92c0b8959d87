"""SIGKILL to the tasks of scheduled runs at random moments: every run ends whole, and pushes its model once.

A scheduler of a few lines starts the real commands, two at once over several runs of one problem at the same time, and
tries a task again that was killed. The moments are drawn from a seed, which is printed; ``CRASH_SEED=...`` draws the
same ones again (what they hit still depends on the machine).
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.crash.whole import nothing_is_left
from tests.e2e.scheduled import Scheduled, compiled

pytestmark = [pytest.mark.slow, pytest.mark.soak]

RUNS, KILLS, TRIES = 3, 20, 12
AGAIN = (1, -9, -15, 137, 143)
"""Exit codes after which a task is tried again."""


@dataclass
class Task:
    """A command under way."""

    run: str
    node: str
    process: "subprocess.Popen[str]"
    strike_at: float


@dataclass
class Plan:
    """What is to be done of a run, and what was."""

    name: str
    options: tuple[str, ...]
    upstream: dict[str, list[str]]
    done: set[str] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)
    struck: dict[str, int] = field(default_factory=dict)

    def ready(self, under_way: set[str]) -> Iterator[str]:
        for node, needs in self.upstream.items():
            if node not in self.done | under_way and self.done >= set(needs):
                yield node


def test_twenty_kills_over_several_runs(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(2**32))
    say(f"CRASH_SEED={seed}")
    made = compiled(tmp_path)
    plans: list[Plan] = []
    kills, drawn = 0, random.Random(seed)
    while kills < KILLS:  # a fast machine is through with three runs before that
        assert len(plans) < 3 * RUNS, f"{kills} kills"
        begun = range(len(plans), len(plans) + RUNS)
        more = [Plan(f"flats.{n}", ("--set", f"training.train_steps={20 + n}"), made.chain()) for n in begun]
        kills += carry_out(made, more, drawn, KILLS - kills)
        plans += more
    runs = {one["run"]: one for one in made.ask("runs")}
    assert {name: (one["state"], one["pushed"]) for name, one in runs.items()} == {
        plan.name: ("done", True) for plan in plans
    }
    assert sorted(one["version"] for one in runs.values()) == list(range(1, len(plans) + 1)) == made.site.versions()
    for plan in plans:
        nodes = {one["name"]: one["state"] for one in made.ask("show", plan.name)["nodes"]}
        assert set(nodes) == set(plan.upstream)
        assert set(nodes.values()) <= {"ran", "reused"}
    nothing_is_left(made.site.workspace)


def carry_out(made: Scheduled, plans: list[Plan], drawn: random.Random, most: int) -> int:
    """Run all tasks, killing some, at most so many; return how many were killed."""
    tasks: list[Task] = []
    kills = 0
    try:
        while any(len(plan.done) < len(plan.upstream) for plan in plans) or tasks:
            for plan in drawn.sample(plans, len(plans)):
                for node in plan.ready({one.node for one in tasks if one.run == plan.name}):
                    if len(tasks) < 2:
                        process = made.start(node, *plan.options, run=plan.name)
                        # A node takes some 10 s. None is struck more than twice: later ones are to be struck, too.
                        often = plan.struck.get(node, 0)
                        strike_at = time.monotonic() + drawn.uniform(0.5, 9) if often < 2 else float("inf")
                        tasks.append(Task(plan.name, node, process, strike_at))
            for task in list(tasks):
                if task.process.poll() is not None:
                    tasks.remove(task)
                    take(task, next(plan for plan in plans if plan.name == task.run))
                elif kills < most and time.monotonic() > task.strike_at:
                    task.strike_at = float("inf")
                    if strike(task, drawn):
                        kills += 1
                        struck = next(plan for plan in plans if plan.name == task.run).struck
                        struck[task.node] = struck.get(task.node, 0) + 1
            time.sleep(0.05)
    finally:
        for task in tasks:
            task.process.kill()
            task.process.communicate()
    return kills


def take(task: Task, plan: Plan) -> None:
    said = "".join(task.process.communicate())
    if task.process.returncode == 0:
        plan.done.add(task.node)
        return
    assert task.process.returncode in AGAIN, said
    plan.tries[task.node] = plan.tries.get(task.node, 0) + 1
    assert plan.tries[task.node] < TRIES, said


def strike(task: Task, drawn: random.Random) -> bool:
    """Kill the command, its fork server, the node's process or all of them; return whether one was there to kill."""
    tree = tree_of(task.process.pid)
    victim = drawn.choice(["command", "server", "node", "all"])
    chosen = {"command": tree[:1], "server": tree[1:2], "node": tree[2:3], "all": tree}[victim]
    for process in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    say(f"{task.run} {task.node}: {victim} of {len(tree)} processes")
    return bool(chosen)


def tree_of(process: int) -> list[int]:
    """A process and all that come of it, generation by generation."""
    found = [process]
    for one in found:
        with contextlib.suppress(OSError):
            found += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
    return found


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
