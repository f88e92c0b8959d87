"""The Pusher's executor: both gates asked, then the protocol of :mod:`components.pusher.protocol`."""

import json
from pathlib import Path
from typing import Any

from tfx.components.util import model_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import path_utils, proto_utils

from components.infra_validator.executor import to_verdict
from components.infra_validator.separate import ask
from components.pusher.protocol import push
from pipeline.errors import PipelineError

LOAD_TIMEOUT_SECONDS = 600.0
RECORD_FILE = "push.json"

Artifacts = dict[str, list[Any]]


class Executor(base_executor.BaseExecutor):
    """Pushes a model that both gates blessed, and writes down why where it does not."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """Push, or do not.

        Args:
            input_dict: ``model``, ``model_blessing``, ``infra_blessing``.
            output_dict: ``pushed_model``; gets stock TFX's custom properties ``pushed``, ``pushed_destination`` and
                ``pushed_version``, and ours ``model_hash``, ``reused`` and ``reason``; and the same as ``push.json``.
            exec_properties: ``push_destination``.

        Raises:
            PipelineError: if the destination cannot be written to, or the copy there does not load.
        """
        model = artifact_utils.get_single_instance(input_dict["model"])
        output = artifact_utils.get_single_instance(output_dict["pushed_model"])
        refusals = _refusals(input_dict)
        if refusals:
            _record(output, {"pushed": 0, "reason": "; ".join(refusals)})
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties["push_destination"], destination)
        pushed = push(
            path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)),
            destination.filesystem.base_directory,
            model_uri=model.uri,
            check=load_once,
        )
        same = "the highest version already holds this model"
        _record(
            output,
            {
                "pushed": 1,
                "pushed_destination": str(pushed.path),
                "pushed_version": str(pushed.version),
                "model_hash": pushed.model_hash,
                "reused": int(pushed.reused),
                "reason": same if pushed.reused else "blessed by both gates",
            },
        )


def load_once(copy: Path) -> None:
    """Load a copy in a separate process.

    Raises:
        PipelineError: if it does not load there.
    """
    verdict = to_verdict(ask({"model": str(copy), "files": [], "rows": 0, "label": ""}, timeout=LOAD_TIMEOUT_SECONDS))
    if not verdict.blessed:
        raise PipelineError(
            "the copy of the model in the serving directory does not load, and was taken away again",
            where=str(copy.parent),
            got="; ".join(verdict.reasons),
        )


def _refusals(input_dict: Artifacts) -> list[str]:
    gates = (
        ("model_blessing", "Evaluator", model_utils.is_model_blessed),
        ("infra_blessing", "InfraValidator", model_utils.is_infra_validated),
    )
    refusals = []
    for key, node, is_blessed in gates:
        blessings = input_dict.get(key) or []
        if not blessings:
            refusals.append(f"there is no verdict of the {node}")
        for blessing in blessings:
            if not is_blessed(blessing):
                reason = blessing.get_string_custom_property("blessing_message") or "no reason given"
                refusals.append(f"not blessed by the {node}: {reason}")
    return refusals


def _record(artifact: Any, record: dict[str, int | str]) -> None:
    for name, value in record.items():
        if isinstance(value, int):
            artifact.set_int_custom_property(name, value)
        else:
            artifact.set_string_custom_property(name, value)
    folder = Path(artifact.uri)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
