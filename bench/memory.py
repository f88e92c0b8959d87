"""Peak memory of the Trainer at 200 thousand rows against 2 million: ``python -m bench.memory``.

Each size is a real ``runner.py run housing`` in an empty workspace on generated rows. The Trainer's process is found
below the runner, and the kernel's own record of its peak (``VmHWM``: resident memory, which page cache is no part of)
is read until it ends. Both sizes train the same number of steps, enough to read every row of the larger one. The run is
stopped when the Trainer is done.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measuring import tree
from bench.transformed import ROOT, environment

TARGET = 1.2
BATCH = 256


def main() -> None:
    """Measure both sizes and print their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=(200_000, 2_000_000))
    arguments = parser.parse_args()
    few, many = sorted(arguments.rows)
    steps = -(-many // BATCH)
    print(f"{steps:,} steps of {BATCH} rows at each size")
    print(f"{'rows':>10}{'peak MB':>9}{'s until trained':>17}")
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        peaks = [peak(Path(folder), rows, steps) for rows in (few, many)]
    print(f"peak at {many:,} rows / at {few:,}: {peaks[1] / peaks[0]:.3f} (target: at most {TARGET})")
    sys.exit(peaks[1] > TARGET * peaks[0])


def peak(folder: Path, rows: int, steps: int) -> int:
    """Return the peak resident memory of the Trainer in bytes."""
    from data.generate import generate

    data, workspace, log = folder / f"data-{rows}", folder / f"workspace-{rows}", folder / f"{rows}.log"
    data.mkdir()
    generate(data / "housing.csv", rows)
    command = [sys.executable, str(ROOT / "runner.py"), "run", "housing", "--data", str(data)]
    command += ["--workspace", str(workspace), "--set", f"training.train_steps={steps}"]
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--set", f"training.batch_size={BATCH}"], stdout=file, stderr=file, env=environment(), cwd=ROOT
        )
    highest, trainer = 0, None
    while not list(workspace.glob("runs/*/nodes/Trainer.json")):
        if process.poll() is not None:
            sys.exit(f"the pipeline failed:\n{log.read_text()}")
        trainer = trainer or next((one for one in tree(process.pid) if _writes_to(one) == "Trainer.log"), None)
        if trainer:
            highest = max(highest, _high_water(trainer))
        time.sleep(0.05 if trainer else 0.5)
    seconds = time.monotonic() - began
    process.send_signal(signal.SIGINT)
    process.wait()
    print(f"{rows:>10,}{highest / 2**20:>9,.0f}{seconds:>17,.0f}", flush=True)
    return highest


def _writes_to(process: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{process}/fd/1")).name  # noqa: PTH115  it need not be a file
    except OSError:
        return ""


def _high_water(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    main()
