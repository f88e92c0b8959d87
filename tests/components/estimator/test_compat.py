"""The names under which model code finds the Estimator; all in one process, after one import."""

import importlib
import inspect
import sys

from components.estimator import compat

import pytest  # isort: skip
import tensorflow as tf  # isort: skip

from pipeline.errors import SettingsError

pytestmark = pytest.mark.slow

V1 = "tensorflow_estimator.python.estimator.api._v1.estimator"
V2 = "tensorflow_estimator.python.estimator.api._v2.estimator"


def test_the_estimator_was_given_back() -> None:
    assert compat.REVIVED
    assert tf.keras.Model.__module__.startswith("tf_keras")


def test_inspect_has_getargspec_again() -> None:
    getargspec = inspect.getargspec  # type: ignore[attr-defined]

    def model_fn(features, labels, mode, params=None, *rest, **more):  # type: ignore[no-untyped-def]
        del features, labels, mode, params, rest, more

    args, varargs, keywords, defaults = getargspec(model_fn)
    assert args == ["features", "labels", "mode", "params"]
    assert (varargs, keywords, defaults) == ("rest", "more", (None,))
    assert getargspec(lambda: None).defaults is None
    with pytest.raises(ValueError, match="signature"):
        getargspec(test_the_estimator_was_given_back)


def test_v2_and_v1_differ_as_they_should() -> None:
    from tensorflow_estimator.python.estimator.canned import dnn

    assert tf.estimator.DNNClassifier is dnn.DNNClassifierV2
    assert tf.compat.v2.estimator.DNNClassifier is dnn.DNNClassifierV2
    assert tf.compat.v1.estimator.DNNClassifier is dnn.DNNClassifier
    assert tf.estimator.Estimator is not tf.compat.v1.estimator.Estimator
    assert issubclass(tf.estimator.Estimator, tf.compat.v1.estimator.Estimator)
    assert not hasattr(tf.estimator, "inputs")
    assert not hasattr(tf.estimator, "tpu")
    assert callable(tf.compat.v1.estimator.inputs.numpy_input_fn)
    assert callable(tf.compat.v1.estimator.tpu.TPUEstimator)
    assert tf.estimator.RunConfig is tf.compat.v1.estimator.RunConfig


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("tensorflow.estimator", V2),
        ("tensorflow.estimator.export", f"{V2}.export"),
        ("tensorflow.estimator.experimental", f"{V2}.experimental"),
        ("tensorflow.compat.v2.estimator", V2),
        ("tensorflow.compat.v2.estimator.export", f"{V2}.export"),
        ("tensorflow.compat.v1.estimator", V1),
        ("tensorflow.compat.v1.estimator.inputs", f"{V1}.inputs"),
        ("tensorflow.compat.v1.estimator.tpu", f"{V1}.tpu"),
        ("tensorflow.compat.v1.estimator.tpu.experimental", f"{V1}.tpu.experimental"),
        ("tensorflow.python.estimator", "tensorflow_estimator.python.estimator"),
        ("tensorflow.python.estimator.keras", "tensorflow_estimator.python.estimator.keras_lib"),
        ("tensorflow_estimator.python.estimator.keras", "tensorflow_estimator.python.estimator.keras_lib"),
    ],
)
def test_an_api_module_is_the_same_object_by_each_name(name: str, same_as: str) -> None:
    module = importlib.import_module(name)
    assert module is importlib.import_module(same_as)
    # What it says of itself is left alone.
    assert module.__name__ == same_as
    assert module.__spec__ is not None
    assert module.__spec__.name == same_as


@pytest.mark.parametrize(
    "name",
    [
        "estimator", "estimator_lib", "run_config", "training", "model_fn", "mode_keys", "util", "exporter", "gc",
        "early_stopping", "extenders", "keras_lib", "export.export", "export.export_lib", "export.export_output",
        "canned.baseline", "canned.dnn", "canned.dnn_linear_combined", "canned.head", "canned.kmeans", "canned.linear",
        "canned.metric_keys", "canned.optimizers", "canned.parsing_utils", "canned.prediction_keys", "canned.rnn",
        "canned.saved_model_estimator", "head.base_head", "head.multi_head", "head.regression_head",
        "inputs.inputs", "inputs.numpy_io", "inputs.pandas_io", "inputs.queues.feeding_functions",
        "hooks.basic_session_run_hooks", "hooks.hooks", "hooks.session_run_hook", "tools.checkpoint_converter",
        "tpu.tpu_config", "tpu.tpu_context", "tpu.tpu_estimator", "tpu.util", "api._v1.estimator",
    ],
)  # fmt: skip
def test_a_private_name_is_the_module_itself(name: str) -> None:
    private = importlib.import_module(f"tensorflow.python.estimator.{name}")
    assert private is importlib.import_module(f"tensorflow_estimator.python.estimator.{name}")


def test_import_statements_as_model_code_has_them() -> None:
    import tensorflow.compat.v1 as tf1
    import tensorflow_estimator
    from tensorflow import estimator
    from tensorflow.compat.v1 import estimator as estimator_v1
    from tensorflow.compat.v1.estimator.inputs import numpy_input_fn
    from tensorflow.estimator import DNNClassifier, ModeKeys
    from tensorflow.estimator.export import ServingInputReceiver
    from tensorflow.python.estimator import estimator as private
    from tensorflow.python.estimator.canned import head, metric_keys
    from tensorflow.python.estimator.export import export
    from tensorflow.python.estimator.model_fn import EstimatorSpec

    assert estimator is tf.estimator
    assert estimator_v1 is tf.compat.v1.estimator is tf1.estimator
    assert numpy_input_fn is estimator_v1.inputs.numpy_input_fn
    assert DNNClassifier is tf.estimator.DNNClassifier
    assert ModeKeys is tf.estimator.ModeKeys
    assert ServingInputReceiver is tf.estimator.export.ServingInputReceiver is export.ServingInputReceiver
    assert private.EstimatorV2 is tf.estimator.Estimator
    assert EstimatorSpec is tf.estimator.EstimatorSpec
    assert head.__name__ == "tensorflow_estimator.python.estimator.canned.head"
    assert metric_keys.MetricKeys.LOSS == "loss"
    assert tensorflow_estimator.estimator.DNNClassifier is estimator_v1.DNNClassifier


@pytest.mark.parametrize("name", ["nothing_of_that_name", "estimator.inside_a_module", "canned.nothing"])
def test_a_name_that_never_was_is_not_found(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name.rpartition(".")[2]):
        importlib.import_module(f"tensorflow.python.estimator.{name}")


def test_a_name_that_an_api_module_lacks_is_an_import_error() -> None:
    with pytest.raises(ImportError, match="no_such_class"):
        exec("from tensorflow.estimator import no_such_class")


def test_installing_again_changes_nothing() -> None:
    from tensorflow.python.util import tf_export

    before = (tf.estimator, tf.estimator.Estimator, tf_export.get_v2_names, list(sys.meta_path))
    init = tf.compat.v1.estimator.tpu.TPUEstimator.__init__
    assert compat.install() is True
    after = (tf.estimator, tf.estimator.Estimator, tf_export.get_v2_names, list(sys.meta_path))
    assert after[:3] == before[:3]
    # One of each still; its place may be another where something else (contrib) has put itself in front meanwhile.
    names = [sorted(type(finder).__qualname__ for finder in one[3]) for one in (before, after)]
    assert names[0] == names[1]
    assert tf.compat.v1.estimator.tpu.TPUEstimator.__init__ is init


def test_public_names_can_be_looked_up() -> None:
    from tensorflow.python.util import tf_export

    assert tf_export.get_v2_names(tf.estimator.DNNClassifier) == ["estimator.DNNClassifier"]
    assert tf_export.get_v1_names(tf.compat.v1.estimator.DNNClassifier) == ["estimator.DNNClassifier"]
    assert tf_export.get_v2_names(tf.compat.v1.estimator.DNNClassifier) == []
    assert tf_export.get_v1_names(tf.compat.v1.estimator.tpu.TPUEstimator) == ["estimator.tpu.TPUEstimator"]
    assert tf_export.get_canonical_name_for_symbol(tf.estimator.RunConfig, "estimator") == "estimator.RunConfig"
    assert tf_export.get_symbol_from_name("estimator.Estimator") is tf.estimator.Estimator
    # Those of the other APIs are what they were.
    assert "nn.relu" in tf_export.get_v2_names(tf.nn.relu)
    assert tf_export.get_v2_constants(sys.modules[__name__]) == []


def test_a_subclass_is_not_public_because_its_base_is() -> None:
    from tensorflow.python.util import tf_export

    class Mine(tf.estimator.Estimator):
        pass

    assert tf_export.get_v2_names(Mine) == []


def test_the_input_pipeline_hook_is_where_tf_data_had_it() -> None:
    from tensorflow.python.data.experimental.ops import iterator_ops

    hook = tf.data.experimental.CheckpointInputPipelineHook
    assert tf.compat.v1.data.experimental.CheckpointInputPipelineHook is hook
    assert iterator_ops.CheckpointInputPipelineHook is hook


def test_keras_has_its_way_into_the_estimator() -> None:
    assert callable(tf.keras.estimator.model_to_estimator)
    assert callable(tf.compat.v1.keras.estimator.model_to_estimator)


def test_asking_for_a_tpu_says_that_there_is_none() -> None:
    config = tf.compat.v1.estimator.tpu.RunConfig()

    def model_fn(features: object, labels: object, mode: str, params: object) -> None: ...

    for arguments in ({}, {"use_tpu": True}):
        with pytest.raises(SettingsError, match="no TPU training here") as raised:
            tf.compat.v1.estimator.tpu.TPUEstimator(model_fn, config=config, train_batch_size=8, **arguments)
        assert "use_tpu=False" in str(raised.value.expected)


def test_tpu_embeddings_say_that_there_is_no_tpu() -> None:
    from tensorflow.python.tpu import session_support, tpu_embedding

    with pytest.raises(SettingsError, match="TableConfig needs parts of TensorFlow"):
        tpu_embedding.TableConfig(10, 2)
    with pytest.raises(SettingsError, match="start_worker_watchdog"):
        session_support.start_worker_watchdog(None)
