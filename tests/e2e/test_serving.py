"""What lies beside a pushed model, and what its answers hold beside the predictions."""

import json
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.infra_validator.requests import decode
from tests.e2e.site import Ended, Site, refused

pytestmark = pytest.mark.slow


def test_the_requests_beside_a_pushed_model_are_answered_with_the_key_of_the_row(site: Site, first: Ended) -> None:
    file = Path(first.json["pushed"]["signatures"])
    version = site.workspace / "serving" / "flats" / "1"
    assert file == version / "assets.extra" / "signatures.json"
    model = tf.saved_model.load(str(version))
    signatures = json.loads(file.read_text())["signatures"]
    assert sorted(signatures) == sorted(model.signatures) == ["raw", "serving_default"]
    for name, described in signatures.items():
        signature = model.signatures[name]
        body = json.loads((file.parent / described["example_request"]).read_text())
        answer = signature(**decode(body, signature.structured_input_signature[1]))
        assert answer["district"].numpy().tolist() == [b"Old Town"]
        assert answer["rent"].shape == [1, 1]
        assert np.isfinite(answer["rent"].numpy()).all()
    raw = model.signatures["raw"]
    columns = {"area": [50.0, 20.0], "rooms": [2, 1], "district": ["Hill", "anywhere else"]}
    answer = raw(**decode({"inputs": columns}, raw.structured_input_signature[1]))
    assert answer["district"].numpy().tolist() == [b"Hill", b"anywhere else"]


def test_the_gates_pass_and_the_added_metrics_are_there(site: Site, first: Ended) -> None:
    assert site.versions()
    assert first.json["infra_verdict"]["blessed"]
    nodes = {node["node"]: node for node in first.json["nodes"]}
    blessing = Path(nodes["InfraValidator"]["outputs"]["blessing"][0]["uri"])
    assert json.loads((blessing / "verdict.json").read_text())["notes"] == []
    run = Path(nodes["Trainer"]["outputs"]["model_run"][0]["uri"])
    metrics = json.loads((run / "eval_metrics.json").read_text())
    assert {"mean_absolute_error", "highest", "mean_guess"} <= set(metrics)


def test_a_column_that_is_not_in_the_schema(ground: Site, tmp_path: Path) -> None:
    ended = ground.run("--set", 'serving.forward_features=["distric"]', workspace=tmp_path / "new")
    refused(ended, 2, "There is no column distric to forward", "did you mean district?")
    assert not (tmp_path / "new").exists()


def test_the_label_is_in_no_request(ground: Site, tmp_path: Path) -> None:
    ended = ground.run("--set", 'serving.forward_features=["rent"]', workspace=tmp_path / "new")
    assert ended.code == 2
    assert "without the label" in ended.text
    assert not (tmp_path / "new").exists()
