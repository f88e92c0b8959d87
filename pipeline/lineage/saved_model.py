"""Which inputs of a SavedModel each of its outputs is computed from, read from the graph in ``saved_model.pb``.

TensorFlow's own classes for that file come with TensorFlow. The few fields that are needed here are therefore declared
again, with the numbers of ``tensorflow/core/protobuf/saved_model.proto``, ``meta_graph.proto`` and
``tensorflow/core/framework/{graph,node_def,function,op_def,attr_value}.proto``; Protobuf skips the others.

What is found is what the graph computes. A constant that was computed from a column beforehand, such as the mean that
a z-score takes off, is a constant here.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

_STRING, _MESSAGE, _UINT = 9, 11, 13
_FIELDS: dict[str, tuple[tuple[str, int, str, bool], ...]] = {
    "SavedModel": (("meta_graphs", 2, "MetaGraph", True),),
    "MetaGraph": (
        ("graph", 2, "Graph", False),
        ("signatures", 5, "SignatureEntry", True),
        ("objects", 7, "Objects", False),
    ),
    "Objects": (("functions", 2, "ConcreteEntry", True),),
    "ConcreteEntry": (("key", 1, "", False), ("value", 2, "Concrete", False)),
    "Concrete": (("inputs", 3, "Structure", False), ("outputs", 4, "Structure", False)),
    "Structure": (
        ("spec", 34, "TypeSpec", False),
        ("tuple", 52, "Structures", False),
        ("dict", 53, "StructureDict", False),
    ),
    "TypeSpec": (("components", 4, "#", False),),
    "Structures": (("values", 1, "Structure", True),),
    "StructureDict": (("fields", 1, "StructureEntry", True),),
    "StructureEntry": (("key", 1, "", False), ("value", 2, "Structure", False)),
    "SignatureEntry": (("key", 1, "", False), ("value", 2, "Signature", False)),
    "Signature": (("inputs", 1, "TensorEntry", True), ("outputs", 2, "TensorEntry", True)),
    "TensorEntry": (("key", 1, "", False), ("value", 2, "Tensor", False)),
    "Tensor": (("name", 1, "", False), ("parts", 4, "Sparse", False)),
    "Sparse": (("values", 1, "", False), ("indices", 2, "", False), ("shape", 3, "", False)),
    "Graph": (("nodes", 1, "Node", True), ("library", 2, "Library", False)),
    "Node": (("name", 1, "", False), ("op", 2, "", False), ("inputs", 3, "", True), ("attr", 5, "AttrEntry", True)),
    "AttrEntry": (("key", 1, "", False), ("value", 2, "Attr", False)),
    "Attr": (("func", 10, "Named", False),),
    "Named": (("name", 1, "", False),),
    "Library": (("functions", 1, "Function", True),),
    "Function": (("signature", 1, "Op", False), ("nodes", 3, "Node", True), ("ret", 4, "TextEntry", True)),
    "Op": (("name", 1, "", False), ("input_args", 2, "Named", True), ("output_args", 3, "Named", True)),
    "TextEntry": (("key", 1, "", False), ("value", 2, "", False)),
}


def signature_reach(folder: Path, signature: str) -> dict[str, list[str]]:
    """Return for each output of a signature the inputs that it is computed from, by their names in the signature.

    Args:
        folder: The SavedModel.
        signature: The signature's name.

    Returns:
        Outputs and inputs, sorted; empty where there is no such signature.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no SavedModel.
    """
    for meta_graph in _read(folder).meta_graphs:
        for entry in meta_graph.signatures:
            if entry.key == signature:
                return _Reach(meta_graph.graph).of_signature(entry.value)
    return {}


def transform_reach(folder: Path) -> dict[str, list[str]]:
    """Return for each feature of a ``transform_fn`` the columns that it is computed from.

    TensorFlow Transform's function takes a dict and returns one; a SavedModel keeps the keys of both beside the
    function, and the function's arguments and results are the dicts' values in the order of their sorted keys
    (``tf.nest``). The signature only numbers its inputs.

    Args:
        folder: The ``transform_fn`` inside a TransformGraph artifact.

    Returns:
        Features and columns, sorted; empty where the file holds no such function.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no SavedModel.
    """
    for meta_graph in _read(folder).meta_graphs:
        walk = _Reach(meta_graph.graph)
        for entry in meta_graph.objects.functions:
            columns = _keys(_argument(entry.value.inputs))
            features = _keys(entry.value.outputs)
            if columns and features:
                return walk.of_function(entry.key, columns, features)
    return {}


def _read(folder: Path) -> Any:
    content = (folder / "saved_model.pb").read_bytes()
    model = _saved_model_class()()
    try:
        model.ParseFromString(content)
    except message.DecodeError as error:
        raise ValueError(f"{folder} holds no SavedModel: {error}") from None
    return model


def _argument(inputs: Any) -> Any:
    """Return the one positional argument of a function; the signatures' own wrappers have keywords instead."""
    values = inputs.tuple.values
    positional = values[0].tuple.values if values else []
    return positional[0] if len(positional) == 1 else None


def _keys(structure: Any) -> list[str]:
    """Return the keys of a dict, sorted, each as often as its value has tensors."""
    if structure is None:
        return []
    entries = sorted(structure.dict.fields, key=lambda entry: entry.key)
    return [entry.key for entry in entries for _ in range(max(1, entry.value.spec.components))]


def _tensors(tensor: Any) -> list[str]:
    parts = (tensor.parts.values, tensor.parts.indices, tensor.parts.shape)
    return [tensor.name] if tensor.name else [part for part in parts if part]


def _node_of(reference: str) -> str:
    return reference.removeprefix("^").split(":", 1)[0]


class _Reach:
    """Walks a graph backwards, into the functions that it calls."""

    def __init__(self, graph: Any) -> None:
        self._nodes = {node.name: node for node in graph.nodes}
        self._functions = {one.signature.name: one for one in graph.library.functions}
        self._known: dict[tuple[str, str], frozenset[int]] = {}

    def of_function(self, name: str, inputs: list[str], outputs: list[str]) -> dict[str, list[str]]:
        """Return the reach of a function whose arguments and results have these names."""
        function = self._functions.get(name)
        if function is None or len(function.signature.output_args) != len(outputs):
            return {}
        found: dict[str, set[str]] = {}
        for label, output in zip(outputs, function.signature.output_args, strict=True):
            reached = self._arguments(function, output.name)
            found.setdefault(label, set()).update(inputs[one] for one in reached if one < len(inputs))
        return {label: sorted(names) for label, names in sorted(found.items())}

    def of_signature(self, signature: Any) -> dict[str, list[str]]:
        """Return the reach of a signature of the graph."""
        names: dict[str, set[str]] = {}
        for entry in signature.inputs:
            for tensor in _tensors(entry.value):
                names.setdefault(_canonical(tensor), set()).add(entry.key)
        found = {}
        for entry in signature.outputs:
            stops = self._back(_tensors(entry.value), self._nodes, set(names))
            found[entry.key] = sorted({name for stop in stops for name in names[stop]})
        return dict(sorted(found.items()))

    def _back(self, start: Iterable[str], nodes: dict[str, Any], stops: set[str]) -> set[str]:
        """Return those of ``stops`` (tensors, as ``node:0``, or a function's arguments) that are reached."""
        reached: set[str] = set()
        seen: set[str] = set()
        queue = [_canonical(one) for one in start]
        while queue:
            tensor = queue.pop()
            if tensor in seen:
                continue
            seen.add(tensor)
            if tensor in stops:
                reached.add(tensor)
                continue
            node = nodes.get(_node_of(tensor))
            if node is not None:
                queue += [_canonical(one) for one in self._inputs(node, tensor)]
        return reached

    def _inputs(self, node: Any, tensor: str) -> list[str]:
        """Return the inputs that one output of a node is computed from: all, unless it calls a function."""
        inputs = [one for one in node.inputs if not one.startswith("^")]
        called = [entry.value.func.name for entry in node.attr if entry.key == "f" and entry.value.func.name]
        function = self._functions.get(called[0]) if called and "PartitionedCall" in node.op else None
        index = tensor.rsplit(":", 1)[-1]
        if function is None or not index.isdigit() or int(index) >= len(function.signature.output_args):
            return inputs
        output = function.signature.output_args[int(index)].name
        return [inputs[one] for one in sorted(self._arguments(function, output)) if one < len(inputs)]

    def _arguments(self, function: Any, output: str) -> frozenset[int]:
        """Return the positions of the arguments that an output of a function is computed from."""
        key = (function.signature.name, output)
        if key not in self._known:
            self._known[key] = frozenset()  # a function that calls itself adds nothing by that
            places = {_canonical(one.name): place for place, one in enumerate(function.signature.input_args)}
            start = [entry.value for entry in function.ret if entry.key == output]
            reached = self._back(start, {node.name: node for node in function.nodes}, set(places))
            self._known[key] = frozenset(places[one] for one in reached)
        return self._known[key]


def _canonical(reference: str) -> str:
    """Write ``node``, ``node:0`` and, as within functions, ``node:output:0`` in one way."""
    parts = reference.split(":")
    return f"{parts[0]}:{parts[-1]}" if len(parts) > 1 else f"{reference}:0"


@cache
def _saved_model_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="saved_model_subset.proto", package="subset", syntax="proto3")
    for name, fields in _FIELDS.items():
        declared = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            added = declared.field.add(name=field, number=number, label=3 if repeated else 1)
            added.type = {"": _STRING, "#": _UINT}.get(kind, _MESSAGE)
            if added.type == _MESSAGE:
                added.type_name = f".subset.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("subset.SavedModel"))
