"""Ingest without Beam or TensorFlow: the same functions that the workers call, in one process."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.example_gen import kinds, reconciling, shards
from components.example_gen.options import IngestOptions
from components.example_gen.sources import list_sources
from components.example_gen.summaries import Summary


@dataclasses.dataclass
class Ingested:
    """What came of it: the rows of each split as dictionaries, without missing values, and what was set aside."""

    rows: dict[str, list[dict[str, Any]]]
    kinds: dict[str, kinds.Kind]
    set_aside: list[dict[str, Any]]

    def all_rows(self) -> list[dict[str, Any]]:
        return [row for rows in self.rows.values() for row in rows]


Ingest = Callable[..., Ingested]


def ingest_folder(
    path: Path | str, *, splits: Mapping[str, int] | None = None, schema: Any = None, **options: Any
) -> Ingested:
    chosen = IngestOptions(path=str(path), **options)
    shares = dict(splits or {"all": 1})
    plan = shards.plan(list_sources(str(path), file_format=chosen.file_format), chosen, schema)
    chosen = shards.settle_label(plan, chosen, schema)
    known = {name: int(kind) for name, kind in (kinds.schema_kinds(schema) if schema else {}).items()}
    inferred = kinds.combine(shards.infer_kinds(shard, chosen, known) for shard in plan)
    types = kinds.settle({**inferred, **known})
    rows: dict[str, list[dict[str, Any]]] = {split: [] for split in shares}
    summaries: list[Summary] = []
    for shard in plan:
        summary = Summary(shard.index, {}, dict.fromkeys(shares, 0), {}, [], [])
        for part in shards.typed_rows(shard, chosen, types, shares):
            values = {name: column.values.to_pylist() for name, column in part.columns.items()}
            for split, indices in part.split.items():
                rows[split] += [
                    {name: column[i] for name, column in values.items() if column[i] is not None} for i in indices
                ]
                summary.written[split] += len(indices)
            summary.read[part.path] = summary.read.get(part.path, 0) + part.read
            summary.set_aside.extend(dataclasses.asdict(row) for row in part.bad)
            summary.labels.extend(part.labels)
        summaries.append(summary)
    reconciling.reconcile(summaries, list(shares), chosen)
    return Ingested(rows, types, [row for summary in summaries for row in summary.set_aside])


@pytest.fixture
def ingest() -> Ingest:
    return ingest_folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file
