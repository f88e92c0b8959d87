"""What is imported first, and what is not there: each in a process of its own, most of them without TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(code: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={name: value for name, value in env.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def a_package(folder: Path, name: str, *files: str) -> None:
    for file in ("__init__.py", *files):
        (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / file).write_text("")


def test_on_a_tensorflow_with_estimators_nothing_is_done(tmp_path: Path) -> None:
    a_package(tmp_path, "tensorflow", "python/distribute/estimator_training.py")
    done = run(
        "import sys, os; finders = list(sys.meta_path); import components.estimator.compat as c;"
        "print(c.REVIVED, sys.meta_path == finders, 'tensorflow' in sys.modules);"
        "print(os.environ.get('TF_USE_LEGACY_KERAS'))",
        PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}",
        TF_USE_LEGACY_KERAS=None,
    )
    assert done.stdout.strip() == "False True False\nNone", done.stderr


@pytest.mark.parametrize("missing", ["tf_keras", "tensorflow_estimator", "tensorflow"])
def test_a_missing_package_is_named(missing: str) -> None:
    done = run(f"import sys; sys.modules[{missing!r}] = None\nimport components.estimator.compat")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert (
        last
        == f"pipeline.errors.InfrastructureError: The Estimator needs the package {missing}, which is not installed"
    )


@pytest.mark.slow
def test_importing_it_too_late_is_an_error_that_says_so() -> None:
    done = run(
        """
import os
import tensorflow
from pipeline.errors import SettingsError
for late in range(2):
    try:
        import components.estimator.compat
    except SettingsError as error:
        print(error.render())
    # tf.keras is not resolved yet and would now be Keras 2, but `import tensorflow.keras` already finds Keras 3.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
print(hasattr(tensorflow, "estimator"))
""",
        TF_USE_LEGACY_KERAS=None,
    )
    assert done.stdout.count("Error: components.estimator.compat was imported too late: import it before") == 2
    assert "set TF_USE_LEGACY_KERAS=1 in the environment" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.slow
def test_keras_3_got_in_after_tensorflow_was_imported_well() -> None:
    done = run(
        "import tensorflow as tf, os; os.environ['TF_USE_LEGACY_KERAS'] = '0'; tf.keras.Model\n"
        "import components.estimator.compat",
        TF_USE_LEGACY_KERAS="1",
    )
    assert "SettingsError: components.estimator.compat was imported too late" in done.stderr


@pytest.mark.slow
def test_tensorflow_may_come_first_where_the_variable_is_set() -> None:
    done = run(
        "import tensorflow as tf; import components.estimator.compat as c;print(c.REVIVED, tf.estimator.DNNClassifier)",
        TF_USE_LEGACY_KERAS="True",
    )
    assert done.stdout.startswith("True <class 'tensorflow_estimator"), done.stderr


@pytest.mark.slow
def test_a_variable_that_says_keras_3_is_overruled_before_tensorflow() -> None:
    done = run(
        "import components.estimator.compat, os, tensorflow as tf;"
        "print(tf.keras.__name__, os.environ['TF_USE_LEGACY_KERAS'])",
        TF_USE_LEGACY_KERAS="0",
    )
    assert done.stdout.strip() == "tf_keras.api._v2.keras 1", done.stderr
