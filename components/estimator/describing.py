"""Writes beside an exported model what a client has to know, as JSON; :mod:`components.description` says where.

Requests are in the form of TensorFlow Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest), by rows
(``instances``) and not by columns, since a row is what a client of the columns' names has at hand. Each file is a whole
body: ``curl -d @example_request.raw.json .../v1/models/housing:predict``.

The row in them is made up from the schema: a value within each column's domain. A real row would be served to whoever
may ask the model, who may not be meant to see the data; and it would take the place of nothing that matters, since
the infra validation asks the model real rows in each run. All columns have a value in it, so that the body is strict
JSON, which has no NaN.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_transform.tf_metadata import schema_utils

from components.description import FOLDER, RAW, SIGNATURES, request_file
from components.estimator.needing import MISSING, needed

_METHODS = {"predict", "classify", "regress"}
_WIDE = 100.0  # a domain whose bounds are further apart than this factor is taken to be logarithmic
_NOTES = [
    "shape: null is the number of rows, or another size that is not fixed",
    'missing: what stands for a missing value; null where there has to be one. "NaN" is the number: the bare word NaN '
    "in a request to TensorFlow Serving, which strict JSON does not know",
    "the rows of the example requests are made up from the schema: no row of the data",
]


@dataclass(frozen=True)
class Column:
    """A column of the requests.

    Attributes:
        dtype: Its type.
        shape: The shape of one row's value: ``[]``, or ``[n]``.
        needed: Whether each row has to have a value.
        values: The texts that it may hold, where the schema lists them.
        minimum: The least number that it may hold, where the schema says; also for numbers that are written as text.
        maximum: The greatest.
    """

    dtype: Any
    shape: tuple[int, ...]
    needed: bool
    values: tuple[str, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None

    def example(self) -> Any:
        """Return a value of one row: the first or the middle one that may be; 1 or "text" if the schema is silent."""
        value: Any = self.values[0] if self.values else self._middle()
        if self.dtype == tf.string and not self.values:
            value = "text" if self.minimum is self.maximum is None else str(value)
        for size in reversed(self.shape):
            value = [value] * size
        return value

    def _middle(self) -> int | float:
        low, high = self.minimum, self.maximum
        if low is None or high is None:
            middle = next((one for one in (low, high) if one is not None), 1)
            return float(middle) if self.dtype.is_floating else middle
        logarithmic = low > 0 and high / low > _WIDE
        if isinstance(low, int) and isinstance(high, int):
            return math.isqrt(low * high) if logarithmic else (low + high) // 2
        middle = math.sqrt(low * high) if logarithmic else low + (high - low) / 2
        rounded = float(f"{middle:.4g}")
        return rounded if low <= rounded <= high else middle

    def as_json(self) -> dict[str, Any]:
        """Return what a client has to know of it."""
        missing = {tf.float32: "NaN"}.get(self.dtype, MISSING[self.dtype])
        known = {"values": list(self.values) or None, "minimum": self.minimum, "maximum": self.maximum}
        return {
            "needed": self.needed,
            "missing": None if self.needed or self.shape else missing,
            **{name: value for name, value in known.items() if value is not None},
        }


def write_description(folder: Path, *, problem: str, schema: Any, forward: Sequence[str] = ()) -> None:
    """Write ``signatures.json`` and the example requests into the folder of a SavedModel.

    Args:
        folder: The SavedModel, which has a signature ``raw``.
        problem: The problem's name.
        schema: The schema of the raw columns (``tensorflow_metadata.proto.v0.Schema``).
        forward: The columns that come back beside each prediction.
    """
    columns = columns_of(schema)
    extra = folder / FOLDER
    extra.mkdir(exist_ok=True)
    (meta_graph,) = _meta_graphs(folder)
    signatures = {name: one for name, one in sorted(meta_graph.signature_def.items()) if not name.startswith("__")}
    asked = {name: columns[name] for name in sorted(signatures[RAW].inputs)}
    (examples,) = signatures[tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY].inputs.values()
    described = {}
    for name, signature in signatures.items():
        described[name] = _signature(signature, asked, forward, takes_examples=_takes(signature, examples.name))
        request = _request(name, signature, asked, takes_examples=_takes(signature, examples.name))
        if request is not None:
            described[name]["example_request"] = request_file(name)
            _write(extra / request_file(name), request)
    _write(
        folder / SIGNATURES,
        {"model": problem, "notes": _NOTES, "forward_features": list(forward), "signatures": described},
    )


def columns_of(schema: Any) -> dict[str, Column]:
    """Return the columns that a schema describes."""
    both = schema_utils.schema_as_feature_spec(schema)
    columns = {}
    for name, spec in both.feature_spec.items():
        shape, domain = tuple(getattr(spec, "shape", ())), both.domains.get(name)
        columns[name] = Column(
            spec.dtype,
            () if shape == (1,) else shape,  # a column of one value a row is asked for as [batch]
            needed(spec),
            tuple(getattr(domain, "value", ())),
            _bound(domain, "min"),
            _bound(domain, "max"),
        )
    return columns


def _bound(domain: Any, name: str) -> int | float | None:
    """Return a bound of an ``IntDomain`` or ``FloatDomain``; None where there is none."""
    if domain is None or name not in domain.DESCRIPTOR.fields_by_name or not domain.HasField(name):
        return None
    bound: int | float = getattr(domain, name)
    return bound if math.isfinite(bound) else None


def _meta_graphs(folder: Path) -> Any:
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    return model.meta_graphs


def _takes(signature: Any, examples: str) -> bool:
    """Tell whether a signature takes serialized examples and nothing else."""
    return [one.name for one in signature.inputs.values()] == [examples]


def _signature(
    signature: Any, columns: Mapping[str, Column], forward: Sequence[str], *, takes_examples: bool
) -> dict[str, Any]:
    inputs = {}
    for name, info in sorted(signature.inputs.items()):
        inputs[name] = _tensor(info)
        if takes_examples:
            inputs[name]["holds"] = "serialized tf.train.Example"
            inputs[name]["features"] = {
                key: {"dtype": one.dtype.name, "shape": list(one.shape), **_without_mark(one)}
                for key, one in columns.items()
            }
        elif name in columns:
            inputs[name] |= columns[name].as_json()
    outputs = {}
    for name, info in sorted(signature.outputs.items()):
        outputs[name] = _tensor(info)
        if name in forward:
            outputs[name]["forwarded"] = True
    method = signature.method_name.rpartition("/")[2]
    return {"method": method if method in _METHODS else signature.method_name, "inputs": inputs, "outputs": outputs}


def _without_mark(column: Column) -> dict[str, Any]:
    """An example leaves out what is missing, so no value stands for it."""
    return {key: value for key, value in column.as_json().items() if key != "missing"}


def _tensor(info: Any) -> dict[str, Any]:
    shape = None if info.tensor_shape.unknown_rank else [None if d.size < 0 else d.size for d in info.tensor_shape.dim]
    return {"dtype": tf.dtypes.as_dtype(info.dtype).name, "shape": shape}


def _request(
    name: str, signature: Any, columns: Mapping[str, Column], *, takes_examples: bool
) -> dict[str, Any] | None:
    """Return the body of a request of one row; None for a signature that takes what is not known here."""
    row = {key: column.example() for key, column in columns.items()}
    if not takes_examples:
        known = set(signature.inputs) <= set(row)
        return {"signature_name": name, "instances": [{key: row[key] for key in signature.inputs}]} if known else None
    if signature.method_name.endswith(("/classify", "/regress")):
        return {"signature_name": name, "examples": [row]}
    (key,) = signature.inputs
    encoded = base64.b64encode(_example(row, columns)).decode("ascii")
    return {"signature_name": name, "instances": [{key: {"b64": encoded}}]}


def _example(row: Mapping[str, Any], columns: Mapping[str, Column]) -> bytes:
    example = tf.train.Example()
    for name, value in row.items():
        values, feature = value if isinstance(value, list) else [value], example.features.feature[name]
        if columns[name].dtype == tf.string:
            feature.bytes_list.value.extend(one.encode() for one in values)
        elif columns[name].dtype.is_floating:
            feature.float_list.value.extend(values)
        else:
            feature.int64_list.value.extend(values)
    return bytes(example.SerializeToString(deterministic=True))


def _write(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
