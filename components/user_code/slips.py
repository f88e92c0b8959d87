"""Mistakes in user code that TensorFlow answers in words of its own, told by those words.

An Estimator opens a graph of its own for each training, evaluation and export, and calls ``input_fn`` and ``model_fn``
inside it. A Dataset, an iterator or a tensor that was made elsewhere, mostly when the module was imported, is not in
that graph. TensorFlow notices at whatever comes first, and says so in as many ways as there are things to come first.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Slip:
    """A known mistake: what it is, and the way out."""

    headline: str
    hint: str


_DATASET = Slip(
    "A Dataset was made outside its input_fn: an Estimator works in a graph of its own, and that Dataset is not in it",
    "make the Dataset inside the function: def input_fn(): return tf.data.Dataset...; at the top of a module keep only"
    " what it is made from (file names, numpy arrays)",
)
_ITERATOR = Slip(
    "An iterator of a Dataset made outside its input_fn is used in the graph that an Estimator works in",
    "return the Dataset itself from input_fn, made inside it: def input_fn(): return tf.data.Dataset...; the Estimator"
    " makes the iterator",
)
_PYTHON_LOOP = Slip(
    "A Dataset is iterated as Python does, in the graph that an Estimator works in",
    "return the Dataset from input_fn, made inside it; in a model_fn take one made there through"
    " tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()",
)
_TENSOR = Slip(
    "A tensor, variable or Dataset was made outside the input_fn or model_fn that uses it: an Estimator works in a"
    " graph of its own, and it is not in it",
    "make it inside the function; at the top of a module keep only what it is made from (numbers, numpy arrays, file"
    " names)",
)
_LAYER = Slip(
    "A Keras layer was made outside the model_fn that uses it: an Estimator works in a graph of its own, and the"
    " layer's weights are not in it",
    "make layers and models inside model_fn, which is called anew for each graph; or return a whole Keras model from"
    " build_keras_model",
)

_NOT_DETERMINISTIC = Slip(
    "An operation of the model cannot be made to give the same bits each time",
    "set training.deterministic = false, give random operations a seed, or use another operation",
)

_CONTRIB = Slip(
    "tf.contrib is gone from TensorFlow",
    "write `import components.estimator.contrib` above, which gives the names back that Estimators use most"
    " (docs/bringing-your-estimator.md)",
)
_V1_NAME = Slip(
    "A name of TensorFlow 1 is not at the top of TensorFlow 2",
    "write `import tensorflow.compat.v1 as tf`, or tf.compat.v1 for tf at this name (docs/bringing-your-estimator.md)",
)
_V1_NAMES = (
    "layers|placeholder|get_variable|variable_scope|get_variable_scope|AUTO_REUSE|Session|ConfigProto|GraphKeys"
    "|get_collection|add_to_collection|logging|flags|app|gfile|to_float|to_int32|to_int64|log|div|assign|assign_add|truncated_normal"
    "|random_normal|random_uniform|set_random_seed|global_variables|trainable_variables|global_variables_initializer"
    "|local_variables_initializer|tables_initializer|parse_example|decode_csv|FixedLenFeature|VarLenFeature|Print|py_func"
    "|sparse_tensor_to_dense|string_to_number|count_nonzero|is_nan|check_numerics|disable_v2_behavior"
)

_WORDS = (
    (r"module 'tensorflow[\w.]*' has no attribute 'contrib'", _CONTRIB),
    (r"No module named 'tensorflow\.contrib", _CONTRIB),
    (r"module 'tensorflow' has no attribute '(" + _V1_NAMES + ")'", _V1_NAME),
    (r"[Dd]eterminism is (not yet supported|enabled)", _NOT_DETERMINISTIC),
    (r"(?s)when calling layer .*Attempting to capture an EagerTensor", _LAYER),
    (r"of the iterator is different from the graph", _DATASET),
    (r"\binput_dataset: Attempting to capture an EagerTensor", _DATASET),
    (r"only supports Python-style iteration in eager mode", _PYTHON_LOOP),
    (r"Encountered an Eager-defined Tensor during graph construction", _ITERATOR),
    (r"Tensor\(\"(Iterator|OneShotIterator)[^)]*\) must be from the same graph", _ITERATOR),
    (r"same graph as Tensor\(\"(Iterator|OneShotIterator)", _ITERATOR),
    (r"Attempting to capture an EagerTensor without building a function", _TENSOR),
    (r"must be from the same graph as", _TENSOR),
    (r"is not an element of this graph", _TENSOR),
    (r"Tensor\.graph is undefined when eager execution is enabled", _TENSOR),
    (r"Your Layer or Model is in an invalid state", _LAYER),
)


def find_slip(error: BaseException) -> Slip | None:
    """Return the known mistake behind an exception, judged by its message; None if it is not one of them."""
    text = str(error)
    return next((slip for words, slip in _WORDS if re.search(words, text)), None)
