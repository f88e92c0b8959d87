"""Where checkpoints go: a folder of its own for whatever is trained, and the same for what only the export heeds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.trainer.run import checkpoint_folder

pytestmark = pytest.mark.slow


def folder(root: Path, tuned: dict[str, Any] | None = None, **config: Any) -> Path:
    files = SimpleNamespace(
        train_files=["a"], eval_files=["b"], transform_output="c", base_model=None, hyperparameters=tuned
    )
    return checkpoint_folder(root / "model_run" / "7", files, {"training": "{}", "forward_features": [], **config})


def test_another_setting_is_another_training(tmp_path: Path) -> None:
    assert folder(tmp_path, training="{1}") != folder(tmp_path)


def test_other_components_or_libraries_train_anew(tmp_path: Path) -> None:
    assert folder(tmp_path, runtime="new") != folder(tmp_path, runtime="old")


def test_another_column_to_forward_is_the_same_training(tmp_path: Path) -> None:
    assert folder(tmp_path, forward_features=["id"]) == folder(tmp_path)


def test_other_tuned_values_are_another_training(tmp_path: Path) -> None:
    assert folder(tmp_path, {"values": {"rate": 0.1}}) != folder(tmp_path, {"values": {"rate": 0.2}})
    assert folder(tmp_path, {"values": {"rate": 0.1}}) != folder(tmp_path)
