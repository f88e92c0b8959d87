"""A file that is written is there whole, or as it was, and nothing lies beside it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.whole import write_whole


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    file, link = tmp_path / "record.json", tmp_path / "link"
    file.write_text("old")
    link.hardlink_to(file)
    write_whole(file, "größer")
    assert file.read_text(encoding="utf-8") == "größer"
    assert link.read_text() == "old", "an artifact that it was linked into has what it had"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "record.json"]


def test_several_may_write_the_same_file_at_once(tmp_path: Path) -> None:
    file, texts = tmp_path / "record.json", [str(one) * 10_000 for one in range(4)]

    def write(text: str) -> None:
        for _ in range(100):
            write_whole(file, text)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, texts))
    assert file.read_text() in texts
    assert [one.name for one in tmp_path.iterdir()] == ["record.json"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    (folder / "within").mkdir(parents=True)
    with pytest.raises(OSError, match="a folder"):
        write_whole(folder, "text")
    assert [one.name for one in tmp_path.iterdir()] == ["a folder"]
