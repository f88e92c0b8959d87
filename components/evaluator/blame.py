"""Who is to blame when an evaluation breaks: the candidate, the blessed model it is compared with, or neither.

TFMA runs both models inside Beam and reports a failure as a page of frames that names neither. So the two are asked
again here, one after the other, outside Beam and on a handful of rows. Only a failed evaluation pays for it.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from components.evaluator.configuration import SIGNATURE
from components.evaluator.labels import DerivedLabel
from components.infra_validator.messages import telling_line
from components.infra_validator.records import read_files, split_files
from components.transform.label import label_function
from pipeline.errors import PipelineError, UserCodeError

_ROWS = 64


def explain(
    error: BaseException,
    *,
    examples: Sequence[Any],
    split: str,
    model: str,
    baseline: str | None,
    label: str,
    derived: DerivedLabel | None = None,
) -> PipelineError:
    """Return an error that a person can act on, for a failure of TFMA.

    Args:
        error: What TFMA or Beam raised.
        examples: The Examples artifacts.
        split: The evaluated split.
        model: Folder of the candidate's SavedModel.
        baseline: Folder of the blessed model's SavedModel, where there is one.
        label: The label's name.
        derived: The label, where the transform computes it.
    """
    try:
        rows = read_files(split_files(examples, split), _ROWS)
    except Exception as unreadable:  # noqa: BLE001 - already handling a failure: say what can be said
        return PipelineError("the split cannot be read", where=f"{split} split", got=telling_line(unreadable))
    names = {name for row in rows for name in tf.train.Example.FromString(row).features.feature}
    lacking = sorted(set(derived.columns if derived else (label,)) - names)
    if lacking:
        return PipelineError(
            f"the examples do not hold what the label {label} is computed from"
            if derived
            else "the examples hold no label",
            where=f"{split} split",
            got=f"no feature {', '.join(map(repr, lacking))} in {len(rows)} rows",
        )
    failure = _label_failure(derived, rows) if derived else None
    if failure is not None:
        return UserCodeError(
            f"the label {label} cannot be computed for rows of the eval split",
            where=f"preprocessing_fn: outputs[{label!r}]",
            got=failure,
            hint="the graph that preprocessing_fn made raised this",
        )
    failure = _failure(model, rows)
    if failure is not None:
        return UserCodeError(
            "the exported model fails on rows of the eval split",
            where=model,
            got=failure,
            hint="the model's graph for serving raised this; try the rows of the eval split on the exported model",
        )
    failure = _failure(baseline, rows) if baseline else None
    if failure is not None:
        return PipelineError(
            "the blessed model, which the new one is compared with, fails on the new data",
            where=baseline,
            got=failure,
            hint="did a column change since it was blessed? A new workspace starts without a blessed model",
        )
    return PipelineError("the evaluation failed", where="Evaluator", got=telling_line(error), hint="see the node's log")


def _label_failure(derived: DerivedLabel, rows: Sequence[bytes]) -> str | None:
    try:
        label_function(derived.transform_graph, derived.label)(rows)
    except Exception as error:  # noqa: BLE001 - the user's graph may raise anything
        return telling_line(error)
    return None


def _failure(model: str, rows: Sequence[bytes]) -> str | None:
    try:
        tf.saved_model.load(model).signatures[SIGNATURE](tf.constant(list(rows)))
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        return telling_line(error)
    return None
