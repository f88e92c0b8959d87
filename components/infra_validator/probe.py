"""What the separate process does: loads an export and asks it real examples.

It loads with ``tf.saved_model.load``, as any user of the export would, and calls ``serving_default`` with serialized
``tf.Example`` whose label was taken out, since no label is there when the model is served. If there is a signature
``raw``, which takes feature values by name, it has to give the same answers to the same rows; what it does not ask for
is taken out of the examples too, so that a client can go by it. Columns that the export hands back beside its
predictions have to come back as they were; a value missing there is no fault. A signature whose inputs' names cannot be
arguments is asked in a Session, see :mod:`components.infra_validator.asking`.
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from components.description import forwarded
from components.infra_validator.asking import asker, python_notes
from components.infra_validator.beside import not_handed_back, unanswered_requests, values_of
from components.infra_validator.messages import telling_line

PROBE_MODULE = "components.infra_validator.probe"
LINE_LIMIT = 1 << 20
SERVING, RAW = "serving_default", "raw"


def probe(request: Mapping[str, Any], writing: int) -> None:
    """Load a model, ask it, and write what happened to a pipe.

    Args:
        request: ``model``: folder of the SavedModel. ``files``: record files to take examples from; none to load only.
            ``rows``: the most examples. ``label``: the feature to take out.
        writing: File descriptor of the pipe; see :mod:`components.infra_validator.separate`.
    """

    def tell(**line: Any) -> None:
        os.write(writing, json.dumps(line).encode() + b"\n")

    answer: dict[str, Any] = {"problems": [], "notes": [], "rows": 0, "signatures": []}
    try:
        _probe(request, answer, tell)
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        answer["problems"].append(f"{telling_line(error)}")
    tell(answer=answer)


def _probe(request: Mapping[str, Any], answer: dict[str, Any], tell: Any) -> None:
    problems: list[str] = answer["problems"]
    tell(doing="importing TensorFlow")
    import tensorflow as tf

    rows: list[bytes] = []
    if request["files"]:
        tell(doing="reading examples")
        from components.infra_validator.records import read_files

        rows = read_files(request["files"], request["rows"])
        answer["rows"] = len(rows)
        if not rows:
            problems.append("there is no example to ask it")
            return
    tell(doing="loading the model")
    started = time.monotonic()
    try:
        model = tf.saved_model.load(request["model"])
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        problems.append(f"it cannot be loaded: {telling_line(error)}")
        return
    answer["load_seconds"] = time.monotonic() - started
    answer["signatures"] = sorted(model.signatures)
    if SERVING not in model.signatures:
        problems.append(f"it has no signature {SERVING!r}, only: {', '.join(sorted(model.signatures)) or 'none'}")
        return
    if not rows:
        return
    answer["notes"] += python_notes(model.signatures)
    rows = _as_requested(rows, request["label"], model)
    tell(doing=f"answering {len(rows)} examples")
    serving = model.signatures[SERVING]
    inputs = serving.structured_input_signature[1]
    if len(inputs) != 1 or next(iter(inputs.values())).dtype != tf.string:
        problems.append(f"{SERVING!r} does not take serialized tf.Example, but: {', '.join(sorted(inputs))}")
        return
    (name,) = inputs
    batch = {name: tf.constant(rows)}
    try:
        ask = asker(request["model"], SERVING, serving)
        started = time.monotonic()
        outputs = ask(batch)
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        problems.append(f"it fails on examples: {telling_line(error)}")
        return
    answer["first_answer_seconds"] = time.monotonic() - started
    started = time.monotonic()
    ask(batch)
    answer["batch_seconds"] = time.monotonic() - started
    forward = forwarded(request["model"])
    problems += _faults(SERVING, outputs, len(rows), forward)
    problems += not_handed_back(SERVING, outputs, rows, forward)
    if RAW in model.signatures:
        tell(doing=f"answering feature values by the signature {RAW!r}")
        _ask_raw(request["model"], model.signatures[RAW], rows, outputs, answer)
    tell(doing="answering the example requests that lie beside it")
    answer["notes"] += unanswered_requests(request["model"], model.signatures)


def _as_requested(rows: Sequence[bytes], label: str, model: Any) -> list[bytes]:
    """Take out what a request does not have: the label, and what the signature ``raw`` does not ask for."""
    import tensorflow as tf

    asked = model.signatures[RAW].structured_input_signature[1] if RAW in model.signatures else None
    requests = []
    for row in rows:
        example = tf.train.Example.FromString(row)
        values = example.features.feature
        for name in [one for one in values if one == label or (asked is not None and one not in asked)]:
            del values[name]
        requests.append(example.SerializeToString())
    return requests


def _faults(signature: str, outputs: Mapping[str, Any], rows: int, forward: Sequence[str]) -> list[str]:
    """Say what is wrong with a batch of answers: its length, or a number that is none."""
    import numpy as np

    faults = []
    if not outputs:
        faults.append(f"{signature!r} answers nothing")
    for name, values in sorted(outputs.items()):
        if values.ndim == 0 or values.shape[0] != rows:
            faults.append(
                f"output {name!r} of {signature!r} has shape {list(values.shape)} for {rows} examples: "
                "its first dimension is not the batch"
            )
        elif name not in forward and values.dtype.kind in "fc" and not np.isfinite(values).all():
            bad = values[~np.isfinite(values)]
            kind = "NaN" if np.isnan(bad).any() else "infinite"
            faults.append(f"output {name!r} of {signature!r} is {kind} in {bad.size} of {values.size} answers")
    return faults


def _ask_raw(
    model: str, signature: Any, rows: Sequence[bytes], expected: Mapping[str, Any], answer: dict[str, Any]
) -> None:
    import numpy as np
    import tensorflow as tf

    examples = [tf.train.Example.FromString(row).features.feature for row in rows]
    inputs = signature.structured_input_signature[1]
    try:
        batch = {
            name: _tensor(spec, [values_of(example, name) for example in examples]) for name, spec in inputs.items()
        }
        outputs = asker(model, RAW, signature)(batch)
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        answer["problems"].append(f"{RAW!r} fails on feature values: {telling_line(error)}")
        return
    forward = forwarded(model)
    faults = _faults(RAW, outputs, len(rows), forward)
    faults += not_handed_back(RAW, outputs, rows, forward)
    answer["problems"] += faults
    for name in sorted(set(outputs) & set(expected)) if not faults else []:
        theirs = expected[name]
        if name in forward or outputs[name].shape != theirs.shape or theirs.dtype.kind not in "fc":
            continue
        if not np.allclose(outputs[name], theirs, rtol=1e-3, atol=1e-5):
            worst = float(np.max(np.abs(outputs[name] - theirs)))
            answer["problems"].append(
                f"{RAW!r} and {SERVING!r} disagree on {name!r} for the same rows, by up to {worst:.4g}"
            )


def _tensor(spec: Any, values: list[list[Any]]) -> Any:
    import tensorflow as tf

    # How the exports of components.estimator.exporting take a missing value.
    missing = {tf.string: b"", tf.int64: tf.int64.min}.get(spec.dtype, float("nan"))
    tensor = tf.constant([row or [missing] for row in values], dtype=spec.dtype)
    if spec.shape.rank is None:
        return tensor
    return tf.reshape(tensor, [len(values), *(-1 if size is None else size for size in spec.shape.as_list()[1:])])


def main() -> None:
    """Probe as a process of its own: ``python -m … DESCRIPTOR PARENT REQUEST``."""
    from components.forking import prepare_child

    writing, parent, request = sys.argv[1:]
    prepare_child(int(parent))
    probe(json.loads(request), int(writing))
    # Model code may have left threads behind, which would keep the process from ending.
    os._exit(0)


if __name__ == "__main__":
    main()
