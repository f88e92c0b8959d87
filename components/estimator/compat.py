"""Give tf.estimator back to TensorFlow 2.16 and later. Import this before TensorFlow; importing it does the work.

This is the one module that knows where ``tf.estimator`` comes from. TensorFlow 2.16 removed the Estimator; the package
tensorflow-estimator 2.15 still holds all of it, but imports things from TensorFlow that went with it. Afterwards:

- ``tf.estimator`` and ``tf.compat.v2.estimator`` are the V2 classes, ``tf.compat.v1.estimator`` the V1 ones, with
  ``.inputs`` and ``.tpu``; each can also be imported (``from tensorflow.compat.v1 import estimator``,
  ``import tensorflow.estimator``);
- ``import tensorflow_estimator`` works, and so do the private names ``tensorflow.python.estimator.*``, which are the
  same module objects;
- ``tf.data.experimental.CheckpointInputPipelineHook`` is there again.

What is put in place, and why:

- ``TF_USE_LEGACY_KERAS=1``: an Estimator is a graph with sessions, Keras 3 has no graph mode, and TensorFlow decides at
  its own import which Keras it takes. Hence the error when TensorFlow came first;
- :mod:`~components.estimator.revived.export_names`: the decorator that marks each public symbol needs the API name;
- :mod:`~components.estimator.revived.estimator_training`: what runs an Estimator under a distribution strategy in a
  cluster; imported by RunConfig, Estimator and train_and_evaluate;
- :mod:`~components.estimator.revived.tpu_modules`: imported by TPUEstimator even on a CPU;
- :mod:`~components.estimator.revived.checkpoint_input_pipeline`: that hook, which lived in tf.data;
- :mod:`~components.estimator.revived.module_aliases`: the names above;
- :mod:`~components.estimator.revived.argspec`: ``inspect.getargspec``, which Python 3.11 took away;
- :mod:`~components.estimator.foreign`: an answer to what was made outside the graph that an Estimator works in.

On a TensorFlow that has Estimators of its own nothing is done, nor any variable set. TPU training is not given back.
"""

import importlib
import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import InfrastructureError, SettingsError

_V1 = "tensorflow_estimator.python.estimator.api._v1.estimator"
_V2 = "tensorflow_estimator.python.estimator.api._v2.estimator"
_ALIASES = {
    "tensorflow.estimator": _V2,
    "tensorflow.compat.v1.estimator": _V1,
    "tensorflow.compat.v2.estimator": _V2,
    "tensorflow._api.v2.compat.v1.estimator": _V1,
    "tensorflow._api.v2.compat.v2.estimator": _V2,
    "tensorflow.python.estimator": "tensorflow_estimator.python.estimator",
    # Renamed by tensorflow-estimator in 2.3; code from before uses the old name.
    "tensorflow.python.estimator.keras": "tensorflow_estimator.python.estimator.keras_lib",
    "tensorflow_estimator.python.estimator.keras": "tensorflow_estimator.python.estimator.keras_lib",
}
_KERAS_VARIABLE = "TF_USE_LEGACY_KERAS"
_KERAS_TRUE = ("1", "true", "True")  # what TensorFlow itself takes for true


def install() -> bool:
    """Give the Estimator back. Runs once, when this module is imported; again, it changes nothing.

    Returns:
        Whether there was anything to do: False on a TensorFlow that has Estimators of its own.

    Raises:
        SettingsError: TensorFlow was imported before, with Keras 3.
        InfrastructureError: tensorflow, tf_keras or tensorflow_estimator is not installed.
    """
    if _tensorflow_has_estimator():
        return False
    for name in ("tf_keras", "tensorflow_estimator"):
        _require(name)
    _force_legacy_keras()

    from components.estimator import foreign
    from components.estimator.revived import argspec, export_names, module_aliases, tpu_modules

    argspec.install()
    tf = importlib.import_module("tensorflow")
    _check_keras(tf)
    export_names.install(importlib.import_module("tensorflow.python.util.tf_export"))
    importlib.import_module("tensorflow.python.tpu")
    tpu_modules.install()
    _place("tensorflow.python.distribute.estimator_training", "components.estimator.revived.estimator_training")
    module_aliases.install(_ALIASES)
    _attach_api()
    _attach_input_hook()
    tpu_modules.refuse_tpu(
        importlib.import_module("tensorflow_estimator.python.estimator.tpu.tpu_estimator").TPUEstimator
    )
    foreign.install(importlib.import_module("tensorflow_estimator.python.estimator.estimator").Estimator)
    return True


def _tensorflow_has_estimator() -> bool:
    """Say whether TensorFlow brings the Estimator's other half itself; without importing TensorFlow."""
    spec = _require("tensorflow")
    return any(Path(p, "python/distribute/estimator_training.py").exists() for p in spec.submodule_search_locations)


def _require(name: str) -> Any:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise InfrastructureError(
            f"The Estimator needs the package {name}, which is not installed",
            expected="tensorflow with its matching tf_keras (the same minor version) and tensorflow-estimator 2.15",
            where=sys.prefix,
            hint="install the project's locked dependencies: make install",
        )
    return spec


def _force_legacy_keras() -> None:
    # TensorFlow reads the variable twice: when it is imported, into _tf_uses_legacy_keras (which decides tensorflow's
    # __path__, that is what `import tensorflow.keras` finds, and which Keras registers its optimizers); and at the
    # first use of tf.keras, which is resolved lazily. Setting it between the two would give one program both Keras 2
    # and Keras 3, so only the first reading counts.
    tf = sys.modules.get("tensorflow")
    if tf is not None and not getattr(tf, "_tf_uses_legacy_keras", True):
        raise _too_late("TensorFlow had been imported before, without TF_USE_LEGACY_KERAS=1: its Keras is Keras 3")
    if os.environ.get(_KERAS_VARIABLE) not in _KERAS_TRUE:
        os.environ[_KERAS_VARIABLE] = "1"


def _check_keras(tf: Any) -> None:
    # By where its classes come from: tf.keras is a loader before its first use and a module after, and Keras 2 under
    # that name has no __version__.
    package = tf.keras.Model.__module__.partition(".")[0]
    if package != "tf_keras":
        raise _too_late(f"tf.keras is the package {package}: first used while TF_USE_LEGACY_KERAS was not set")


def _too_late(got: str) -> SettingsError:
    return SettingsError(
        "components.estimator.compat was imported too late: import it before TensorFlow, or set TF_USE_LEGACY_KERAS=1"
        " in the environment, for Estimators need Keras 2 (tf_keras) and TensorFlow has already taken Keras 3",
        got=got,
        expected="import components.estimator.compat, then import tensorflow",
        where="import components.estimator.compat",
        hint="make it the first import of the program, or run with TF_USE_LEGACY_KERAS=1",
    )


def _place(name: str, source: str) -> None:
    """Let ``source`` answer to the dotted ``name`` that TensorFlow had."""
    parent, _, child = name.rpartition(".")
    module = importlib.import_module(source)
    sys.modules[name] = module
    setattr(importlib.import_module(parent), child, module)


def _attach_api() -> None:
    """Set the attribute ``estimator`` on tensorflow and on each of its compat modules, however deeply nested."""
    api = {"v1": importlib.import_module(_V1), "v2": importlib.import_module(_V2)}
    importlib.import_module("tensorflow.compat.v1")
    for name, module in list(sys.modules.items()):
        if re.fullmatch(r"tensorflow(\._api\.v2)?(\.compat\.v[12])*", name):
            version = "v1" if name.endswith("compat.v1") else "v2"
            module.estimator = api[version]  # type: ignore[attr-defined]
    importlib.import_module("tensorflow.estimator")


def _attach_input_hook() -> None:
    """Set ``CheckpointInputPipelineHook`` where tf.data had it: it came with the Estimator, and left with it."""
    hook = importlib.import_module("components.estimator.revived.checkpoint_input_pipeline").CheckpointInputPipelineHook
    ops: Any = importlib.import_module("tensorflow.python.data.experimental.ops.iterator_ops")
    ops.CheckpointInputPipelineHook = hook
    for name, module in list(sys.modules.items()):
        if re.fullmatch(r"tensorflow(\._api\.v2)?(\.compat\.v[12])*\.data\.experimental", name):
            module.CheckpointInputPipelineHook = hook  # type: ignore[attr-defined]


REVIVED = install()
"""Whether this module gave the Estimator back, rather than finding it there."""
