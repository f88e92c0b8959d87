"""Rows are held out by their content, whole, and each on one side."""

import gzip
import hashlib
import struct
from pathlib import Path

import pytest

from components.tuner.splitting import content, split
from pipeline.errors import SettingsError


def frame(data: bytes) -> bytes:
    return struct.pack("<QI", len(data), 1) + data + b"last"


def records(files: tuple[str, ...]) -> list[bytes]:
    found = []
    for file in files:
        text = gzip.decompress(Path(file).read_bytes())
        while text:
            end = 16 + struct.unpack("<Q", text[:8])[0]
            assert text[end - 4 : end] == b"last"
            found.append(text[12 : end - 4])
            text = text[end:]
    return found


@pytest.fixture
def rows() -> list[bytes]:
    return [
        hashlib.sha256(str(number).encode()).digest() * (number % 3) + str(number).encode() for number in range(5000)
    ]


def files_of(folder: Path, *parts: list[bytes]) -> list[str]:
    folder.mkdir()
    names = []
    for number, part in enumerate(parts):
        data = b"".join(map(frame, part))
        name = folder / (f"{number}.gz" if number else "0")  # compressed or not
        name.write_bytes(gzip.compress(data) if number else data)
        names.append(str(name))
    return names


def test_each_row_is_on_one_side_and_as_it_was(tmp_path: Path, rows: list[bytes]) -> None:
    found = split(files_of(tmp_path / "in", rows[:2000], rows[2000:]), 0.2, 1, tmp_path / "out")
    fit, held_out = records(found.fit), records(found.held_out)
    assert sorted([*fit, *held_out]) == sorted(rows)
    assert (len(fit), len(held_out)) == (found.fit_rows, found.held_out_rows)
    assert 0.18 < len(held_out) / len(rows) < 0.22


def test_the_side_follows_from_content_and_seed_alone(tmp_path: Path, rows: list[bytes]) -> None:
    one = split(files_of(tmp_path / "a", rows), 0.2, 1, tmp_path / "one")
    cut = split(files_of(tmp_path / "b", rows[3000:], rows[:3000]), 0.2, 1, tmp_path / "cut")
    seed = split(files_of(tmp_path / "c", rows), 0.2, 2, tmp_path / "seed")
    assert set(records(one.held_out)) == set(records(cut.held_out))
    assert set(records(one.held_out)) != set(records(seed.held_out))


def test_equal_rows_are_on_one_side(tmp_path: Path) -> None:
    found = split(files_of(tmp_path / "in", [b"same"] * 50 + [b"a", b"b", b"c", b"d"] * 9), 0.5, 3, tmp_path / "out")
    assert not set(records(found.fit)) & set(records(found.held_out))


def test_what_was_killed_half_way_is_made_again(tmp_path: Path, rows: list[bytes]) -> None:
    files = files_of(tmp_path / "in", rows)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "fit-00000.gz").write_bytes(b"half")
    (tmp_path / "out" / "fit-00007.gz").write_bytes(b"of other files")
    found = split(files, 0.2, 1, tmp_path / "out")
    assert sorted([*records(found.fit), *records(found.held_out)]) == sorted(rows)
    assert split([], 0.2, 1, tmp_path / "out") == found, "what is whole is used again"


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="too few rows"):
        split(files_of(tmp_path / "in", [b"only"]), 0.2, 1, tmp_path / "out")


def test_a_rows_content_has_no_order_of_its_features() -> None:
    entries = [b"\n\x03one" + b"\x12\x01" + bytes([5]), b"\n\x03two" + b"\x12\x01" + bytes([6]), b"x" * 300]

    def example(*parts: bytes) -> bytes:
        features = b"".join(b"\n" + _size(part) + part for part in parts)
        return b"\n" + _size(features) + features

    assert content(example(*entries)) == content(example(*reversed(entries)))
    assert content(example(*entries)) != content(example(*entries[:2]))
    assert content(b"no example") == b"no example"
    assert content(b"\n\x09cut off") == b"\n\x09cut off"


def _size(data: bytes) -> bytes:
    count = len(data)
    return bytes([count]) if count < 128 else bytes([count & 0x7F | 0x80, count >> 7])
