"""The first pass over the file: its rows, the kind of each column, and which cells stand for a missing value."""

import collections
import dataclasses
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import conversion, shards
from components.example_gen.kinds import Kind
from components.example_gen.layout import Shard
from components.example_gen.options import IngestOptions

# Taken for missing wherever they are, but in a label of text, where any may be a class.
_CLEAR = ("?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>")
# Taken for missing only where all other cells of the column are numbers.
_AMONG_NUMBERS = (
    "-",
    "--",
    "None",
    "none",
    "missing",
    "Missing",
    "unknown",
    "Unknown",
    "na",
    "NAN",
    "(null)",
    ".",
    "*",
)


@dataclasses.dataclass(frozen=True)
class FirstLook:
    """What the first pass found.

    Attributes:
        rows: How many rows there are.
        kinds: The kind of each column, its missing cells left out.
        missing: The texts that stand for a missing value, the empty one first, as ``data.missing`` has them.
        tokens: The same by column, but for the empty one, with how often each was seen.
        first_row: The cells of the first row, as text.
    """

    rows: int
    kinds: dict[str, Kind]
    missing: tuple[str, ...]
    tokens: dict[str, dict[str, int]]
    first_row: tuple[str | None, ...]


def look(plan: Sequence[Shard], options: IngestOptions, given: Sequence[str]) -> FirstLook:
    """Read all rows as text.

    Args:
        plan: The shards of the data.
        options: How to read them; ``missing`` is only the empty text.
        given: Texts that stand for a missing value, if a person said which; else they are looked for.

    Raises:
        DataError: A row cannot be read.
    """
    candidates = pa.array(given if given else (*_CLEAR, *_AMONG_NUMBERS), pa.string())
    rows, first_row = 0, None
    kinds: dict[str, int] = {}
    tokens: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for shard in plan:
        for piece in shards.pieces(shard, options):
            table = piece.table
            rows += table.num_rows
            if first_row is None and table.num_rows:
                first_row = tuple(table.column(name)[0].as_py() for name in piece.block.names)
            for name in table.column_names:
                column = table.column(name).combine_chunks()
                is_token = pc.is_in(pc.utf8_trim_whitespace(column), value_set=candidates)
                for text in column.filter(is_token).value_counts().to_pylist():
                    tokens[name][text["values"]] += text["counts"]
                known = kinds.get(name, int(Kind.EMPTY))
                if known != Kind.BYTES:
                    rest = pc.if_else(is_token, pa.scalar(None, pa.string()), column)
                    kinds[name] = max(known, int(conversion.infer(rest, options.missing)))
    found = {name: Kind(kind) for name, kind in kinds.items()}
    seen = {name: dict(counts) for name, counts in tokens.items()}
    kept = {name: _kept(counts, found[name], options.label == name, given) for name, counts in seen.items()}
    texts = sorted({text for counts in kept.values() for text in counts})
    texts = list(given) if given else texts
    tokens_kept = {name: counts for name, counts in kept.items() if counts}
    return FirstLook(
        rows, found, tuple(dict.fromkeys(["", *texts])), tokens_kept, tuple(first_row) if first_row else ()
    )


def _kept(counts: dict[str, int], kind: Kind, is_label: bool, given: Sequence[str]) -> dict[str, int]:
    """Return those of the candidates in a column that do stand for a missing value."""
    if given or kind in (Kind.INT, Kind.FLOAT):
        return counts
    if is_label:
        return {}
    return {text: count for text, count in counts.items() if text.strip() in _CLEAR}
