"""Keeps the best checkpoint of a training, for ``export = "best"``.

The API's own ``BestExporter`` writes a whole SavedModel at each new best, and forgets, if it is killed between an
evaluation and its export, that there was one. A checkpoint is smaller, costs a few hard links, and can be exported
once, at the end, through the same door as any other.

The protocol, in the training's folder:

1. ``best/.<step>`` is filled with links to the checkpoint's files, and renamed to ``best/<step>``: whole or not there;
2. ``best.json`` is replaced: it names the best step and value, and the last step that was looked at;
3. other folders below ``best`` are removed.

Whenever the process is killed, ``best.json`` names a folder that is whole. A checkpoint that was saved but not looked
at is known by its step, and is evaluated when the training goes on.
"""

import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.whole import write_whole

_RECORD = "best.json"


@dataclass(frozen=True)
class Best:
    """The best checkpoint so far.

    Attributes:
        step: Its step.
        value: Its metric.
        checkpoint: Its path, without the suffixes of its files.
    """

    step: int
    value: float
    checkpoint: str


class BestCheckpoint(tf.estimator.Exporter):
    """Looks at each evaluated checkpoint (as one of ``EvalSpec.exporters``) and keeps the best.

    Args:
        model_dir: The training's folder.
        metric: What to go by; a value that is not a number is never best.
        lower_is_better: Whether a lower one is better. Of equal ones the earlier stays.
    """

    name = "best"

    def __init__(self, model_dir: Path, metric: str, lower_is_better: bool) -> None:
        self._folder = model_dir
        self._metric = metric
        self._lower = lower_is_better

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str, eval_result: Any, is_the_final_export: bool
    ) -> None:
        """Look at one evaluated checkpoint."""
        del estimator, export_path, is_the_final_export
        self.consider(checkpoint_path, eval_result)

    def consider(self, checkpoint: str, metrics: Mapping[str, Any]) -> None:
        """Keep a checkpoint if it is better than the best so far."""
        step, value = int(metrics["global_step"]), float(metrics[self._metric])
        best = self.best()
        better = not math.isnan(value) and (best is None or (value < best.value if self._lower else value > best.value))
        kept = {"step": step, "value": value} if better else {"step": best.step, "value": best.value} if best else {}
        if better and not self._link(Path(checkpoint), step):
            return
        write_whole(self._folder / _RECORD, json.dumps({"metric": self._metric, **kept, "seen": step}))
        if better:
            for other in (self._folder / "best").iterdir():
                if other.name != str(step):
                    shutil.rmtree(other, ignore_errors=True)

    def _link(self, checkpoint: Path, step: int) -> bool:
        """Link its files; False if they are gone: in a cluster they may be swept while another process evaluates."""
        target, beside = (self._folder / "best" / name for name in (str(step), f".{step}"))
        if target.exists():  # an attempt was killed after this; a step's checkpoint is written once
            return True
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        try:
            for file in (Path(f"{checkpoint}.index"), *checkpoint.parent.glob(f"{checkpoint.name}.[dm]*")):
                os.link(file, beside / file.name)
        except FileNotFoundError:
            return False
        beside.rename(target)
        return True

    def best(self) -> Best | None:
        """Return the best checkpoint so far, also that of an attempt before this one."""
        record = self._record()
        if "step" not in record:
            return None
        [index] = (self._folder / "best" / str(record["step"])).glob("*.index")
        return Best(record["step"], record["value"], str(index.with_suffix("")))

    def seen(self) -> int | None:
        """Return the step of the checkpoint that was looked at last."""
        return self._record().get("seen")

    def _record(self) -> dict[str, Any]:
        file = self._folder / _RECORD
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
