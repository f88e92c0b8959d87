"""Rows per second of our ExampleGen against TFX's CsvExampleGen: ``python -m bench.ingest --rows 500000``.

Each turn is a fresh process that runs one node under TFX's own LocalDagRunner and writes the same kind of artifact; the
sides alternate. The time of a turn is that of the node: driver, executor and publishing. What importing costs is stated
beside it and counted for neither.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RUNNERS = {
    "bundle": "apache_beam.runners.direct.direct_runner.BundleBasedDirectRunner",
    "fn": "apache_beam.runners.portability.fn_api_runner.FnApiRunner",
}


def main() -> None:
    """Compare both sides and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--turns", type=int, default=3, help="turns of our side; the other takes as many")
    parser.add_argument("--runner", choices=sorted(RUNNERS), default="fn")
    parser.add_argument("--schema", default=None, help="curated schema for our side; the other side has no such thing")
    parser.add_argument("--only", choices=("ours", "stock"), default=None)
    parser.add_argument("--turn", nargs=3, metavar=("SIDE", "DATA", "WORK"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.turn:
        side, data, work = arguments.turn
        print(json.dumps(_turn(side, Path(data), Path(work), arguments.runner, arguments.schema)))
        return
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        _compare(arguments, Path(folder))


def _compare(arguments: argparse.Namespace, folder: Path) -> None:
    from data.generate import generate

    data = folder / "data"
    data.mkdir()
    generate(data / "housing.csv", arguments.rows)
    sides = [arguments.only] if arguments.only else ["ours", "stock"]
    results: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    print(f"{arguments.rows} rows, {(data / 'housing.csv').stat().st_size / 1e6:.1f} MB, runner {arguments.runner}")
    print(
        f"{'side':<8}{'node s':>9}{'rows/s':>10}{'cpu s':>8}{'peak MB':>9}{'import s':>10}{'output MB':>11}{'files':>7}"
    )
    for turn in range(arguments.turns):
        for side in sides:
            work = folder / f"{side}-{turn}"
            command = [sys.executable, "-W", "ignore", "-m", "bench.ingest", "--runner", arguments.runner]
            command += ["--schema", arguments.schema] if arguments.schema else []
            done = subprocess.run(
                [*command, "--turn", side, str(data), str(work)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
            result = json.loads(done.stdout.splitlines()[-1])
            if result["rows"] != arguments.rows:
                sys.exit(f"{side} wrote {result['rows']} of {arguments.rows} rows")
            results[side].append(result)
            print(
                f"{side:<8}{result['node']:>9.2f}{arguments.rows / result['node']:>10.0f}{result['cpu']:>8.2f}"
                f"{result['peak']:>9.0f}{result['import']:>10.2f}{result['bytes'] / 1e6:>11.1f}{result['files']:>7}",
                flush=True,
            )
    medians = {side: statistics.median(r["node"] for r in found) for side, found in results.items()}
    for side, median in medians.items():
        print(f"{side}: median {median:.2f} s, {arguments.rows / median:.0f} rows/s")
    if len(sides) == 2:
        print(f"ratio of rows/s, ours to stock: {medians['stock'] / medians['ours']:.1f}")


def _turn(side: str, data: Path, work: Path, runner: str, schema: str | None) -> dict[str, Any]:
    begin = time.perf_counter()
    import tensorflow as tf
    from absl import logging
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local import local_dag_runner

    node: Any
    if side == "ours":
        from components.example_gen.component import create_example_gen

        node = create_example_gen(str(data), label="median_house_value", schema_path=schema)
    else:
        from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen

        node = CsvExampleGen(input_base=str(data))
    logging.set_verbosity(logging.ERROR)
    imported = time.perf_counter() - begin
    cpu = time.process_time()
    begin = time.perf_counter()
    local_dag_runner.LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="ingest",
            pipeline_root=str(work),
            components=[node],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(work / "metadata.db")),
            # A container image, which these runners do not use, keeps TFX from packing itself for each node.
            beam_pipeline_args=[f"--runner={RUNNERS[runner]}", "--sdk_container_image=none"],
        )
    )
    seconds = time.perf_counter() - begin
    cpu = time.process_time() - cpu
    files = sorted(str(path) for path in work.glob("*/examples/*/Split-*/*.gz"))
    return {
        "node": seconds,
        "cpu": cpu,
        "import": imported,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bytes": sum(Path(path).stat().st_size for path in files),
        "files": len(files),
        "rows": sum(len(batch) for batch in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(4096)),
    }


if __name__ == "__main__":
    main()
