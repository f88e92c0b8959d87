"""Which columns of a request come back beside each prediction, so that answers can be joined to what was asked.

``tf.contrib.estimator.forward_features`` hands features on into the predictions. Here it is raw columns, named by the
setting ``serving.forward_features``: a key is in the file, and neither a feature of the model nor something that
``preprocessing_fn`` returns. How they get there is :mod:`components.estimator.passing`. Imports no TensorFlow.
"""

import difflib
from collections.abc import Collection, Sequence
from typing import Any

from pipeline.errors import PipelineError, SettingsError

WHERE = "serving.forward_features"


_UNUSED = ("DEPRECATED", "DISABLED", "PLANNED", "ALPHA", "DEBUG_ONLY")  # stages whose features TFT does not parse


def columns_by_use(schema: Any) -> tuple[list[str], list[str]]:
    """Return the names of a ``Schema``'s features that are parsed, and of those that its lifecycle stages leave out."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    unused = {schema_pb2.LifecycleStage.Value(name) for name in _UNUSED}
    return (
        [one.name for one in schema.feature if one.lifecycle_stage not in unused],
        [one.name for one in schema.feature if one.lifecycle_stage in unused],
    )


def check_columns(names: Sequence[str], columns: Collection[str], unused: Collection[str] = ()) -> None:
    """Check that each column that is to come back is one of the schema's, and in use.

    Args:
        names: The setting.
        columns: The names of the schema's features.
        unused: The names of those that its lifecycle stages leave out.

    Raises:
        SettingsError: With one part for each that is not.
    """
    wrong: list[PipelineError] = []
    for name in names:
        if name in unused:
            wrong.append(
                SettingsError(
                    f"The schema leaves out the column {name}, which is to be forwarded",
                    got="a lifecycle_stage by which the column is not read",
                    expected=f"one of: {', '.join(sorted(columns))}",
                    where=WHERE,
                    hint="take lifecycle_stage out of the feature in the schema, and say its presence and shape there",
                )
            )
        elif name not in columns:
            close = difflib.get_close_matches(name, columns, n=1)
            wrong.append(
                SettingsError(
                    f"There is no column {name} to forward",
                    expected=f"one of: {', '.join(sorted(columns))}",
                    where=WHERE,
                    hint=f"did you mean {close[0]}?" if close else "the schema has to name the column",
                )
            )
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise SettingsError(
            f"{len(wrong)} columns to forward are not in the schema, or left out there", where=WHERE, parts=wrong
        )


def refuse_clashes(names: Collection[str], predictions: Any) -> None:
    """Check that no column has the name of a prediction, beside which it would come back.

    Args:
        names: The columns.
        predictions: What an ``EstimatorSpec`` holds: a dict (keys of several heads are tuples), a tensor or None.

    Raises:
        SettingsError: If one has.
    """
    if not isinstance(predictions, dict):
        return
    taken = {"/".join(key) if isinstance(key, tuple) else str(key) for key in predictions}
    for name in names:
        if name in taken:
            raise SettingsError(
                f"The column {name} cannot come back beside the predictions: one of them has that name",
                got=f"predictions {', '.join(sorted(taken))}",
                expected="a column that is named like none of them",
                where=WHERE,
                hint="give the prediction another name in model.py, or forward another column",
            )
