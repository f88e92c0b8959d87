"""The preprocessing_fn that the Transform node is given: the problem's own, inside the error boundary."""

import difflib
from collections.abc import Mapping
from typing import Any

from components.user_code import place
from components.user_code.boundary import user_code
from components.user_code.contract import bound, none_defined
from pipeline.errors import UserCodeError


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Call ``preprocessing_fn(inputs)`` of the problem named in ``custom_config["problem"]``.

    Follows https://www.tensorflow.org/tfx/transform/get_started; TFX hands ``custom_config`` over.

    Raises:
        UserCodeError: If it is missing, raises, or does not return a dict of tensors that holds the label.
    """
    problem, label = custom_config["problem"], custom_config["label"]
    with user_code(problem, "importing preprocessing.py", "preprocessing"):
        module = place.load(problem, "preprocessing")
    function = getattr(module, "preprocessing_fn", None)
    file = place.original(place.folder(problem) / "preprocessing.py")
    if not callable(function):
        raise none_defined(problem, "preprocessing", bound(module), file)
    with user_code(problem, "preprocessing_fn", "preprocessing"):
        try:
            outputs = function(inputs)
        except KeyError as error:
            if error.args == (label,) and label not in inputs:
                raise _no_label(label, inputs, {}, str(file)) from None
            raise
    if not isinstance(outputs, dict) or not outputs:
        raise UserCodeError(
            "preprocessing_fn returned no features",
            got=f"{type(outputs).__name__}" + (" with no entries" if isinstance(outputs, dict) else ""),
            expected="a dict from names to tensors",
            where=str(file),
        )
    if label not in outputs and label not in inputs:
        raise _no_label(label, inputs, outputs, str(file))
    if label not in outputs:
        raise UserCodeError(
            "preprocessing_fn does not return the label",
            got=", ".join(sorted(outputs)),
            expected=f"{label!r} among them",
            where=str(file),
            hint=f'pass it through: outputs["{label}"] = inputs["{label}"]',
        )
    return outputs


def _no_label(label: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], file: str) -> UserCodeError:
    near = difflib.get_close_matches(label, [*outputs, *inputs], n=1)
    made = f"preprocessing_fn returns {', '.join(sorted(outputs))}; " if outputs else ""
    return UserCodeError(
        f"The label {label} is neither a column of the data nor made by preprocessing_fn",
        got=f"{made}the data has {', '.join(sorted(inputs))}",
        expected=f"{label!r} among what preprocessing_fn returns",
        where=file,
        hint=f'did you mean {near[0]}? pipeline.toml says label = "{label}"'
        if near
        else f'compute it from the columns: outputs["{label}"] = ..., or name another label in pipeline.toml',
    )
