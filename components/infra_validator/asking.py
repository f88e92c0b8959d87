"""Asking a signature by its inputs' names: as a Python function, or where names cannot be arguments, in a Session.

TensorFlow Serving feeds the tensors that the export's ``signature_def`` gives for the names, whatever the names are.
``tf.saved_model.load`` makes a signature a Python function, whose arguments some names cannot be though the export is
well: ``self`` is taken by the method that is called, and of two names that become one argument only one would arrive.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Answers = dict[str, Any]


def names_in_the_way(names: Iterable[str]) -> list[str]:
    """Return which of a signature's input names cannot be its arguments in Python, sorted; none where all can."""
    # TensorFlow's own, so that this goes by what a call would do: "a-b" and "a_b" both become the argument "a_b".
    from tensorflow.core.function.polymorphism.function_type import sanitize_arg_name

    arguments = {name: sanitize_arg_name(name) if name else "" for name in names}
    given = Counter(arguments.values())
    return sorted(name for name, argument in arguments.items() if name in ("self", "") or given[argument] > 1)


def python_notes(signatures: Mapping[str, Any]) -> list[str]:
    """Say which of a loaded model's signatures cannot be asked as Python functions, and how else a client can."""
    notes = []
    for name, signature in sorted(signatures.items()):
        if names := names_in_the_way(signature.structured_input_signature[1]):
            instead = "" if name == "serving_default" else ", or use 'serving_default'"
            notes.append(
                f"a Python client has to ask {name!r} by tf.compat.v1.saved_model.load{instead}: names of its inputs "
                f"cannot be arguments ({', '.join(map(repr, names))}), though TensorFlow Serving takes them"
            )
    return notes


def asker(model: str, name: str, signature: Any) -> Callable[[Mapping[str, Any]], Answers]:
    """Return a function that asks a signature.

    Args:
        model: Folder of the SavedModel.
        name: The signature's.
        signature: It, as ``tf.saved_model.load`` gives it.

    Returns:
        A function from a tensor by input name to an array by output name.
    """
    if names_in_the_way(signature.structured_input_signature[1]):
        return _in_session(model, name)
    return lambda inputs: {output: tensor.numpy() for output, tensor in signature(**inputs).items()}


def _in_session(model: str, name: str) -> Callable[[Mapping[str, Any]], Answers]:
    import tensorflow as tf

    session = tf.compat.v1.Session(graph=tf.Graph())
    loaded = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], model)
    definition = loaded.signature_def[name]
    outputs = {output: info.name for output, info in definition.outputs.items()}

    def ask(inputs: Mapping[str, Any]) -> Answers:
        feed = {definition.inputs[given].name: tensor.numpy() for given, tensor in inputs.items()}
        answers: Answers = session.run(outputs, feed)
        return answers

    return ask
