"""A small problem that is trained in real clusters of processes, and what is seen of them from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("training_program.py")
TIMEOUT = 240.0

MODEL = """\
import json
import os
import time
import tensorflow as tf

v1 = tf.compat.v1

class Slowly(tf.estimator.SessionRunHook):
    def __init__(self, pause):
        self.pause = pause
    def after_run(self, context, values):
        time.sleep(self.pause)

def model_fn(features, labels, mode, params, config):
    guess = v1.layers.dense(features["x"], 1, name="line")
    loss = tf.reduce_mean(tf.square(guess - tf.reshape(labels, [-1, 1])))
    if params.get("fails"):
        raise ValueError("no such layer")
    step = v1.train.get_global_step()
    train_op = v1.train.AdamOptimizer(params.get("rate", 0.05)).minimize(loss, step)
    if mode == tf.estimator.ModeKeys.TRAIN and config.task_type:
        seen = {one.name: one.device for one in v1.global_variables()}
        name = f"{config.task_type}-{config.task_id}"
        with open(os.path.join(params["seen"], name + ".json"), "w") as file:
            json.dump(seen, file)
    hooks = [Slowly(params.get("pause", 0.0))]
    said = {"y": guess}
    return tf.estimator.EstimatorSpec(mode, predictions=said, loss=loss, train_op=train_op, training_hooks=hooks)
"""


@dataclass
class Training:
    """A training by ``training_program.py``, in a folder of its own."""

    folder: Path
    process: "subprocess.Popen[str]"

    @property
    def model_dir(self) -> Path:
        return self.folder / "model"

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """What the supervisor has written down so far."""
        file = self.model_dir / "cluster" / "events.jsonl"
        text = file.read_text() if file.exists() else ""
        found = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [one for one in found if not kinds or one["event"] in kinds]

    def process_of(self, role: str) -> int:
        """The number of the process that has a role now."""
        return int([one["process"] for one in self.events("started") if one["role"] == role][-1])

    def checkpoint(self) -> int:
        """The step of the latest checkpoint, by its name; 0 if there is none."""
        file = self.model_dir / "checkpoint"
        try:
            return int(file.read_text().splitlines()[0].rpartition("-")[2].strip('"'))
        except (OSError, IndexError, ValueError):
            return 0

    def step(self) -> int:
        """The step that the chief reported last; 0 before."""
        file = self.folder / "progress.jsonl"
        text = file.read_text() if file.exists() else ""
        events = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return max((event["step"] for event in events if "step" in event), default=0)

    def notes(self) -> list[str]:
        """What a person was told meanwhile."""
        text = (self.folder / "progress.jsonl").read_text()
        events = map(json.loads, text.splitlines())
        return [event[kind] for event in events for kind in ("note", "line") if kind in event]

    def until(self, what: Callable[[], Any], seconds: float = TIMEOUT) -> Any:
        """Wait until something holds; return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            assert self.process.poll() is None, f"it ended before: {self.ended()}"
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} s: {self.events()[-10:]}")

    def kill(self, role: str, number: int = signal.SIGKILL) -> int:
        """Kill the process that has a role; return its number."""
        process = self.process_of(role)
        os.kill(process, number)
        return process

    def ended(self) -> dict[str, Any]:
        """Wait until it ends; return what it printed, with its exit code."""
        out, err = self.process.communicate(timeout=TIMEOUT)
        lines = [line for line in out.splitlines() if line.startswith("{")]
        told = json.loads(lines[-1]) if lines else {"said": (out + err)[-3000:]}
        return {**told, "code": self.process.returncode}

    def logs(self) -> str:
        """The logs of all its processes."""
        files = sorted((self.model_dir / "cluster").glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-3000:]}" for file in files)

    def living(self) -> list[int]:
        """The processes that this training has started and that live."""
        return [one["process"] for one in self.events("started") if _lives(one["process"])]


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def written(folder: Path) -> Path:
    """Write the problem and its rows (y = 3 a - 2 b + 1) into a folder."""
    import components.estimator.compat  # noqa: F401  before TensorFlow

    import numpy as np
    import tensorflow as tf

    code = folder / "code" / "lines"
    code.mkdir(parents=True)
    (code / "__init__.py").write_text("")
    (code / "model.py").write_text(MODEL)
    (folder / "rows").mkdir()
    (folder / "seen").mkdir()
    random = np.random.default_rng(1)
    for part in range(4):
        with tf.io.TFRecordWriter(str(folder / "rows" / f"part-{part}.gz"), "GZIP") as writer:
            for a, b in random.normal(size=(100, 2)):
                values = {"x": [a, b], "y": [3 * a - 2 * b + 1]}
                features = {
                    name: tf.train.Feature(float_list=tf.train.FloatList(value=value)) for name, value in values.items()
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return folder


@contextmanager
def training(folder: Path, variables: Mapping[str, str] | None = None, **settings: Any) -> Iterator[Training]:
    """Start a training; at the end nothing of it lives on."""
    params = {"seen": str(folder / "seen"), **settings.pop("params", {})}
    values = {"batch_size": 20, "shuffle_buffer": 200, "log_step_count_steps": 100, **settings, "params": params}
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "ESTIMATOR_PIPELINE_EVENTS": str(folder / "progress.jsonl"),
        **(variables or {}),
    }
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(PROGRAM), str(folder), json.dumps(values)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    one = Training(folder, process)
    try:
        yield one
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def seen(folder: Path, role: str) -> dict[str, str]:
    """The device of each variable, as a process that trained has seen it."""
    devices: dict[str, str] = json.loads((folder / "seen" / f"{role}.json").read_text())
    return devices
