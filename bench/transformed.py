"""Transformed house-price rows for benchmarks of training, made by the pipeline's own ExampleGen and Transform."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Transformed:
    """A workspace whose Transform has run on ``rows`` rows."""

    workspace: Path
    rows: int

    @property
    def transform_output(self) -> str:
        """Folder of the transform, for ``tft.TFTransformOutput``."""
        [folder] = (self.workspace / "artifacts" / "housing" / "Transform" / "transform_graph").iterdir()
        return str(folder)

    def files(self, split: str) -> list[str]:
        """The gzip TFRecord files of a split."""
        [folder] = (self.workspace / "artifacts" / "housing" / "Transform" / "transformed_examples").iterdir()
        return sorted(str(file) for file in folder.glob(f"Split-{split}/*"))


def environment() -> dict[str, str]:
    """The environment of the processes that a benchmark starts."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "1"}


def transform(folder: Path, rows: int) -> Transformed:
    """Generate rows, and run the pipeline on them up to and with Transform."""
    from data.generate import generate

    data = folder / f"data-{rows}"
    data.mkdir()
    generate(data / "housing.csv", rows)
    workspace = folder / f"transformed-{rows}"
    log = folder / f"transformed-{rows}.log"
    command = [sys.executable, str(ROOT / "runner.py"), "run", "housing", "--data", str(data)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--workspace", str(workspace)], stdout=file, stderr=file, env=environment(), cwd=ROOT
        )
    while not list(workspace.glob("runs/*/nodes/Transform.json")):
        if process.poll() is not None:
            sys.exit(f"the pipeline failed:\n{log.read_text()}")
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)  # what comes after is not wanted here
    process.wait()
    return Transformed(workspace, rows)
