"""Resolves the model that a training starts from: the latest blessed one that is not this very training's own.

Without that exception a run in which nothing changed would start from the model that it made the last time, train it
further on the rows that it has learned already, and push one more version, every time. With it such a run finds what
the run before found, and its Trainer is reused.
"""

import json
from typing import Any

from tfx.dsl.components.common import resolver


class LatestBlessedModelToStartFrom(resolver.ResolverStrategy):
    """Takes the channels ``examples``, ``model`` and ``model_blessing``; the result keeps all three keys.

    Args:
        training: The training settings, as the Trainer's ``custom_config`` has them.
        code: The fingerprint of the problem's code, likewise.
    """

    def __init__(self, training: str, code: str) -> None:
        self._training = training
        self._code = code

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> dict[str, list[Any]] | None:
        """Return the model and its blessing, or empty lists where there is none."""
        blessings = {
            blessing.get_int_custom_property("current_model_id"): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda one: one.id)
            if blessing.get_int_custom_property("blessed") == 1
        }
        examples = {artifact.id for artifact in input_dict["examples"]}
        blessed = sorted((one for one in input_dict["model"] if one.id in blessings), key=lambda one: -one.id)
        latest = next((one for one in blessed if not self._made_by_this(store, one.id, examples)), None)
        return {
            "examples": input_dict["examples"],
            "model": [latest] if latest else [],
            "model_blessing": [blessings[latest.id]] if latest else [],
        }

    def _made_by_this(self, store: Any, model: int, examples: set[int]) -> bool:
        """Whether a training with the same rows, settings and code made a model."""
        for event in store.get_events_by_artifact_ids([model]):
            if event.type != event.OUTPUT:
                continue
            [execution] = store.get_executions_by_id([event.execution_id])
            given = execution.properties.get("custom_config") or execution.custom_properties.get("custom_config")
            config = json.loads(given.string_value) if given and given.string_value else {}
            if (config.get("training"), config.get("code")) != (self._training, self._code):
                continue
            used = store.get_events_by_execution_ids([event.execution_id])
            if examples <= {one.artifact_id for one in used if one.type == one.INPUT}:
                return True
        return False
