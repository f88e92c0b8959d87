"""User code that fails: told by the user's own file and line, with no frame of a framework."""

import pytest

from tests.e2e.site import Site, edited, line_of, refused

pytestmark = pytest.mark.slow

BEYOND = "wanted = tf.reshape(labels, [-1, 1]) * tf.gather([1.0], tf.shape(labels)[:1] + 70_000)  # here"
LOSS = "loss = tf.reduce_mean(tf.abs(wanted - rent))"


@pytest.mark.parametrize(
    ("name", "change", "headline", "got"),
    [
        pytest.param(
            "model.py",
            ('predictions = {"rent": rent}', 'raise LookupError("no such street")  # here'),
            "model_fn of flats raised LookupError",
            "no such street",
            id="model_fn raises",
        ),
        pytest.param(
            "model.py",
            ("wanted = tf.reshape(labels, [-1, 1])", BEYOND),
            "training the model of flats raised InvalidArgumentError",
            "is not in [0, 1)",
            id="an operation fails while training",
        ),
        pytest.param(
            "model.py",
            ("v1 = tf.compat.v1", "v1 = = tf.compat.v1  # here"),
            "importing model.py of flats raised SyntaxError",
            "invalid syntax",
            id="a syntax error",
        ),
        pytest.param(
            "preprocessing.py",
            ('inputs["rooms"], tf.float32),', 'inputs["rumes"], tf.float32),  # here'),
            "preprocessing_fn of flats raised KeyError",
            "rumes",
            id="preprocessing_fn raises",
        ),
    ],
)
def test_code_that_raises(site: Site, name: str, change: tuple[str, str], headline: str, got: str) -> None:
    file = site.problem / name
    with edited(file, *change):
        ended = site.run()
        refused(ended, 4, headline, got, f"{file}:{line_of(file, '# here')}", f"mend {name}")


def test_a_model_fn_that_returns_the_wrong_type(site: Site) -> None:
    file = site.problem / "model.py"
    with edited(file, 'predictions = {"rent": rent}', 'return {"rent": rent}'):
        refused(
            site.run(), 4, "model_fn returned the wrong type", "dict", "tf.estimator.EstimatorSpec", str(file), "return"
        )


def test_a_loss_that_is_not_a_number(site: Site) -> None:
    file = site.problem / "model.py"
    with edited(file, LOSS, "loss = tf.reduce_mean(tf.math.log(wanted - 2.0 * wanted) * rent)"):
        refused(site.run(), 4, "The loss of flats became NaN while training", str(file), "logarithm")
