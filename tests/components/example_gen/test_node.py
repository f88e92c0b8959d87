"""The node in TFX: a real launcher, a real metadata store, a real Beam pipeline."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DataError

pytestmark = pytest.mark.slow

Write = Callable[..., Path]
RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
ROWS = "".join(f"{i},{i * 0.5},{'abc'[i % 3]},{i % 7}\n" for i in range(200))
CSV = "id,x,text,label\n" + ROWS


class Workspace:
    """A pipeline of one node; each run says what became of it."""

    def __init__(self, root: Path) -> None:
        from ml_metadata import MetadataStore
        from tfx.orchestration import metadata

        self.root = root
        root.mkdir()
        self.config = metadata.sqlite_metadata_connection_config(str(root / "metadata.db"))
        self.store_class = MetadataStore

    def run(self, path: Path | str, **options: Any) -> str:
        from tfx.orchestration import pipeline
        from tfx.orchestration.local import local_dag_runner

        from components.example_gen.component import create_example_gen

        local_dag_runner.LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="p",
                pipeline_root=str(self.root),
                components=[create_example_gen(str(path), **options)],
                enable_cache=True,
                metadata_connection_config=self.config,
                beam_pipeline_args=[f"--runner={RUNNER}", "--sdk_container_image=unused"],
            )
        )
        return self.states()[-1]

    def states(self) -> list[str]:
        from ml_metadata.proto import metadata_store_pb2

        executions = self.store_class(self.config).get_executions()
        return [
            metadata_store_pb2.Execution.State.Name(e.last_known_state) for e in sorted(executions, key=lambda e: e.id)
        ]

    def artifact(self) -> Any:
        return max(self.store_class(self.config).get_artifacts_by_type("Examples"), key=lambda a: a.id)

    def examples(self, split: str) -> list[Any]:
        import tensorflow as tf

        files = sorted(str(p) for p in Path(self.artifact().uri, f"Split-{split}").iterdir())
        records = tf.data.TFRecordDataset(files, compression_type="GZIP")
        return [tf.train.Example.FromString(record.numpy()) for record in records]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    yield Workspace(tmp_path / "ws")


def test_content_decides_what_is_reused(workspace: Workspace, write: Write) -> None:
    path = write(CSV)
    schema = write('feature { name: "label" type: INT }', "schema.pbtxt")
    options = {"label": "label", "schema_path": str(schema)}
    assert workspace.run(path, **options) == "COMPLETE"
    before = path.stat()

    os.utime(path, ns=(before.st_atime_ns + 10**10, before.st_mtime_ns + 10**10))
    assert workspace.run(path, **options) == "CACHED"

    path.write_text(CSV.replace("10,5.0,", "10,5.1,"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert workspace.run(path, **options) == "COMPLETE"

    schema.write_text('feature { name: "label" type: FLOAT }')
    assert workspace.run(path, **options) == "COMPLETE"
    assert workspace.run(path, **options, missing=("", "a")) == "COMPLETE"
    assert workspace.run(path, **options) == "CACHED"


def test_the_artifact_is_as_tfx_has_it_and_says_where_it_is_from(workspace: Workspace, write: Write) -> None:
    one = write(CSV, "d/1.csv")
    write(gzip.compress(("text,label,x,id\n" + "z,9,,1000\n" * 50).encode()), "d/2.csv.gz")
    assert workspace.run(one.parent, label="label", block_bytes=1024) == "COMPLETE"
    artifact = workspace.artifact()
    properties = {key: value.string_value for key, value in artifact.custom_properties.items()}
    assert json.loads(artifact.properties["split_names"].string_value) == ["train", "eval"]
    assert properties["payload_format"] == "FORMAT_TF_EXAMPLE"
    assert properties["file_format"] == "tfrecords_gzip"
    assert artifact.custom_properties["span"].int_value == 0
    sources = json.loads(properties["sources"])
    assert [(Path(s["path"]).name, s["rows"]) for s in sources] == [("1.csv", 200), ("2.csv.gz", 50)]
    assert all(len(source["hash"]) == 40 for source in sources)
    rows = json.loads(properties["split_rows"])
    assert sum(rows.values()) == 250
    assert {split: len(workspace.examples(split)) for split in rows} == rows
    assert sorted(p.name for p in Path(artifact.uri).iterdir()) == ["Split-eval", "Split-train"]
    names = sorted(p.name for p in Path(artifact.uri, "Split-train").iterdir())
    assert len(names) > 2
    assert names[0] == f"data_tfrecord-00000-of-{len(names):05d}.gz"
    everything = [example for split in rows for example in workspace.examples(split)]
    late = next(e for e in everything if e.features.feature["id"].int64_list.value == [1000])
    # TFDV counts a feature without a kind as missing; an empty list, which stock CsvExampleGen writes, as present.
    assert late.features.feature["x"].WhichOneof("kind") is None
    assert late.features.feature["text"].bytes_list.value == [b"z"]


def test_refusals_cross_beam_whole_and_leave_nothing(workspace: Workspace, write: Write) -> None:
    path = write(CSV + "1,2,3\n")
    with pytest.raises(DataError) as caught:
        workspace.run(path, label="label")
    assert caught.value.where == f"{path}:202"
    with pytest.raises(DataError, match="does not exist"):
        workspace.run(path.with_name("daat.csv"))
    assert workspace.states() == ["FAILED", "FAILED"]
    assert not list(workspace.root.glob("ExampleGen/examples/*"))


def test_malformed_rows_are_kept_beside_the_splits(workspace: Workspace, write: Write) -> None:
    path = write(CSV + "1,2,3\n")
    assert workspace.run(path, label="label", bad_rows=1) == "COMPLETE"
    (record,) = [
        json.loads(line) for line in Path(workspace.artifact().uri, "set_aside.jsonl").read_text().splitlines()
    ]
    assert (record["file"], record["line"], record["text"]) == (str(path), 202, "1,2,3")
    assert "3 cells" in record["reason"]


def test_spans(workspace: Workspace, write: Write) -> None:
    for span in (1, 2, 10):
        path = write(CSV.replace("abc"[span % 3], "q"), f"span-{span}/v-1/a.csv")
    pattern = path.parents[2] / "span-{SPAN}" / "v-{VERSION}" / "*.csv"
    assert workspace.run(pattern) == "COMPLETE"
    properties = workspace.artifact().custom_properties
    assert (properties["span"].int_value, properties["version"].int_value) == (10, 1)
    assert workspace.run(pattern, span=2) == "COMPLETE"
    assert workspace.artifact().custom_properties["span"].int_value == 2
    assert "span-2/" in workspace.artifact().custom_properties["sources"].string_value
    with pytest.raises(DataError, match="No data for span 3: "):
        workspace.run(pattern, span=3)
    write(CSV, "span-11/v-3/a.csv")
    assert workspace.run(pattern) == "COMPLETE"
    assert workspace.artifact().custom_properties["span"].int_value == 11
    day = write(CSV, "days/2026-11-19/a.csv").parents[1] / "{YYYY}-{MM}-{DD}" / "*.csv"
    assert workspace.run(day, span=20_776) == "COMPLETE"
    with pytest.raises(DataError, match="No data for 2026-11-20: "):
        workspace.run(day, span=20_777)
