"""Starts a training from the weights of an earlier model: ``tf.estimator.WarmStartSettings``, with two things added.

A variable whose shape changed, or that is new, begins as it would without; the API refuses such a model. And the rows
of a variable that belong to a vocabulary follow their terms when the vocabulary changed, as
``tf.estimator.VocabInfo`` has it; in addition the rows after the vocabulary (for terms that are in none) are taken
over too, counted from the end, which fits both ways to lay them out: right behind the terms (``num_oov_buckets``),
and at the end of a variable of a fixed size.

The vocabularies are those of TensorFlow Transform: files by name in the transform graph, and by the same name in the
assets of each export, since the transform is inside. A SavedModel's ``variables/variables`` is a checkpoint. It has no
slots of optimizers, which begin anew.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import tensorflow as tf

from pipeline.errors import SettingsError

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_COLUMNS = ("", "_embedding", "_shared_embedding", "_indicator", "_weights")  # what feature columns add to a name


@dataclass(frozen=True)
class WarmStart:
    """What to start from.

    Attributes:
        model: The folder of a SavedModel.
        vocabularies: The files of the transform that training uses now, by name.
        variables: Regular expression of the names of variables to take over.
        named: Vocabularies by the names of the variables whose rows belong to them.
    """

    model: Path
    vocabularies: Mapping[str, Path]
    variables: str = ".*"
    named: Mapping[str, str] = field(default_factory=dict)


def warm_start(start: WarmStart) -> list[str]:
    """Let the variables of the current graph begin with an earlier model's values.

    To be called after ``model_fn``, in training's graph and before its session. A training that has a checkpoint goes
    on from that: a session restores instead of initialising.

    Returns:
        What happened, in sentences: what was taken over, what follows its terms, what begins anew and why.

    Raises:
        SettingsError: If ``named`` has a variable or a vocabulary that is not there.
    """
    reader = tf.train.load_checkpoint(str(start.model / "variables" / "variables"))
    keys = _keys_by_name(reader)
    old_shapes = reader.get_variable_to_shape_map()
    trained = set(tf.compat.v1.trainable_variables())
    candidates = [one for one in tf.compat.v1.global_variables() if one.op.name != "global_step"]
    matched = [one for one in candidates if re.search(start.variables, one.op.name)]
    if not matched:
        raise SettingsError(
            "training.vars_to_warm_start matches no variable of the model",
            got=start.variables,
            expected=f"an expression found in one of: {', '.join(sorted(one.op.name for one in trained))}",
            where="training.vars_to_warm_start",
        )
    changed = _changed_vocabularies(start)
    _check_named(start, {one.op.name for one in trained})
    taken: list[str] = []
    moved: list[str] = []
    anew: list[str] = []
    moved_vocabularies: set[str] = set()
    for variable in matched:
        name, key = variable.op.name, keys.get(variable.op.name)
        shape = variable.shape.as_list()
        if key is None:
            if variable in trained:
                anew.append(f"{name} (new)")
            continue
        vocabulary = start.named.get(name) or _vocabulary_of(name, start.vocabularies)
        rows = changed.get(vocabulary) if vocabulary else None
        old_shape = old_shapes[key]
        if rows is not None and rows.fits(old_shape, shape):
            _begin_with_rows(variable, start.model, key, rows.sources(old_shape[0], shape[0]))
            moved.append(f"{name} by {vocabulary}: {rows.said()}")
            moved_vocabularies.add(str(vocabulary))
        elif list(old_shape) == shape:
            _begin_with(variable, start.model, key)
            taken.append(name)
        else:
            anew.append(f"{name} (shape {_shape(shape)}, was {_shape(old_shape)})")
    lines = [f"{len(taken)} variable{'s' if len(taken) != 1 else ''} taken over as they are"]
    if moved:
        lines.append(f"rows follow their terms in {'; '.join(moved)}")
    if anew:
        lines.append(f"begin anew: {', '.join(anew)}")
    lost = sorted(set(changed) - moved_vocabularies)
    if lost:
        lines.append(
            f"changed, and not known to belong to a variable: {', '.join(lost)}"
            " (training.var_name_to_vocab says which it is)"
        )
    return lines


def vocabularies(folder: Path) -> dict[str, Path]:
    """Return the files of an ``assets`` folder by name."""
    return {file.name: file for file in sorted(folder.iterdir()) if file.is_file()} if folder.is_dir() else {}


@dataclass(frozen=True)
class _Rows:
    """How the rows of a vocabulary moved."""

    old: Sequence[bytes]
    new: Sequence[bytes]

    def fits(self, old_shape: Sequence[int], new_shape: Sequence[int]) -> bool:
        """Whether two shapes differ in nothing but rows, and have one for each term."""
        return (
            len(old_shape) == len(new_shape) >= 1
            and list(old_shape[1:]) == list(new_shape[1:])
            and old_shape[0] >= len(self.old)
            and new_shape[0] >= len(self.new)
        )

    def sources(self, old_rows: int, new_rows: int) -> Any:
        """Return for each new row the old one that it comes from, -1 for none; int64 ``[new_rows]``."""
        index = {term: row for row, term in enumerate(self.old)}
        rows = np.full(new_rows, -1, np.int64)
        rows[: len(self.new)] = [index.get(term, -1) for term in self.new]
        rest = min(old_rows - len(self.old), new_rows - len(self.new))
        if rest:
            rows[-rest:] = np.arange(old_rows - rest, old_rows)
        return rows

    def said(self) -> str:
        old, new = set(self.old), set(self.new)
        return f"{len(old & new)} kept, {len(new - old)} new, {len(old - new)} gone"


def _changed_vocabularies(start: WarmStart) -> dict[str, _Rows]:
    """Return how the rows moved for each vocabulary that both models have, and that is not the same."""
    before = vocabularies(start.model / "assets")
    found = {}
    for name, file in start.vocabularies.items():
        if name in before:
            old, new = (path.read_bytes() for path in (before[name], file))
            if old != new:
                found[name] = _Rows(old.splitlines(), new.splitlines())
    return found


def _vocabulary_of(variable: str, vocabularies: Mapping[str, Path]) -> str | None:
    """Find the vocabulary that a variable's name tells of, as ``embeddings/nearness`` tells of ``nearness``."""
    parts = variable.split("/")
    for name in sorted(vocabularies, key=len, reverse=True):
        plain = re.sub(r"^vocab(ulary)?_|_vocab(ulary)?$|\.txt$", "", name)
        if any(part in {f"{one}{end}" for one in (name, plain) for end in _COLUMNS} for part in parts):
            return name
    return None


def _check_named(start: WarmStart, names: set[str]) -> None:
    for variable, vocabulary in start.named.items():
        for kind, given, known in (("variable", variable, names), ("vocabulary", vocabulary, set(start.vocabularies))):
            if given not in known:
                close = difflib.get_close_matches(given, known, n=1)
                raise SettingsError(
                    f"training.var_name_to_vocab names a {kind} that is not there",
                    got=given,
                    expected=f"one of: {', '.join(sorted(known)) or 'none'}",
                    where="training.var_name_to_vocab",
                    hint=f"did you mean {close[0]}?" if close else None,
                )


def _keys_by_name(reader: Any) -> dict[str, str]:
    """Return the keys of a checkpoint by the names of variables.

    They are the same, except in the checkpoints of objects that Keras writes, whose graph of objects has the names.
    """
    shapes = reader.get_variable_to_shape_map()
    if _GRAPH not in shapes:
        return {name: name for name in shapes}
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor(_GRAPH))
    named = {name: name for name in shapes if not name.endswith(_VALUE) and name != _GRAPH}
    for node in graph.nodes:
        named |= {one.full_name: one.checkpoint_key for one in node.attributes if one.full_name}
    return named


def _begin_with(variable: Any, model: Path, key: str) -> None:
    tf.compat.v1.train.init_from_checkpoint(str(model / "variables" / "variables"), {key: variable})


def _begin_with_rows(variable: Any, model: Path, key: str, sources: Any) -> None:
    """Let each row begin with the old row that it comes from, the others as they would."""
    with tf.device("/cpu:0"):
        prefix = str(model / "variables" / "variables")
        [old] = tf.raw_ops.RestoreV2(
            prefix=prefix, tensor_names=[key], shape_and_slices=[""], dtypes=[variable.dtype.base_dtype]
        )
        known = tf.constant(sources >= 0)
        rows = tf.gather(old, tf.constant(np.maximum(sources, 0)))
        first = variable.initial_value
        known = tf.reshape(known, [-1] + [1] * (variable.shape.rank - 1))
        value = tf.where(known, rows, first)
        value.set_shape(variable.shape)
    # As tf.compat.v1.train.init_from_checkpoint does it.
    variable._initializer_op = variable.assign(value, read_value=False)
    variable._initial_value = value


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape) or "()"
