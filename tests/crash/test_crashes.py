"""SIGKILL at random moments of one training: it goes on from its last checkpoint, and ends as if nothing had happened.

``make soak`` kills a dozen times and more; the tier that runs every time does it thrice. The moments are drawn from a
seed, which is printed; ``CRASH_SEED=...`` draws the same ones again.
"""

import json
import math
import os
import random
import sys
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from tests.crash.killing import Account, Blow, Training
from tests.crash.whole import nothing_is_left, store

pytestmark = [pytest.mark.slow, pytest.mark.alone]

METRIC = "mean_absolute_error"
# Undisturbed trainings that differ in nothing but the seed: their standard deviation, as a share of their mean; the
# figures are in docs/recovery.md. The difference of two such trainings spreads sqrt(2) as wide, and three of these is
# what is allowed: a crash that harms by less than the choice of a seed does not show.
SPREAD = 0.003
TOLERANCE = 3 * math.sqrt(2) * SPREAD


def test_three_kills(tmp_path: Path) -> None:
    blows = [Blow("trainer", "step", 500, 0.2), Blow("run", "step", 900, 0.1), Blow("runner", "exported")]
    crash(Training(tmp_path / "workspace", train_steps=1500, interval=200), blows)


@pytest.mark.soak
def test_kills_at_random(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(2**32))
    say(f"CRASH_SEED={seed}")
    made = random.Random(seed)
    training = Training(tmp_path / "workspace", train_steps=6000, interval=200)
    victims = ["trainer", "run", "runner"] * 4
    made.shuffle(victims)
    steps = sorted(made.sample(range(1, int(0.85 * training.train_steps)), 10))
    blows = [Blow(victims.pop(), "step", step, made.uniform(0, 0.5)) for step in steps]
    blows[3] = Blow(blows[3].victim, "saving", steps[3])
    blows[7] = Blow(blows[7].victim, "saving", steps[7])
    blows.insert(5, Blow("run", "loading", delay=made.uniform(0, 8)))
    blows.insert(7, Blow(victims.pop(), "step", 0))  # the moment that it goes on
    blows += [
        Blow("run", "exporting", delay=made.uniform(0, 0.3)),
        Blow("trainer", "exporting"),
        Blow("run", "exported"),
        Blow("trainer", "exported"),
    ]
    crash(training, blows)
    hits = {account.hit for account in training.accounts}
    assert {"training", "half a checkpoint", "half an export"} <= hits
    assert hits & {"exported, unpublished", "exported, linking"}


def crash(training: Training, blows: list[Blow]) -> None:
    """Kill a training as told, let it end, and compare it with one that nobody disturbed."""
    for blow in blows:
        say(str(training.strike(blow)))
    told = training.run()
    for account in training.accounts:
        say(str(account))
        lost_little(account, training.interval)
    ended_whole(training, told)
    disturbed = metric(told)
    # A setting that the weights do not depend on makes it another training, on the same transformed rows.
    undisturbed = metric(training.run("keep_checkpoint_max=6"))
    say(f"{len(blows)} kills: {METRIC} {disturbed:,.0f}, undisturbed {undisturbed:,.0f}, allowed {TOLERANCE:.1%} worse")
    assert disturbed <= undisturbed * (1 + TOLERANCE)


def lost_little(account: Account, interval: int) -> None:
    """Assert that the attempt after a blow went on from the last checkpoint, which was not long ago."""
    assert account.resumed is not None
    # One that was complete but not yet in the list may be taken; none that was in it may be given up.
    assert account.resumed in (account.checkpoint, account.checkpoint + interval), account
    if account.reported is not None:
        assert account.reported - account.resumed <= interval, account


def ended_whole(training: Training, told: dict[str, Any]) -> None:
    """Assert that one model came of it all, at the planned step, and nothing half made is left."""
    root = training.workspace
    [trained] = [node for node in told["nodes"] if node["node"] == "Trainer"]
    [model] = trained["outputs"]["model"]
    [run] = trained["outputs"]["model_run"]
    assert [one.name for one in (training.trainer / "model").iterdir()] == [Path(model["uri"]).name]
    assert {one.name for one in Path(model["uri"]).iterdir()} == {"Format-Serving", "training.svg"}
    assert [one.name for one in (training.trainer / "model_run").iterdir()] == [Path(run["uri"]).name]
    latest = tf.train.latest_checkpoint(run["uri"])
    assert tf.train.load_variable(latest, "global_step") == training.train_steps
    assert told["pushed"]["version"] == 1
    assert [one.name for one in (root / "serving" / "housing").iterdir()] == ["1"]
    nothing_is_left(root)
    made = [one for kind in ("Model", "PushedModel") for one in store(root).get_artifacts_by_type(kind)]
    assert [one.uri for one in made] == [model["uri"], made[-1].uri]


def metric(told: dict[str, Any]) -> float:
    """The Trainer's own last evaluation."""
    [trained] = [node for node in told["nodes"] if node["node"] == "Trainer"]
    [run] = trained["outputs"]["model_run"]
    return float(json.loads((Path(run["uri"]) / "eval_metrics.json").read_text())[METRIC])


def say(line: str) -> None:
    """Print to where pytest shows it: at once with ``-s``, else when the test fails."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
