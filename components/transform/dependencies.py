"""Which raw columns each transformed feature is computed from, read from the transform graph itself.

TFT's public API has no such question; it drops outputs whose inputs are not given, and asks the same of the graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# What hands a tensor on without a change of any value.
_HANDS_ON = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient"})


@dataclass(frozen=True)
class Dependencies:
    """What comes from what.

    Attributes:
        columns: For each transformed feature the raw columns that it is computed from, row by row. What an analyzer
            learned from a column over all rows is a constant of the graph, and no dependency.
        untouched: Transformed features that are the raw column of the same name, no value changed.
    """

    columns: Mapping[str, frozenset[str]]
    untouched: frozenset[str]

    def needed_by_serving(self, label: str) -> frozenset[str]:
        """Return the raw columns that a request has to hold: those that features are computed from.

        The label's own column is never among them, and neither is one that nothing but the label depends on.
        """
        features = [columns for name, columns in self.columns.items() if name != label and label not in columns]
        return frozenset[str]().union(*features)


def dependencies(transform: Any) -> Dependencies:
    """Read them from a transform graph; call it in eager mode.

    Args:
        transform: ``tft.TFTransformOutput`` of a transform exported as a TensorFlow 2 SavedModel, as TFX does.
    """
    graph = tf.saved_model.load(transform.transform_savedmodel_dir).transform_fn.graph
    # The placeholders come in the order of the columns' names, several for a sparse column, then what is captured.
    (specs,), _ = graph.structured_input_signature
    owners = [name for name in sorted(specs) for _ in _parts(specs[name])]
    column_of = {tensor.op.name: name for name, tensor in zip(owners, graph.inputs, strict=False)}
    outputs = iter(graph.outputs)
    of_feature = {
        name: [next(outputs) for _ in _parts(graph.structured_outputs[name])]
        for name in sorted(graph.structured_outputs)
    }
    return Dependencies(
        columns={name: _columns(tensors, column_of) for name, tensors in of_feature.items()},
        untouched=frozenset(
            name for name, tensors in of_feature.items() if all(_origin(one, column_of) == name for one in tensors)
        ),
    )


def _parts(spec: Any) -> list[Any]:
    return list(tf.nest.flatten(spec, expand_composites=True))


def _columns(tensors: list[Any], column_of: Mapping[str, str]) -> frozenset[str]:
    queue, seen, found = [tensor.op for tensor in tensors], set[str](), set[str]()
    while queue:
        operation = queue.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        if operation.name in column_of:
            found.add(column_of[operation.name])
        queue += [one.op for one in operation.inputs]
    return frozenset(found)


def _origin(tensor: Any, column_of: Mapping[str, str]) -> str | None:
    operation = tensor.op
    while operation.type in _HANDS_ON:
        operation = operation.inputs[0].op
    return column_of.get(operation.name)
