# ruff: noqa: PLR0917 - the signatures are tf.contrib's own
"""``tf.contrib.predictor``: answers requests from an export, with one session for all calls.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/predictor.
"""

import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.contrib.missing import attribute_error_of

v1 = tf.compat.v1


class Predictor:
    """Answers ``predictor({"x": [...]})`` with numpy arrays by name.

    Attributes:
        graph: Holds the model.
        session: Its session, open until ``session.close()``.
        feed_tensors: The tensors that a request feeds, by name.
        fetch_tensors: The tensors that answer, by name.
    """

    def __init__(self, graph: Any, session: Any, feed_tensors: dict[str, Any], fetch_tensors: dict[str, Any]) -> None:
        self.graph = graph
        self.session = session
        self.feed_tensors = feed_tensors
        self.fetch_tensors = fetch_tensors

    def __call__(self, input_dict: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request.

        Raises:
            ValueError: It names an input that the model does not have.
        """
        unknown = sorted(set(input_dict) - set(self.feed_tensors))
        if unknown:
            raise ValueError(f"The model has no inputs {', '.join(unknown)}; it takes {', '.join(self.feed_tensors)}")
        feed = {self.feed_tensors[name]: value for name, value in input_dict.items()}
        return self.session.run(self.fetch_tensors, feed)


def from_saved_model(
    export_dir: Any,
    signature_def_key: str | None = None,
    signature_def: Any = None,
    input_names: Mapping[str, str] | None = None,
    output_names: Mapping[str, str] | None = None,
    tags: Any = None,
    graph: Any = None,
    config: Any = None,
) -> Predictor:
    """Load an export.

    Args:
        export_dir: The folder that holds ``saved_model.pb``.
        signature_def_key: Which signature answers; "serving_default" where nothing is said.
        signature_def: A ``SignatureDef`` in place of one of the export's own.
        input_names: In place of a signature: from names to tensor names, as ``{"x": "x:0"}``.
        output_names: The same for the answers; given together with ``input_names``.
        tags: The meta graph's tags, comma separated or a list; "serve" where nothing is said.
        graph: The graph to load into; a new one where not given.
        config: ``tf.compat.v1.ConfigProto`` of the session.

    Raises:
        ValueError: The export has no such signature, or more than one way to choose it is given.
    """
    if bool(input_names) != bool(output_names):
        raise ValueError("input_names and output_names must both be given, or neither")
    if sum(bool(one) for one in (signature_def_key, signature_def, input_names)) > 1:
        raise ValueError("give only one of signature_def_key, signature_def, and input_names with output_names")
    tags = [one.strip() for one in tags.split(",")] if isinstance(tags, str) else tags or [tf.saved_model.SERVING]
    graph = graph or tf.Graph()
    with graph.as_default():
        session = v1.Session(graph=graph, config=config)
        loaded = v1.saved_model.loader.load(session, tags, str(export_dir))
    if not input_names or not output_names:
        key = signature_def_key or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if signature_def is None and key not in loaded.signature_def:
            session.close()
            raise ValueError(f"The export has no signature {key}; there are: {', '.join(sorted(loaded.signature_def))}")
        chosen = signature_def if signature_def is not None else loaded.signature_def[key]
        input_names = {name: info.name for name, info in chosen.inputs.items()}
        output_names = {name: info.name for name, info in chosen.outputs.items()}
    return Predictor(
        graph,
        session,
        {name: graph.get_tensor_by_name(tensor) for name, tensor in input_names.items()},
        {name: graph.get_tensor_by_name(tensor) for name, tensor in output_names.items()},
    )


def from_estimator(
    estimator: Any,
    serving_input_receiver_fn: Callable[[], Any],
    output_key: str | None = None,
    graph: Any = None,
    config: Any = None,
) -> Predictor:
    """Answer from an Estimator's latest checkpoint, by way of an export that is gone again once it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        made = estimator.export_saved_model(folder, serving_input_receiver_fn)
        return from_saved_model(tf.compat.as_str_any(made), output_key, graph=graph, config=config)


__all__ = ["Predictor", "from_estimator", "from_saved_model"]
__getattr__ = attribute_error_of(__name__)
