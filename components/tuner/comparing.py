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
from components.tuner.record import Compared, finite
from components.tuner.search import plain_settings, trim
from components.whole import write_whole
from pipeline.config.model import Training
from pipeline.errors import InfrastructureError, from_json

Request = Callable[[Training], dict[str, Any]]


def compare(
    training: Training,
    default: Mapping[str, Any],
    best: Mapping[str, Any],
    folder: Path,
    request: Request,
    *,
    metric: str,
) -> Compared:
    """Train and judge both, each in a process of its own; what was done before is not done again.

    Values with which the loss becomes NaN are judged by that: there, too, it is a bad choice of values and no error.

    Args:
        training: The settings of the training.
        default: The values without the search, by name.
        best: Those that the search found.
        folder: Where results are kept.
        request: Makes the request of a training of its settings.
        metric: What the search goes by; None among the metrics of values with which the loss becomes NaN.

    Raises:
        PipelineError: If one of the two fails.
    """
    return Compared(
        _judged("default", training, default, folder, request, metric=metric),
        _judged("best", training, best, folder, request, metric=metric),
    )


def _judged(
    name: str, training: Training, values: Mapping[str, Any], folder: Path, request: Request, *, metric: str
) -> dict[str, float | None]:
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
    if "error" in last and not last.get("diverged"):
        raise from_json(last["error"])
    if "error" not in last and "done" not in last:
        raise InfrastructureError(
            f"The training with the {name} values {child.ended}",
            where=str(child.folder / "log.txt"),
            hint="the log above has its last words",
        )
    metrics: dict[str, float | None] = {metric: None}
    if "done" in last:
        metrics = finite(last["done"]["metrics"])
    write_whole(result, json.dumps(metrics))
    return metrics
