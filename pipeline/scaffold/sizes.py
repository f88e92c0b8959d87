"""What depends on how many rows there are: splits, batches, steps and the network."""

import dataclasses

FEWEST_ROWS = 40
_EPOCHS = 20


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Settings of the training.

    Attributes:
        batch_size: Rows in a batch.
        train_steps: Steps of the training.
        hidden_units: Units of the network's layers.
        embedding_size: Numbers that stand for a category.
        dropout: Share of units that are switched off in a training step.
        learning_rate: Adam's, at the start.
        least_seen: Fewest rows in which a value of a category is seen to be told from others.
    """

    batch_size: int
    train_steps: int
    hidden_units: tuple[int, ...]
    embedding_size: int
    dropout: float
    learning_rate: float
    least_seen: int


def hash_buckets(rows: int) -> dict[str, int]:
    """Return the shares of the splits: of few rows a third is needed to judge a model by."""
    return {"train": 2, "eval": 1} if rows < 2000 else {"train": 4, "eval": 1}


def sizes(train_rows: int) -> Sizes:
    """Return sizes for so many rows: twenty times through them, but 300 to 5,000 steps."""
    batch = 16
    while batch < 512 and batch * 100 < train_rows:
        batch *= 2
    steps = min(max(_EPOCHS * train_rows // batch // 100 * 100, 300), 5000)
    small, middle = train_rows < 1000, train_rows < 5000
    return Sizes(
        batch,
        steps,
        (16,) if small else (32, 16) if middle else (64, 32),
        4 if middle else 8,
        0.1,
        0.01 if small else 0.003,
        2 if middle else 5,
    )
