"""What can be seen of a training after a real run: in its summary, in ``show``, and as a picture."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.e2e.site import Ended, Site

pytestmark = pytest.mark.slow


def test_the_run_leaves_a_curve_and_a_picture_beside_the_model(first: Ended) -> None:
    told = first.json["training"]
    assert [one["step"] for one in told["curve"]["training"]] == list(range(1, 21))
    assert told["curve"]["evaluations"][-1]["step"] == 20
    assert told["curve"]["training"][0]["gradient_norm"] > 0
    picture = Path(told["picture"])
    words = [one.text for one in ET.parse(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert {"training of flats", "loss", "learning rate", "norm of all gradients, as applied"} <= set(words)
    [trainer] = [node for node in first.json["nodes"] if node["node"] == "Trainer"]
    model = Path(trainer["outputs"]["model"][0]["uri"])
    assert (model / "training.svg").samefile(picture)
    assert not list((model / "Format-Serving").rglob("*.svg"))


def test_show_draws_it(site: Site, first: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", first.json["run"], "--workspace", str(site.workspace)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^  training   20 steps of 32 rows\n {13}loss \S+ -> \S+ in training, ", shown, re.MULTILINE)
    drawn = shown[shown.index("  training ") : shown.index("  metrics ")].splitlines()
    assert len(drawn) == 2 + 8 + 3 + 1
    assert max(len(line) for line in drawn[:-1]) <= 100
    assert drawn[-1].endswith("training.svg")
