"""Schemas and copies of code, compared."""

from pathlib import Path

from pipeline.lineage.code import changes
from pipeline.lineage.schema import columns_of, differences
from tests.pipeline.lineage.recorder import SCHEMA


def test_columns_of_a_schema() -> None:
    assert columns_of(SCHEMA) == {"area": "FLOAT", "rooms": "INT", "district": "BYTES", "rent": "FLOAT"}
    assert columns_of("") == columns_of("no schema {") == {}


def test_a_schema_that_did_not_change() -> None:
    assert differences(SCHEMA, "# a comment\n" + SCHEMA) == []


def test_what_changed_in_a_schema() -> None:
    rooms = 'feature { name: "rooms" type: INT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }\n'
    assert rooms in SCHEMA
    assert differences(SCHEMA, SCHEMA.replace(rooms, "")) == ["rooms was removed (INT)"]
    assert differences(SCHEMA.replace(rooms, ""), SCHEMA) == ["rooms was added (INT)"]
    assert differences(SCHEMA, SCHEMA.replace(rooms, rooms.replace("INT", "FLOAT"))) == ["rooms was INT and is FLOAT"]
    [said] = differences(SCHEMA, SCHEMA.replace(rooms, rooms.replace("min_fraction: 1", "min_fraction: 0.5")))
    assert said == "rooms is described in another way: 1.0 became 0.5"


def test_a_changed_domain_is_told_by_its_column() -> None:
    text = 'feature {{ name: "d" type: BYTES domain: "x" }} string_domain {{ name: "x" {} }}'
    [said] = differences(text.format('value: "a"'), text.format('value: "a" value: "b"'))
    assert said == 'd is described in another way: nothing became "b"'


def test_changed_added_and_removed_files(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / "model.pyc").write_text(folder.name)
        (folder / "pipeline.toml").write_text(folder.name)
        (folder / "same.py").write_text("x\n")
    (before / "model.py").write_text("a\nb\n")
    (after / "model.py").write_text("a\nc\nd\n")
    (before / "old.py").write_text("1\n")
    (after / "words.bin").write_bytes(b"\xff\xfe")
    found = {one.path: one for one in changes(before, after)}
    assert {path: (one.change, one.added, one.removed) for path, one in found.items()} == {
        "model.py": ("changed", 2, 1),
        "old.py": ("removed", 0, 1),
        "words.bin": ("added", 0, 0),
    }
    assert found["old.py"].diff.splitlines()[:2] == ["--- a/old.py", "+++ /dev/null"]
    assert found["words.bin"].diff == ""
    assert changes(before, before) == []
