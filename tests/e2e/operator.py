"""What Kubeflow's training operator does with a TFJob, with processes of this machine in place of pods."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from components.cluster.roles import local_cluster
from tests.servers import SECRET

_MARK = "TEST_POD"  # by this variable the processes of a pod are found


class Operator:
    """Starts the pods of a job, and again as ``restartPolicy: ExitCode`` says; ends them when the job has ended.

    As the real one does (``ReconcilePods``, ``UpdateJobStatus``): what ends with more than 127 is started as a new pod,
    at once and without end, whatever ``backoffLimit`` says; any other code but 0, of any pod, fails the job.

    Args:
        job: The TFJob.
        name: Its name.
        environment: What the image has as environment.
        image: The folder that the containers work in.
        folder: Where their logs go.
    """

    def __init__(self, job: Any, name: str, environment: Mapping[str, str], image: Path, folder: Path) -> None:
        self._environment, self._image, self._folder = dict(environment), image, folder
        self._mark = secrets.token_hex(8)
        self._given = {pod: (command, values) for pod, command, values in _pods(job, name)}
        self.failed: str | None = None  # the pod that failed the job
        self._codes: dict[str, list[int]] = {pod: [] for pod in self._given}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir()

    def __enter__(self) -> Self:
        for pod in self._given:
            self._start(pod)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._clean()

    def _clean(self) -> None:  # cleanPodPolicy: Running
        for pod in self._running:
            self._end(pod)
        self._running.clear()

    def _start(self, pod: str) -> None:
        command, values = self._given[pod]
        with (self._folder / pod).open("ab") as log:
            environment = {**self._environment, **values, _MARK: f"{self._mark}-{pod}"}
            self._running[pod] = subprocess.Popen(
                command, env=environment, cwd=self._image, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _end(self, pod: str) -> None:
        mark = f"{_MARK}={self._mark}-{pod}".encode()
        for process in _processes():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
                    os.kill(process, signal.SIGKILL)
        self._running[pod].wait()

    def kill(self, pod: str) -> None:
        """Kill all processes of a pod, as the kernel or a lost machine does."""
        self._end(pod)

    def codes(self) -> dict[str, list[int]]:
        """The exit codes of each pod's attempts, those that the job's end ended left out."""
        return self._codes

    def text(self) -> str:
        """The ends of all logs."""
        logs = {pod: (self._folder / pod).read_text(errors="replace") for pod in self._given}
        return "\n".join(f"--- {pod}: {self._codes[pod]}\n{text[-4000:]}" for pod, text in logs.items())

    def until(self, done: Callable[[], Any], seconds: float) -> Any:
        """Do what the operator does until something is so; return what that said."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look()
            if found := done():
                return found
            assert self.failed is None, f"{self.failed} failed the job:\n{self.text()}"
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds} s:\n{self.text()}")

    def until_done(self, seconds: float) -> str:
        """Do what the operator does until the chief is done, and some seconds more; return the ends of all logs."""
        self.until(lambda: 0 in self._codes["chief-0"], seconds)
        with contextlib.suppress(AssertionError):
            self.until(lambda: all(codes or pod.startswith("ps") for pod, codes in self._codes.items()), 20)
        return self.text()

    def _look(self) -> None:
        for pod, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            del self._running[pod]
            code = code if code >= 0 else 128 - code
            self._codes[pod].append(code)
            if code > 127:
                self._start(pod)
            elif code:
                self.failed = pod
                self._clean()
                return


def _processes() -> Iterator[int]:
    return (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())


def _pods(job: Any, name: str) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """The name, command and environment of each pod."""
    given = job["spec"]["tfReplicaSpecs"]
    count = {kind.lower(): one["replicas"] for kind, one in given.items()}
    cluster = local_cluster(count["chief"] + count["worker"], count["ps"])  # without the evaluator, as the operator's
    for kind, one in given.items():
        [container] = one["template"]["spec"]["containers"]
        for index in range(one["replicas"]):
            config = {"cluster": cluster, "task": {"type": kind.lower(), "index": index}, "environment": "cloud"}
            values = {"TF_CONFIG": json.dumps(config)}
            for variable in container["env"]:
                values[variable["name"]] = name if "fieldRef" in variable["valueFrom"] else SECRET
            words = [word.replace("$(RUN)", values["RUN"]) for word in [*container["command"], *container["args"]]]
            yield f"{kind.lower()}-{index}", [sys.executable if word == "python" else word for word in words], values
