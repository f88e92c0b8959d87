"""What runs in a container of Kubeflow Pipelines or Vertex AI: one node, and what it made in the platform's own words.

``python -m pipeline.orchestrators.container NODE --pipeline FILE --definition DIGEST --executor-input JSON``

The platform writes an ``ExecutorInput`` (``kfp.pipeline_spec``) into the arguments: the parameters of the task, an
address that it thought of for each output, and the file that an ``ExecutorOutput`` is to be written to. The node itself
is ``runner.py node`` in a process of its own. What it made stays where it is, in the workspace; the output says where.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.whole import write_whole
from pipeline.errors import PipelineError, SettingsError
from pipeline.orchestrators.compiled import Compiled, here, node_command, read
from pipeline.orchestrators.manifest import BUCKETS, digest
from pipeline.orchestrators.vertex import bucket_uri

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
_LONGEST = 1000  # characters of a property's text that the platform is told


@dataclass(frozen=True)
class Task:
    """What the platform says of a task.

    Attributes:
        run: The platform's run.
        overrides: Settings that this run has otherwise, as ``key=value``.
        outputs: For each output the names of its artifacts, as the platform calls them.
        output_file: Where the ``ExecutorOutput`` goes; None if the platform wants none.
    """

    run: str
    overrides: tuple[str, ...]
    outputs: Mapping[str, str]
    output_file: Path | None


def read_task(text: str) -> Task:
    """Read an ``ExecutorInput``.

    Raises:
        SettingsError: If it is none, or lacks what a node needs to know.
    """
    try:
        value = json.loads(text)
        given = value.get("inputs", {}).get("parameterValues", {})
        outputs = value.get("outputs", {})
        artifacts = {name: one["artifacts"][0]["name"] for name, one in outputs.get("artifacts", {}).items()}
        run, data = str(given.get("run") or ""), str(given.get("data") or "")
        settings = given.get("settings")
        # As text: `kfp run create FILE settings=[...]` hands over what was typed.
        overrides = json.loads(settings) if isinstance(settings, str) and settings.strip() else settings or []
    except (ValueError, AttributeError, KeyError, IndexError, TypeError) as error:
        raise SettingsError(
            "What the platform says of this task cannot be read",
            got=f"{type(error).__name__}: {error}: {text[:300]}",
            expected='an ExecutorInput as JSON: {"inputs": {"parameterValues": {"run": ...}}, "outputs": {...}}',
            where="--executor-input",
        ) from None
    if not isinstance(overrides, list) or not all(isinstance(one, str) for one in overrides):
        raise SettingsError(
            "The settings of this run are no list of texts",
            got=json.dumps(overrides)[:300],
            expected='a list of texts, each a key and its value: ["data.span=3", "training.train_steps=5000"]',
            where="the run's parameter settings",
            hint="start a run with such a list, or with none",
        )
    if not run or "{{" in run:
        raise SettingsError(
            "The platform does not say which run this is",
            got=f"run: {run!r}",
            where="the task's parameter run",
            hint="an old Kubeflow Pipelines leaves {{$.pipeline_job_uuid}} as it is: use 2.5 or newer",
        )
    file = outputs.get("outputFile")
    return Task(
        run,
        (*([f"data.path={json.dumps(data)}"] if data else []), *overrides),
        artifacts,
        Path(_as_file(file)) if file else None,
    )


def checked(file: Path, definition: str) -> Compiled:
    """Read the compiled pipeline, and see that it is the one which the task was made of.

    Raises:
        SettingsError: If it is not, or is not there.
    """
    compiled = read(file)
    found = digest(compiled)
    if found != definition:
        raise SettingsError(
            "The image holds another compiled pipeline than the one that this run is of",
            got=f"{found}: {compiled.problem}, compiled with {' '.join(compiled.given) or 'no options'}",
            expected=definition,
            where=str(file),
            hint="build the image again after each `runner.py compile`, with a tag of its own; then start a run",
        )
    return compiled


def output_of(task: Task, made: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the ``ExecutorOutput``.

    Args:
        task: What the platform says.
        made: For each output's name its artifacts: ``uri`` and ``properties``.
    """
    artifacts = {
        name: {"artifacts": [_artifact(task.outputs[name], one) for one in found]}
        for name, found in made.items()
        if name in task.outputs and found
    }
    return {"artifacts": artifacts}


def _artifact(name: str, made: Mapping[str, Any]) -> dict[str, Any]:
    properties = made.get("properties") or {}
    told = {
        key: value[:_LONGEST] if isinstance(value, str) else value
        for key, value in sorted(properties.items())
        if isinstance(value, str | int | float | bool)
    }
    return {"name": name, "uri": bucket_uri(str(made["uri"])), "metadata": told}


def _as_file(place: str) -> str:
    return BUCKETS + place.removeprefix("gs://") if place.startswith("gs://") else place


def run_command(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    told: Callable[[int], object] = str,
) -> int:
    """Run a command of the project to its end, which gets the signals that this process gets; return its exit code.

    Args:
        command: What comes after ``python``.
        environment: All of its environment; this process's if not given.
        told: Called with each signal that came.
    """
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []  # came before there was a process to hand it to

    def hand_over(number: int, frame: object) -> None:
        del frame
        told(number)
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    before = {one: signal.signal(one, hand_over) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        process = subprocess.Popen([sys.executable, *command], cwd=PROJECT_FOLDER, env=environment)
        for number in early:
            process.send_signal(number)
        code = process.wait()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    return code if code >= 0 else 128 - code  # as a shell says it


def record_of(compiled: Compiled, run: str) -> Path:
    """Return the folder of a run's record."""
    return Path(here(compiled.workspace)) / "runs" / run


def result_file(compiled: Compiled, run: str, node: str) -> Path:
    """Return the file in which a node's result is recorded; see ``pipeline.local.record``."""
    return record_of(compiled, run) / "nodes" / f"{node}.json"


def _tell_platform(task: Task, file: Path) -> None:
    """Write the ``ExecutorOutput``.

    A node that is done is done, whether or not the platform hears what it made: the next node finds it in ML Metadata.
    Kubeflow takes a file that is not there for no outputs, and only shows less. So what goes wrong here is told, and no
    error, which would have the node tried again to find itself done.
    """
    if task.output_file is None:
        return
    try:
        made = json.loads(file.read_text(encoding="utf-8"))["outputs"] or {}
        text = json.dumps(output_of(task, made), indent=1)
        task.output_file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(task.output_file, text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.stderr.write(
            "the node is done, but the platform is not told what it made, and will not show it:"
            f" {type(error).__name__}: {error}\n"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.orchestrators.container", description="Run one node.")
    parser.add_argument("node")
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--definition", required=True)
    parser.add_argument("--executor-input", required=True)
    given = parser.parse_args(arguments)
    try:
        task = read_task(given.executor_input)
        file = Path(here(given.pipeline))
        compiled = checked(file, given.definition)
        run = f"{compiled.problem}.{task.run}"
        code = run_command(node_command(given.node, run, str(file), task.overrides))
        if code == 0 and task.output_file is not None:
            _tell_platform(task, result_file(compiled, run, given.node))
    except PipelineError as error:
        sys.stderr.write(error.render() + "\n")
        return error.exit_code
    return code


if __name__ == "__main__":
    sys.exit(main())
