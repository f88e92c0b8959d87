"""Runs stock Transform, gives errors back as ours, and reconciles the rows that it wrote."""

import contextlib
import json
from pathlib import Path
from typing import Any

import tensorflow_transform as tft
from tfx.components.transform import executor
from tfx.types import artifact_utils
from tfx.utils import json_utils

from components.batches import read_in_batches
from components.rows import PROPERTY, reconcile
from components.transform.label import check_columns_to_ask_for, check_label_varies
from components.transform.records import count_records
from pipeline.errors import find
from pipeline.lineage.saved_model import transform_reach

COLUMNS_PROPERTY = "columns"

read_in_batches()


class Executor(executor.Executor):
    """Stock executor between two checks."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:  # noqa: D102, N802
        try:
            super().Do(input_dict, output_dict, exec_properties)
        except Exception as error:
            known = find(error)
            if known is None:
                raise
            raise known from error
        if not output_dict.get("transformed_examples"):
            return
        transformed = artifact_utils.get_single_instance(output_dict["transformed_examples"])
        seen = {
            split: count_records(artifact_utils.get_split_uri([transformed], split))
            for split in artifact_utils.decode_split_names(transformed.split_names)
        }
        reconcile("Transform", artifact_utils.get_single_instance(input_dict["examples"]), seen)
        _check_label(transformed, output_dict, exec_properties)
        transformed.set_string_custom_property(PROPERTY, json.dumps(seen))
        graph = artifact_utils.get_single_instance(output_dict["transform_graph"])
        with contextlib.suppress(OSError, ValueError):  # for `lineage feature`; nothing that a run may fail of
            made_of = transform_reach(Path(graph.uri) / "transform_fn")
            graph.set_string_custom_property(COLUMNS_PROPERTY, json.dumps(made_of))


def _check_label(transformed: Any, output_dict: Any, exec_properties: Any) -> None:
    custom = json_utils.loads(exec_properties["custom_config"])
    folder, label = artifact_utils.get_single_uri(output_dict["transform_graph"]), custom["label"]
    check_columns_to_ask_for(folder, label, custom["problem"])
    graph = tft.TFTransformOutput(folder)
    check_label_varies(
        artifact_utils.get_split_uri([transformed], "train"),
        graph.transformed_feature_spec(),
        label,
        raw=label in graph.raw_feature_spec(),
        problem=custom["problem"],
    )
