"""What a model has beside its predictions: columns of the request that it hands back, and example requests."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.description import FOLDER, read_description
from components.infra_validator.asking import asker
from components.infra_validator.messages import telling_line
from components.infra_validator.requests import decode


def values_of(features: Any, name: str) -> list[Any]:
    """Return the values of a feature of a ``tf.train.Example``; none where it is missing."""
    if name not in features:
        return []
    kind = features[name].WhichOneof("kind")
    return list(getattr(features[name], kind).value) if kind else []


def not_handed_back(
    signature: str, outputs: Mapping[str, Any], rows: Sequence[bytes], forward: Sequence[str]
) -> list[str]:
    """Say which columns are not in the answer as they were in the request; a missing value may be anything."""
    import numpy as np
    import tensorflow as tf

    examples = [tf.train.Example.FromString(row).features.feature for row in rows]
    faults = []
    for name in forward:
        if name not in outputs or outputs[name].shape[:1] != (len(rows),):
            faults.append(f"{signature!r} does not hand back the column {name!r} for each row")
            continue
        for number, (answer, features) in enumerate(zip(outputs[name], examples, strict=True), start=1):
            asked = np.asarray(values_of(features, name)[: np.size(answer)])
            if asked.size and not np.array_equal(np.ravel(answer), asked, equal_nan=asked.dtype.kind == "f"):
                faults.append(f"{signature!r} hands back {name!r} changed, in row {number} of those asked")
                break
    return faults


def unanswered_requests(model: str, signatures: Mapping[str, Any]) -> list[str]:
    """Ask the example requests that lie beside a model; say which are not answered, or not with numbers.

    Their row is made up, and may lie where the model has no answer. So this is no reason against the model.
    """
    import numpy as np

    notes = []
    description = read_description(model)
    for name, described in description.get("signatures", {}).items():
        if "example_request" not in described or name not in signatures:
            continue
        signature = signatures[name]
        try:
            body = json.loads((Path(model) / FOLDER / described["example_request"]).read_text(encoding="utf-8"))
            answers = asker(model, name, signature)(decode(body, signature.structured_input_signature[1]))
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            notes.append(f"the example request of {name!r} is not answered: {telling_line(error)}")
            continue
        for output, value in answers.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                notes.append(f"the example request of {name!r} is answered with {output!r} that is no finite number")
    return notes
