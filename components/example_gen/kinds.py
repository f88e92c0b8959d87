"""What a column holds: INT, FLOAT or BYTES, from the curated schema or inferred over all rows."""

import difflib
import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.example_gen.sources import unreadable
from pipeline.errors import DataError, SettingsError


class Kind(enum.IntEnum):
    """A column's type, ordered so that the more general of two is the greater."""

    EMPTY = 0
    INT = 1
    FLOAT = 2
    BYTES = 3


def combine(found: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Combine what blocks found: the most general kind of each column, whatever the order of blocks."""
    kinds: dict[str, int] = {}
    for one in found:
        for name, kind in one.items():
            kinds[name] = max(kind, kinds.get(name, int(Kind.EMPTY)))
    return kinds


def settle(kinds: Mapping[str, int]) -> dict[str, Kind]:
    """Give columns without any value the type FLOAT, as a column of numbers that are all missing would have."""
    return {name: Kind(kind) if kind else Kind.FLOAT for name, kind in kinds.items()}


def load_schema(path: str) -> Any:
    """Read a curated ``schema.pbtxt`` (``tensorflow_metadata.proto.v0.Schema``).

    Raises:
        SettingsError: It does not exist or is no schema.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        return text_format.Parse(Path(path).read_text(), schema_pb2.Schema())
    except FileNotFoundError as error:
        raise SettingsError(
            "The curated schema does not exist.", got=path, expected="a schema.pbtxt", hint="Check schema_path."
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        place = (error.GetLine(), error.GetColumn()) if isinstance(error, text_format.ParseError) else ()
        raise SettingsError(
            "The curated schema cannot be parsed.",
            got=re.sub(r"^\d+:\d+ : ", "", str(error).splitlines()[0]),
            expected="a tensorflow_metadata Schema in protobuf text format",
            where=":".join(str(part) for part in (path, *place) if part is not None),
            hint="See https://www.tensorflow.org/tfx/data_validation/get_started for the format.",
        ) from error


def schema_kinds(schema: Any) -> dict[str, Kind]:
    """Return the kinds of the schema's features; those whose type is left open are inferred."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    types = {schema_pb2.INT: Kind.INT, schema_pb2.FLOAT: Kind.FLOAT, schema_pb2.BYTES: Kind.BYTES}
    return {feature.name: types[feature.type] for feature in schema.feature if feature.type in types}


def required_columns(schema: Any) -> list[str]:
    """Return the features that the schema wants in every file: present at all, or in each example."""
    return [
        feature.name
        for feature in schema.feature
        if feature.presence.min_count > 0 or feature.presence.min_fraction > 0
    ]


def check_columns(
    files: Mapping[str, Sequence[str]], required: Sequence[str], label: str | None, guess: str | None = None
) -> None:
    """Check that each file has the columns that are wanted, and that all files have the same.

    Args:
        files: Each file's columns.
        required: Names that the schema asks for.
        label: The column that is predicted.
        guess: What may have been meant by the label, if it is no column.

    Raises:
        DataError: A column is missing, or files differ.
    """
    wanted = list(dict.fromkeys([*required, *([label] if label else [])]))
    for path, names in files.items():
        lacking = [name for name in wanted if name not in names]
        if lacking:
            raise _lacking(path, names, lacking, label, guess)
    paths = list(files)
    for path in paths[1:]:
        first, these = set(files[paths[0]]), set(files[path])
        if first != these:
            parts = [f"lacks {', '.join(sorted(first - these))}"] if first - these else []
            parts += [f"adds {', '.join(sorted(these - first))}"] if these - first else []
            raise DataError(
                "Two data files have different columns.",
                got=f"{path} {' and '.join(parts)}",
                expected=f"the columns of {paths[0]}, in any order",
                where=f"{path}:1",
                hint="Mend the file, or name the files that belong together with a glob.",
            )


def _lacking(
    path: str, names: Sequence[str], lacking: Sequence[str], label: str | None, guess: str | None
) -> DataError:
    hint = "Add the column, or take it out of the schema."
    if list(lacking) == [label]:
        hint = (
            "Name one of the columns as the label in pipeline.toml, add the column, or have preprocessing_fn return it."
        )
    near = {name: difflib.get_close_matches(name, names, n=1) for name in lacking}
    guesses = [f"{name} may be what is called {match[0]} there" for name, match in near.items() if match]
    if len(names) == 1 and any(sign in names[0] for sign in ";\t|"):
        hint = "The cells seem to be separated by something else than commas; write the file with commas."
    elif all(is_number(name) for name in names):
        hint = "The file seems to have no header line; give the names with columns."
    elif list(lacking) == [label] and guess:
        hint = f"pipeline.toml says label = {label!r}, and the code says {guess!r}: did you mean that?"
    elif guesses:
        hint = "; ".join(guesses[:4]) + "."
    shown = ", ".join(repr(name) for name in names[:12]) + (", …" if len(names) > 12 else "")
    what = "the label" if list(lacking) == [label] else "a column" if len(lacking) == 1 else "columns"
    return DataError(
        f"A data file lacks {what}: {', '.join(lacking)}.",
        got=shown,
        expected=f"a column named {lacking[0]}" if len(lacking) == 1 else "columns named " + ", ".join(lacking),
        where=f"{path}:1",
        hint=hint,
    )


def is_number(text: str) -> bool:
    """Whether Python reads a cell as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
