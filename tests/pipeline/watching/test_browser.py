"""TensorBoard as a person sees it: a real browser shows the scalars of a training under its run's name."""

import subprocess
from pathlib import Path

import pytest

from tests.pipeline.watching.conftest import Trained
from tests.pipeline.watching.test_board import TRAINED, asked, becomes, board
from tests.servers import installed

pytestmark = pytest.mark.slow
SHOWN = ("training/learning_rate", "training/gradient_norm", "loss", "3.25")


def test_a_browser_shows_the_scalars(trained: Trained, tmp_path: Path) -> None:
    browser = installed("chromium")
    folder = trained.root / "artifacts" / "flats" / "Trainer" / "model_run" / "1"
    for step in range(2, 20):
        trained.write(folder, {"training/learning_rate": 0.1 / step, "training/gradient_norm": 3.25}, step)
    with board(trained.root, "flats") as (_, told):
        becomes(lambda: asked(told, "data/runs"), TRAINED)
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        command += ["--window-size=1400,1600", "--virtual-time-budget=60000", "--dump-dom"]
        address = f"{told['url']}?tagFilter=training%7Closs#timeseries"
        for _ in range(3):  # the browser's clock runs ahead of what it waits for, and may end before all is drawn
            done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True)
            missing = [one for one in (*TRAINED, *SHOWN) if one not in done.stdout]
            if not missing:
                return
    assert not missing
