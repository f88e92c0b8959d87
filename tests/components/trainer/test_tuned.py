"""Tuned values take the place of the settings'."""

import pytest

from components.trainer.record import TrainingRecord
from components.trainer.tuned import values_of, with_values
from pipeline.config.model import Training
from pipeline.errors import SettingsError

SETTINGS = Training(train_steps=10, batch_size=64, params={"rate": 0.1, "units": [8]})


def test_params_and_settings_each_find_their_place() -> None:
    tuned = with_values(SETTINGS, {"rate": 0.3, "batch_size": 128})
    assert tuned.params == {"rate": 0.3, "units": [8]}
    assert (tuned.batch_size, tuned.train_steps) == (128, 10)
    assert with_values(SETTINGS, {}) == SETTINGS


def test_what_tfx_hands_over() -> None:
    assert values_of({"space": [], "values": {"rate": 0.3}}) == {"rate": 0.3}
    assert values_of({"rate": 0.3}) == {"rate": 0.3}, "TFX's Trainer takes a plain dict, too"
    assert values_of(None) == {}


def test_a_name_that_the_settings_have_no_more_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        with_values(SETTINGS, {"rate": 0.3, "depth": 3})
    assert caught.value.got == "depth"
    assert "tune" in str(caught.value.hint)


def test_a_value_that_cannot_be_is_refused() -> None:
    with pytest.raises(SettingsError, match="none that the training can have"):
        with_values(SETTINGS, {"batch_size": 0})


def test_the_record_tells_them() -> None:
    record = TrainingRecord(10, 64, steps=10, tuned={"rate": 0.30001, "units": [8, 4]})
    assert record.sentences() == ["10 steps of 64 rows", "tuned values: rate 0.3, units [8,4]"]
    assert "no search yet" in TrainingRecord(10, 64, steps=10, tuned=None).sentences()[1]
