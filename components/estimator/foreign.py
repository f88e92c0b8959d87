"""Answers what was made outside the graph that an Estimator works in, in its own words and with the user's line.

:func:`install` puts the check around the two methods through which every Estimator calls user code, so that it holds
for whatever comes from ``tf.estimator``: a problem's model, one that trains inside ``build_estimator``, a script of
one's own.
"""

import functools
import linecache
import site
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

from components.user_code import place
from components.user_code.slips import Slip, find_slip
from pipeline.errors import PipelineError, UserCodeError

_LIBRARIES: list[str] = [*site.getsitepackages(), sysconfig.get_paths()["stdlib"], str(Path(__file__).parent)]
_NOT_USERS = tuple(str(Path(folder).resolve()) for folder in _LIBRARIES)


def install(estimator_class: Any) -> None:
    """Wrap ``_call_input_fn`` and ``_call_model_fn`` of a class of Estimators, once."""
    if getattr(estimator_class._call_input_fn, "_answers_foreign", False):
        return
    call_input_fn, call_model_fn = estimator_class._call_input_fn, estimator_class._call_model_fn

    @functools.wraps(call_input_fn)
    def with_input(self: Any, input_fn: Any, mode: str, input_context: Any = None) -> Any:
        import tensorflow as tf

        if isinstance(input_fn, tf.data.Dataset):
            raise UserCodeError(
                "input_fn is a Dataset, and has to be a function that makes one",
                expected="def input_fn(): return tf.data.Dataset...",
                hint="an Estimator works in a graph of its own, and calls the function there",
            )
        with _answered(input_fn):
            made = call_input_fn(self, input_fn, mode, input_context)
            if isinstance(made, tf.data.Dataset):
                # What the Estimator does next, where no line of the user's would be in the traceback.
                from tensorflow.python.data.ops import dataset_ops

                dataset_ops._ensure_same_dataset_graph(made)
        return made

    @functools.wraps(call_model_fn)
    def with_model(self: Any, *args: Any, **named: Any) -> Any:
        with _answered(getattr(self, "_model_fn", None)):
            return call_model_fn(self, *args, **named)

    with_input._answers_foreign = True  # type: ignore[attr-defined]
    estimator_class._call_input_fn, estimator_class._call_model_fn = with_input, with_model


@contextmanager
def _answered(function: Any) -> Iterator[None]:
    try:
        yield
    except PipelineError:
        raise
    except (ValueError, RuntimeError, AttributeError) as error:
        slip = find_slip(error)
        if slip is None:
            raise
        raise _explain(error, slip, function) from error


def _explain(error: BaseException, slip: Slip, function: Any) -> UserCodeError:
    code = _code(function)
    frames = [(Path(one.filename).resolve(), one.lineno or 0) for one in traceback.extract_tb(error.__traceback__)]
    users = [(file, line) for file, line in frames if file.exists() and not str(file).startswith(_NOT_USERS)]
    if not users and code is not None:
        users = [(Path(code.co_filename).resolve(), code.co_firstlineno)]
    where = None
    if users:
        file, line = users[-1]
        where = f"{place.original(file)}:{line}  {linecache.getline(str(file), line).strip()}".rstrip()
    names = _made_outside(function, code)
    got = str(error).splitlines()[0][:300]
    if names and code is not None:
        got = f"{names} of {place.original(code.co_filename).name}"
    explained = UserCodeError(slip.headline, got=got, where=where, hint=slip.hint)
    explained.add_note(explained.render().partition("\n")[2])  # for a script, where Python prints the exception
    return explained


def _code(function: Any) -> CodeType | None:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(_unwrapped(function), "__code__", None)


def _unwrapped(function: Any) -> Any:
    """Return the function inside decorators that say what they wrap."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def _made_outside(function: Any, code: CodeType | None) -> str:
    """Name the Datasets, iterators and tensors that a function takes from its module."""
    import tensorflow as tf

    if code is None:
        return ""
    kinds: tuple[tuple[Any, str], ...] = (
        (tf.data.Dataset, "a Dataset"),
        (tf.data.Iterator, "an iterator"),
        (tf.compat.v1.data.Iterator, "an iterator"),
        ((tf.Tensor, tf.Variable), "a tensor"),
        (tf.keras.layers.Layer, "a layer"),
    )
    module: dict[str, Any] = getattr(_unwrapped(function), "__globals__", {})
    found = []
    for name in _names(code):
        kind = next((text for types, text in kinds if isinstance(module.get(name), types)), None)
        if kind:
            found.append(f"{name} ({kind})")
    return ", ".join(found)


def _names(code: CodeType) -> list[str]:
    inner = [name for one in code.co_consts if isinstance(one, CodeType) for name in _names(one)]
    return list(dict.fromkeys([*code.co_names, *inner]))
