"""The text of ``pipeline.toml``."""

from pipeline.scaffold.literals import number, one_line, toml
from pipeline.scaffold.profiling import Profile
from pipeline.scaffold.sizes import Sizes, hash_buckets
from pipeline.scaffold.tables import Tables
from pipeline.scaffold.task import Bound, Task

_ALSO = {
    "mean_absolute_error": ("root_mean_squared_error",),
    "binary_accuracy": ("auc", "binary_crossentropy"),
    "auc": ("binary_accuracy", "binary_crossentropy"),
    "sparse_categorical_accuracy": ("sparse_categorical_crossentropy",),
    "sparse_categorical_crossentropy": ("sparse_categorical_accuracy",),
}
"""What is measured besides the bounded metric."""


def settings_text(path: str, profile: Profile, tables: Tables, task: Task, sizes: Sizes) -> str:
    """Return the text of ``pipeline.toml``.

    Args:
        path: The data's path as the problem's folder sees it.
        profile: The file's statistics.
        tables: What the model gets.
        task: What is to be learned.
        sizes: Settings of the training.
    """
    label = one_line(profile.label.name)
    what = "regression" if task.name == "regression" else f"one of {len(task.classes)} classes"
    buckets = ", ".join(f"{split} = {share}" for split, share in hash_buckets(profile.total).items())
    data = [f"path = {toml(path)}"]
    if profile.named:
        data.append(f"columns = {toml(profile.named)}")
    if profile.missing != ("",):
        data.append(f"missing = {toml(profile.missing)}  # cells that stand for a missing value")
    data += [f"hash_buckets = {{ {buckets} }}", f"minimum_rows = {min(min(profile.rows.values()) // 2, 100)}"]
    params = [f"hidden_units = {toml(sizes.hidden_units)}"]
    if tables.categories:
        params.append(f"embedding_size = {sizes.embedding_size}")
    params += [f"dropout = {sizes.dropout}", f"learning_rate = {sizes.learning_rate}"]
    key = "prediction" if task.name == "regression" else "probability" if task.is_binary else "probabilities"
    sections = {
        "[data]": data,
        "[schema]": ['file = "schema.pbtxt"'],
        "[training]": [f"train_steps = {sizes.train_steps}", f"batch_size = {sizes.batch_size}"],
        "[training.params]": params,
        "[evaluation]": [f'prediction_key = "{key}"'],
        "[[evaluation.metrics]]": _bounded(task.bound),
    }
    others = "".join(f'\n[[evaluation.metrics]]\nname = "{name}"\n' for name in _ALSO[task.bound.metric])
    head = (
        f"# {label}: {what}. Every setting is described in docs/settings.md.\n"
        f"label = {toml(profile.label.name)}\n"
        f"description = {toml(f'{label}, {what}: made by init from {profile.total:,} rows')}\n"
    )
    return (
        head
        + "".join(f"\n{name}\n" + "".join(f"{one}\n" for one in lines) for name, lines in sections.items())
        + others
    )


def _bounded(bound: Bound) -> list[str]:
    side, better = ("lower", "higher_is_better") if bound.lower else ("upper", "lower_is_better")
    change = "change_absolute = 0.02" if bound.lower else "change_relative = 0.05"
    return [
        f'name = "{bound.metric}"',
        f"{side}_bound = {bound.value!r}  # {one_line(bound.says)}, gets {number(bound.constant, 4):g}",
        f'direction = "{better}"',
        change,
    ]


def promise(bound: Bound) -> str:
    """Say what a model must reach, and against what."""
    least = "at least" if bound.lower else "at most"
    return f"{bound.metric} {least} {bound.value:g}; {one_line(bound.says)}, gets {bound.constant:.4g}"
