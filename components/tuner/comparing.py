"""The last word on a search: default and best values, trained on all of train, judged on rows that it never saw."""

import hashlib
import json
import select
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.progress import report
from components.trainer.tuned import with_values
from components.tuner.child import MODEL, Child
from components.tuner.record import Compared
from components.tuner.search import plain_settings, trim
from pipeline.config.model import Training
from pipeline.errors import InfrastructureError, from_json

Request = Callable[[Training], dict[str, Any]]


def compare(
    training: Training, default: Mapping[str, Any], best: Mapping[str, Any], folder: Path, request: Request
) -> Compared:
    """Train and judge both, each in a process of its own; what was done before is not done again.

    Args:
        training: The settings of the training.
        default: The values without the search, by name.
        best: Those that the search found.
        folder: Where results are kept.
        request: Makes the request of a training of its settings.

    Raises:
        PipelineError: If one of the two fails.
    """
    return Compared(
        _judged("default", training, default, folder, request), _judged("best", training, best, folder, request)
    )


def _judged(
    name: str, training: Training, values: Mapping[str, Any], folder: Path, request: Request
) -> dict[str, float]:
    key = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
    result = folder / f"{key}.json"
    if result.exists():
        return dict(json.loads(result.read_text(encoding="utf-8")))
    report(note=f"training with the {name} values on all of train, to judge them on eval")
    settings = Training.model_validate(plain_settings(with_values(training, values)))
    shutil.rmtree(folder / key, ignore_errors=True)  # of a search that was killed meanwhile
    child = Child(folder / key, request(settings))
    last: dict[str, Any] = {}
    try:
        while child.ended is None:
            if select.select([child], [], [], 1.0)[0]:
                last = next(iter(child.messages()[-1:]), last)
            at = child.step()
            if at:
                report(note=f"the {name} values on all of train: step {at[0]:,} of {at[1]:,}")
    finally:
        child.kill()
    trim(child.folder / MODEL)
    if "error" in last:
        raise from_json(last["error"])
    if "done" not in last:
        raise InfrastructureError(
            f"The training with the {name} values {child.ended}",
            where=str(child.folder / "log.txt"),
            hint="the log above has its last words",
        )
    metrics = {metric: float(value) for metric, value in last["done"]["metrics"].items()}
    beside = result.with_suffix(".part")
    beside.write_text(json.dumps(metrics), encoding="utf-8")
    beside.replace(result)
    return metrics
