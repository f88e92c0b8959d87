"""The InfraValidator's executor: an export is loaded and asked in a separate process before it may be pushed."""

import contextlib
import json
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.proto import infra_validator_pb2
from tfx.types import artifact_utils
from tfx.utils import path_utils, proto_utils

from components.infra_validator.records import split_files
from components.infra_validator.separate import Outcome, ask
from components.infra_validator.verdict import InfraVerdict, write_verdict
from pipeline.lineage.saved_model import signature_reach

# Stock TFX's names, which stock Pushers and people look for.
BLESSED_FILE, NOT_BLESSED_FILE = "INFRA_BLESSED", "INFRA_NOT_BLESSED"
COLUMNS_PROPERTY = "columns"

Artifacts = dict[str, list[Any]]


class Executor(base_executor.BaseExecutor):
    """Blesses an export that answers real examples with numbers, in time."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """Validate.

        Args:
            input_dict: ``model`` and ``examples``.
            output_dict: ``blessing``.
            exec_properties: ``request_spec`` (rows and split), ``validation_spec`` (seconds) and ``label``.
        """
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        request, validation = infra_validator_pb2.RequestSpec(), infra_validator_pb2.ValidationSpec()
        proto_utils.json_to_proto(exec_properties["request_spec"], request)
        proto_utils.json_to_proto(exec_properties["validation_spec"], validation)
        files = split_files(input_dict["examples"], request.split_name)
        path = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
        if files:
            asked = {"model": path, "files": files, "rows": request.num_examples, "label": exec_properties["label"]}
            verdict = to_verdict(ask(asked, timeout=validation.max_loading_time_seconds))
        else:
            verdict = InfraVerdict(False, (f"the {request.split_name} split holds no examples to ask the model",))
        write_verdict(verdict, blessing.uri)
        (Path(blessing.uri) / (BLESSED_FILE if verdict.blessed else NOT_BLESSED_FILE)).write_text("", encoding="utf-8")
        blessing.set_int_custom_property("blessed", int(verdict.blessed))
        blessing.set_string_custom_property("blessing_message", "; ".join(verdict.reasons))
        with contextlib.suppress(OSError, ValueError):  # for `lineage feature`: the columns that the answers depend on
            reached = signature_reach(Path(path), "raw")
            if reached:
                columns = sorted({column for columns in reached.values() for column in columns})
                blessing.set_string_custom_property(COLUMNS_PROPERTY, json.dumps(columns))


def to_verdict(outcome: Outcome) -> InfraVerdict:
    """Turn what a separate process went through into a verdict."""
    answer = outcome.answer
    if answer is None:
        return InfraVerdict(False, (outcome.failure or "no answer",))
    seconds = {name: answer.get(name) for name in ("load_seconds", "first_answer_seconds", "batch_seconds")}
    problems = tuple(answer["problems"])
    reasons = problems or (
        f"answered {answer['rows']} real examples in {1000 * (seconds['batch_seconds'] or 0):.0f} ms, "
        f"loaded in {seconds['load_seconds'] or 0:.1f} s",
    )
    return InfraVerdict(
        blessed=not problems,
        reasons=reasons,
        examples=answer["rows"],
        signatures=tuple(answer["signatures"]),
        notes=tuple(answer["notes"]),
        **seconds,
    )
