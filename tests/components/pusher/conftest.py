"""Models that are nothing but files: the protocol does not look inside."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[[str], Path]:
    def make(content: str) -> Path:
        folder = tmp_path / "models" / content
        (folder / "variables").mkdir(parents=True)
        (folder / "assets").mkdir()
        (folder / "saved_model.pb").write_text(f"graph of {content}")
        (folder / "variables" / "variables.data-00000-of-00001").write_bytes(content.encode() * 50_000)
        (folder / "assets" / "vocabulary").write_text("north\nsouth\n")
        return folder

    return make
