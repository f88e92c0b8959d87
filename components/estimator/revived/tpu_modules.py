"""Stand-ins for the three TPU modules that TensorFlow dropped: they can be imported, and say so when they are used.

tensorflow-estimator's ``TPUEstimator`` imports them whether a TPU is asked for or not. On a CPU none of their members
is ever called; they exist for ``isinstance`` and as names. ``TPUEstimator(use_tpu=True)`` is refused when it is made.
"""

import functools
import importlib.util
import inspect
import sys
from types import ModuleType
from typing import Any

from pipeline.errors import SettingsError

# The members of each module that tensorflow-estimator 2.15 mentions.
_MEMBERS = {
    "tensorflow.python.tpu.session_support": (
        "GracefulShutdownHook",
        "ResetComputation",
        "ShutdownAllWorkers",
        "ShutdownLameWorkers",
        "start_worker_watchdog",
    ),
    "tensorflow.python.tpu.tpu_embedding_gradient": (
        "create_dummy_table_variables",
        "get_gradients_through_dummy_table_variables",
        "hook_dummy_table_variables_to_activations",
    ),
    "tensorflow.python.tpu.tpu_embedding": (
        "AdagradParameters",
        "AdagradSlotVariableNames",
        "AdamParameters",
        "AdamSlotVariableNames",
        "EnqueueData",
        "FeatureConfig",
        "FtrlParameters",
        "FtrlSlotVariableNames",
        "MomentumParameters",
        "MomentumSlotVariableNames",
        "ProximalAdagradParameters",
        "ProximalAdagradSlotVariableNames",
        "RMSPropParameters",
        "RMSPropSlotVariableNames",
        "StochasticGradientDescentParameters",
        "TPUEmbedding",
        "TableConfig",
    ),
}
_MODES = {"TRAINING": "training", "INFERENCE": "inference"}


def no_tpu(what: str) -> SettingsError:
    """Return the error for something that needs a TPU.

    Args:
        what: What was asked for, as it is written in code.
    """
    return SettingsError(
        f"There is no TPU training here: {what} needs parts of TensorFlow that TensorFlow 2.16 removed",
        got=what,
        expected="TPUEstimator(..., use_tpu=False), which trains, evaluates, predicts and exports on CPU or GPU",
        hint="pass use_tpu=False (its default is True), or use tf.estimator.Estimator with the same model_fn",
    )


def install() -> None:
    """Put the stand-ins where TensorFlow had the modules."""
    for name, members in _MEMBERS.items():
        if name in sys.modules or importlib.util.find_spec(name) is not None:
            continue  # this TensorFlow still has it
        module = ModuleType(name, "Stand-in: TensorFlow dropped this module together with the Estimator.")
        for member in members:
            setattr(module, member, _stand_in(name, member))
        if name.endswith(".tpu_embedding"):
            vars(module).update(_MODES)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        setattr(sys.modules[parent], child, module)


def _stand_in(module: str, name: str) -> type:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise no_tpu(f"{module}.{name}")

    return type(name, (), {"__module__": module, "__init__": refuse, "__doc__": "Stand-in that raises when made."})


def refuse_tpu(estimator_class: Any) -> None:
    """Make ``TPUEstimator(use_tpu=True)``, which is its default, raise :class:`SettingsError`.

    Left alone, it would go looking for a TPU worker until a time-out, or fail in the depths of a graph.

    Args:
        estimator_class: ``TPUEstimator``; changed in place.
    """
    original = estimator_class.__init__
    if hasattr(original, "__wrapped__") and getattr(original, "refuses_tpu", False):
        return
    signature = inspect.signature(original)

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        if bound.arguments["use_tpu"]:
            raise no_tpu(f"{type(self).__name__}(use_tpu=True)")
        original(self, *args, **kwargs)

    init.refuses_tpu = True  # type: ignore[attr-defined]
    estimator_class.__init__ = init
