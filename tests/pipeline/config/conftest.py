"""A problem's folder, and the one mistake that an override makes in its settings."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.errors import SettingsError

Mistake = Callable[..., SettingsError]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.toml").write_text('label = "y"\n[data]\npath = "rows.csv"\n')
    return tmp_path


@pytest.fixture
def mistake(folder: Path) -> Mistake:
    """Read the settings with overrides, which has to be refused for one reason."""

    def of(*overrides: str) -> SettingsError:
        with pytest.raises(SettingsError) as caught:
            read_problem(folder, overrides)
        [part] = caught.value.parts
        assert isinstance(part, SettingsError)
        return part

    return of
