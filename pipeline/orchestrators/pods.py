"""How often a pod of a TFJob was started, as the workspace knows: what ends one that never gets anywhere.

The operator starts a pod that was killed as a new one, and counts nothing: its ``backoffLimit`` is of restarts of a
container within its pod, which are none with ``restartPolicy: ExitCode`` (kubeflow/trainer#2045). So each pod counts
itself, in ``pods/<run>/<role>.json`` of the workspace (the run itself may not have begun), and begins anew whenever
the run has got further since: another node done, a later checkpoint of what is trained. The limit is
``training.cluster.max_restarts``, as for a cluster of one machine.
"""

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.whole import write_whole
from pipeline.errors import InfrastructureError

JOB = "RUN"
"""The variable with the name of the pod's job, also where another run is written in place of ``$(RUN)``."""

_WELL = ("ran", "reused")
_CHECKPOINT = re.compile(r".+\.ckpt-(\d+)\.index")


@dataclass(frozen=True)
class Attempts:
    """Counts the attempts of a pod.

    Attributes:
        folder: Where the pods of the run count themselves.
        role: Which pod it is, as ``worker-0``.
        most: How often it may be started again while the run gets no further.
    """

    folder: Path
    role: str
    most: int

    @property
    def file(self) -> Path:
        """The record of the pod."""
        return self.folder / f"{self.role}.json"

    def count(self, reached: tuple[int, int], tell: Callable[[str], object]) -> None:
        """Count one more; one that cannot be counted, since the file system fails, is not.

        Args:
            reached: How far the run is: a number of nodes, a number of steps.
            tell: Called with what a reader of the pod's log should know.

        Raises:
            InfrastructureError: If that is one too many.
        """
        job, before = os.environ.get(JOB, ""), self._read()
        known = before if before.get("job") == job else {}  # the job before this one is no fault of this one's
        further = reached > tuple(known.get("reached", (-1, -1)))
        number = 1 if further else int(known["attempts"]) + 1
        if number - 1 > self.most:
            self.forget()
            nodes, step = known["reached"]
            raise InfrastructureError(
                f"{self.role} ended before its time again and again",
                got=f"{number - 1} attempts since the run got to step {step:,} with {nodes} nodes done",
                expected=f"another node done, or a new checkpoint, after at most {self.most} restarts"
                " (training.cluster.max_restarts)",
                where=str(self.file),
                hint="the events of its pods say what ended them (memory, say: kubectl describe); what was trained is"
                " kept, and a job of the same run goes on from there (docs/kubeflow.md)",
            )
        if number > 1:
            tell(f"{self.role}: attempt {number}, of at most {self.most + 1} without another node or checkpoint")
        value = {"job": job, "attempts": number, "reached": reached if further else known["reached"]}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.file, json.dumps(value))
        except OSError as error:
            tell(f"this attempt is not counted: {error}")

    def forget(self) -> None:
        """Forget the count: this pod has ended for good."""
        with suppress(OSError):
            self.file.unlink(missing_ok=True)
            self.folder.rmdir()  # if it was the last
            self.folder.parent.rmdir()

    def _read(self) -> dict[str, Any]:
        try:
            value = json.loads(self.file.read_text(encoding="utf-8"))
            nodes, step = map(int, value["reached"])
            return {"job": value["job"], "attempts": int(value["attempts"]), "reached": (nodes, step)}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def nodes_done(run: Path) -> int:
    """Return how many nodes of a run have ended well; see ``pipeline.local.record``."""
    found = 0
    for file in run.glob("nodes/*.json"):
        with suppress(OSError, ValueError, AttributeError):
            found += json.loads(file.read_text(encoding="utf-8")).get("state") in _WELL
    return found


def latest_step(folder: Path) -> int:
    """Return the step of the latest checkpoint in a training's folder; 0 if there is none."""
    try:
        names = [one.name for one in folder.iterdir()]
    except OSError:
        return 0
    return max((int(match[1]) for name in names if (match := _CHECKPOINT.fullmatch(name))), default=0)
