"""What reaches what in a SavedModel, on models that TensorFlow wrote."""

from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from pipeline.lineage.saved_model import signature_reach, transform_reach

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A function of a dict, as a transform has it: with a sparse column, a call within a call, and a constant."""
    folder = tmp_path_factory.mktemp("models") / "transform_fn"

    @tf.function
    def twice(one: tf.Tensor, other: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return one * 2.0, other * 2.0

    class Module(tf.Module):
        @tf.function(
            input_signature=[
                {
                    "zone": tf.TensorSpec([None], tf.string),
                    "area": tf.TensorSpec([None], tf.float32),
                    "beds": tf.SparseTensorSpec([None, None], tf.float32),
                    "unused": tf.TensorSpec([None], tf.float32),
                    "rooms": tf.TensorSpec([None], tf.float32),
                }
            ]
        )
        def transform_fn(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            area, rooms = twice(inputs["area"], inputs["rooms"])
            beds = tf.sparse.to_dense(inputs["beds"])[:, 0]
            return {
                "per_room": area / rooms,
                "area": area,
                "beds_and_zone": beds + tf.cast(tf.strings.length(inputs["zone"]), tf.float32),
                "one": tf.ones_like(inputs["area"]) * 0.0 + 1.0,
                "constant": tf.constant([1.0]),
            }

    module = Module()
    tf.saved_model.save(module, str(folder))
    return folder


def test_the_columns_of_each_feature(transform: Path) -> None:
    assert transform_reach(transform) == {
        "area": ["area"],  # not rooms, which the same call takes in
        "beds_and_zone": ["beds", "zone"],
        "constant": [],
        "one": ["area"],  # by the shape
        "per_room": ["area", "rooms"],
    }


def test_a_signature_of_a_graph_as_an_estimator_exports_it(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        area = tf.compat.v1.placeholder(tf.float32, [None], name="area_column")
        rooms = tf.compat.v1.placeholder(tf.float32, [None])
        weight = tf.compat.v1.get_variable("weight", [])
        rent = tf.identity(area * weight)
        with tf.control_dependencies([tf.identity(rooms)]):  # waits for the rooms, and does nothing with them
            rent = tf.identity(rent)
        session.run(tf.compat.v1.global_variables_initializer())
        builder = tf.compat.v1.saved_model.Builder(str(folder))
        signature = tf.compat.v1.saved_model.predict_signature_def(
            {"area": area, "rooms": rooms}, {"rent": rent, "both": rent + rooms}
        )
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={"raw": signature})
        builder.save()
    assert signature_reach(folder, "raw") == {"both": ["area", "rooms"], "rent": ["area"]}
    assert signature_reach(folder, "other") == {}
    assert transform_reach(folder) == {}


def test_what_is_no_saved_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        transform_reach(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 99)
    with pytest.raises(ValueError, match="holds no SavedModel"):
        signature_reach(tmp_path, "raw")
