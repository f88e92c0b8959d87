"""The page of settings is the one that the model makes."""

from pathlib import Path

from pipeline.config.describe import describe

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == describe(), "python -m pipeline.config.describe > docs/settings.md"


def test_every_setting_is_explained() -> None:
    rows = [line.split(" | ") for line in describe().splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    assert not [row[0] for row in rows if not row[3].strip(" |")]
