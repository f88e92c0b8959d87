"""Peak memory of the Trainer at 200 thousand rows against 2 million: ``python -m bench.memory``.

Each size is a real ``runner.py run housing``, stopped when the Trainer is done. The Trainer's process is found below
the runner, and the kernel's own record of its peak (``VmHWM``: resident memory, which page cache is no part of) is
read until it ends. Both sizes train the same number of steps, enough to read every row of the larger one.

The smaller size is generated and goes through the whole pipeline. The larger one trains on the files that Transform
made of it, each copied ten times; with ``--fresh`` it is generated and transformed too, which takes much longer.
"""

import argparse
import os
import shutil
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
    parser.add_argument("--fresh", action="store_true", help="generate and transform the larger size too")
    arguments = parser.parse_args()
    few, many = sorted(arguments.rows)
    steps = -(-many // BATCH)
    print(f"{steps:,} steps of {BATCH} rows at each size")
    print(f"{'rows':>10}{'peak MB':>9}{'s until trained':>17}")
    with tempfile.TemporaryDirectory(prefix="memory-") as name:
        folder = Path(name)
        lowest = peak(folder, generated(folder, few), few, steps)
        if arguments.fresh:
            highest = peak(folder, generated(folder, many), many, steps)
        else:
            multiply(folder / "workspace", many // few)
            # A setting that changes nothing here has the Trainer run again, on the files that are there now.
            highest = peak(folder, folder / f"data-{few}", many, steps, "training.keep_checkpoint_max=6")
    print(f"peak at {many:,} rows / at {few:,}: {highest / lowest:.3f} (target: at most {TARGET})")
    sys.exit(highest > TARGET * lowest)


def generated(folder: Path, rows: int) -> Path:
    """Generate rows, and return the folder that holds them."""
    from data.generate import generate

    data = folder / f"data-{rows}"
    data.mkdir()
    generate(data / "housing.csv", rows)
    return data


def multiply(workspace: Path, times: int) -> None:
    """Copy each file of transformed rows, so that there are ``times`` as many."""
    for file in list(workspace.glob("artifacts/housing/Transform/transformed_examples/*/Split-*/*")):
        for copy in range(1, times):
            shutil.copyfile(file, file.with_name(f"copy-{copy}-{file.name}"))


def peak(folder: Path, data: Path, rows: int, steps: int, *settings: str) -> int:
    """Run until the Trainer is done, and return the peak of its resident memory in bytes."""
    workspace, log = folder / "workspace", folder / f"{rows}.log"
    known = set(workspace.glob("runs/*"))
    command = [sys.executable, str(ROOT / "runner.py"), "run", "housing", "--data", str(data)]
    command += ["--workspace", str(workspace)]
    for setting in (f"training.train_steps={steps}", f"training.batch_size={BATCH}", *settings):
        command += ["--set", setting]
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment(), cwd=ROOT)
    highest, trainer = 0, None
    while not [one for one in workspace.glob("runs/*/nodes/Trainer.json") if one.parents[1] not in known]:
        if process.poll() is not None:
            sys.exit(f"the pipeline failed:\n{log.read_text()}")
        trainer = trainer or next((one for one in tree(process.pid) if _writes_to(one) == "Trainer.log"), None)
        if trainer:
            highest = max(highest, _high_water(trainer))
        time.sleep(0.05 if trainer else 0.5)
    seconds = time.monotonic() - began
    process.send_signal(signal.SIGTERM)
    process.wait()
    if not highest:
        sys.exit("the Trainer did not run")
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
