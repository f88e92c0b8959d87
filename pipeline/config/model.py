"""The settings of a problem: everything that ``pipeline.toml`` may say, with its default and its meaning.

Names are those of the API that a setting ends up in: ``train_steps`` and ``throttle_secs`` are the Estimator's
(``tf.estimator.TrainSpec``, ``EvalSpec``, ``RunConfig``), ``upper_bound`` and ``direction`` are TFMA's
(``tfma.GenericValueThreshold``, ``GenericChangeThreshold``), ``hash_buckets`` is ExampleGen's (``SplitConfig``).
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.config.section import Direction, Section
from pipeline.config.tuning import Tuning, check_space, known_direction
from pipeline.metadata.address import Address, parse

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Data(Section):
    """Where the rows are and how they are cut into splits."""

    path: str = Field(description="file, folder, glob, or a pattern with {SPAN}, {VERSION} or {YYYY}, {MM}, {DD}")
    format: Literal["auto", "csv", "parquet"] = Field("auto", description="auto goes by the files' names")
    columns: tuple[str, ...] = Field((), description="names of the columns, where a CSV has no header")
    missing: tuple[str, ...] = Field(("",), description="cells that stand for a missing value")
    hash_buckets: dict[Identifier, Annotated[StrictInt, Field(gt=0)]] = Field(
        {"train": 4, "eval": 1}, description="share of each split; a row's content decides which one it falls into"
    )
    minimum_rows: StrictInt = Field(20, ge=1, description="fewest rows that each split must have")
    bad_rows: StrictInt = Field(0, ge=0, description="malformed rows to set aside before the data is refused")
    span: StrictInt | None = Field(None, ge=0, description="the span to read; the latest one if not set")

    @field_validator("path")
    @classmethod
    def _names_something(cls, path: str) -> str:
        if not path.strip():
            raise ValueError("the path of a file or folder, not an empty text")
        return path

    @model_validator(mode="after")
    def _has_both_splits(self) -> "Data":
        missing = {"train", "eval"} - set(self.hash_buckets)
        if missing:
            raise ValueError(f"the splits train and eval are needed; missing: {', '.join(sorted(missing))}")
        return self


class Schema(Section):
    """What the data should look like."""

    file: str | None = Field(None, description="curated schema (.pbtxt), relative to the problem; inferred if not set")


class Validation(Section):
    """What happens when the data is not as the schema says."""

    anomalies: Literal["stop", "report"] = Field("stop", description="stop the run, or only report")


class EarlyStopping(Section):
    """When training ends before its last step: judged by each evaluation, as tf.estimator.experimental's hooks do."""

    metric: str = Field("loss", min_length=1, description="a metric of the model's own evaluation, or loss")
    max_steps_without_decrease: StrictInt | None = Field(
        None, ge=1, description="stop_if_no_decrease_hook: steps in which the metric may fail to reach a new low"
    )
    max_steps_without_increase: StrictInt | None = Field(
        None, ge=1, description="stop_if_no_increase_hook: steps in which the metric may fail to reach a new high"
    )
    stop_if_lower: StrictFloat | None = Field(None, description="stop_if_lower_hook: the target is met below this")
    stop_if_higher: StrictFloat | None = Field(None, description="stop_if_higher_hook: the target is met above this")
    min_steps: StrictInt = Field(0, ge=0, description="evaluations before this step do not count")

    @field_validator("max_steps_without_increase", "stop_if_higher")
    @classmethod
    def _one_direction(cls, value: float | None, info: ValidationInfo) -> float | None:
        other = {"max_steps_without_increase": "max_steps_without_decrease", "stop_if_higher": "stop_if_lower"}
        name = other[str(info.field_name)]
        if value is not None and info.data.get(name) is not None:
            raise ValueError(f"not both this and {name}: a metric is good low, or good high")
        return value

    @model_validator(mode="after")
    def _has_a_reason(self) -> "EarlyStopping":
        low = self.max_steps_without_decrease is not None or self.stop_if_lower is not None
        high = self.max_steps_without_increase is not None or self.stop_if_higher is not None
        if not low and not high:
            raise ValueError("a reason to stop is needed: max_steps_without_decrease, stop_if_lower or an opposite")
        if low and high:
            raise ValueError("a metric is good low (max_steps_without_decrease, stop_if_lower) or good high, not both")
        return self


class Cluster(Section):
    """Training in several processes of this machine, by the Estimator's own protocol; docs/distributed.md."""

    workers: StrictInt = Field(1, ge=1, le=64, description="processes that train, the chief among them")
    ps: StrictInt = Field(1, ge=1, le=64, description="parameter servers: processes that hold the variables")
    timeout_secs: StrictInt = Field(
        180, ge=1, le=10**6, description="seconds until a cluster that trains not (yet, or any more) is given up"
    )
    max_restarts: StrictInt = Field(
        3, ge=0, le=1000, description="how often each process is started again while no new checkpoint comes"
    )


DEFAULT_TRAIN_STEPS = 2000


class Training(Section):
    """What `train_and_evaluate` is told; docs/training.md has the reasons to choose one or the other."""

    train_steps: StrictInt | None = Field(
        None, ge=1, le=10**9, description="TrainSpec.max_steps; 2000 if neither this nor num_epochs is set"
    )
    num_epochs: StrictInt | None = Field(
        None,
        ge=1,
        le=10**9,
        description="passes over the train split, in place of train_steps: as many steps as they take",
    )
    eval_steps: StrictInt | None = Field(None, ge=1, description="EvalSpec.steps; the whole eval split if not set")
    batch_size: StrictInt = Field(256, ge=1, le=10**9, description="rows in a training batch")
    eval_batch_size: StrictInt = Field(1024, ge=1, le=10**9, description="rows in an evaluation batch")
    shuffle_buffer: StrictInt = Field(20_000, ge=1, le=10**9, description="rows held for shuffling")
    save_checkpoints_steps: StrictInt | None = Field(
        None,
        ge=1,
        description="RunConfig: steps between checkpoints; a quarter of all if this and _secs are unset",
    )
    save_checkpoints_secs: StrictInt | None = Field(
        None, ge=1, description="RunConfig: seconds between checkpoints, in place of save_checkpoints_steps"
    )
    keep_checkpoint_max: StrictInt = Field(
        5, ge=1, description="RunConfig: how many of the latest checkpoints are kept; the best one is kept besides"
    )
    save_summary_steps: StrictInt = Field(100, ge=1, description="RunConfig: steps between summaries for TensorBoard")
    save_histograms_steps: StrictInt | None = Field(
        None,
        ge=0,
        description="steps between histograms of the weights; ten times save_summary_steps if not set, none with 0",
    )
    log_step_count_steps: StrictInt = Field(
        100, ge=1, description="RunConfig: steps between two lines of the log with step, loss and speed"
    )
    start_delay_secs: StrictInt = Field(
        0, ge=0, description="EvalSpec: seconds until the first evaluation, where a cluster has an evaluator of its own"
    )
    throttle_secs: StrictInt | None = Field(
        None,
        ge=0,
        description='EvalSpec: fewest seconds between evaluations; 60, or 0 with early stopping or export = "best"',
    )
    early_stopping: EarlyStopping | None = Field(None, description="when to end before the last step")
    export: Literal["final", "latest", "best"] = Field(
        "final",
        description="the checkpoint that becomes the model: the last one; the last one, with an export of each"
        " evaluated checkpoint meanwhile (LatestExporter); or the best one by best_metric",
    )
    best_metric: str = Field("loss", min_length=1, description='what export = "best" goes by')
    best_direction: Direction = Field("lower_is_better", description='which best_metric is best, for export = "best"')
    warm_start: StrictBool = Field(False, description="start from the weights of the latest blessed model, if any")
    vars_to_warm_start: str = Field(
        ".*", description="WarmStartSettings: regular expression of the variables' names to take over"
    )
    var_name_to_vocab: dict[str, str] = Field(
        {}, description="variables whose rows belong to a vocabulary of the transform, where their names do not tell"
    )
    seed: StrictInt = Field(
        20240229,
        ge=0,
        lt=2**63,
        description="RunConfig.tf_random_seed; seeds Python, numpy, TensorFlow and the shuffling",
    )
    deterministic: StrictBool = Field(
        True, description="tf.config.experimental.enable_op_determinism: operations that give the same bits each time"
    )
    distribute: Literal["none", "mirrored"] = Field(
        "none", description="RunConfig.train_distribute: mirrored trains on all GPUs of this machine, in one process"
    )
    cluster: Cluster | None = Field(None, description="train in several processes of this machine")
    params: dict[str, Any] = Field({}, description="handed to the model as params, with train_steps added")

    @field_validator("cluster")
    @classmethod
    def _instead_of_mirrored(cls, value: Cluster | None, info: ValidationInfo) -> Cluster | None:
        if value is not None and info.data.get("distribute") == "mirrored":
            raise ValueError('not both this and distribute = "mirrored": one process with GPUs, or several processes')
        return value

    @field_validator("num_epochs", "save_checkpoints_secs")
    @classmethod
    def _instead_of_steps(cls, value: int | None, info: ValidationInfo) -> int | None:
        other = {"num_epochs": "train_steps", "save_checkpoints_secs": "save_checkpoints_steps"}[str(info.field_name)]
        if value is not None and info.data.get(other) is not None:
            raise ValueError(f"not both this and {other}: leave one of them out")
        return value

    @field_validator("best_metric", "best_direction")
    @classmethod
    def _only_for_best(cls, value: str, info: ValidationInfo) -> str:
        if value != cls.model_fields[str(info.field_name)].default and info.data.get("export", "best") != "best":
            raise ValueError('only with export = "best"')
        return value

    @field_validator("vars_to_warm_start", "var_name_to_vocab")
    @classmethod
    def _only_for_warm_start(cls, value: Any, info: ValidationInfo) -> Any:
        if value != cls.model_fields[str(info.field_name)].default and info.data.get("warm_start") is False:
            raise ValueError("only with warm_start = true")
        return value

    @field_validator("vars_to_warm_start")
    @classmethod
    def _is_an_expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"a regular expression ({error})") from None
        return value

    def steps(self, rows: int) -> int:
        """Return the step at which a training ends: ``train_steps``, or what ``num_epochs`` of as many rows come to."""
        if self.num_epochs is not None:
            return max(1, -(-rows * self.num_epochs // self.batch_size))
        return self.train_steps or DEFAULT_TRAIN_STEPS

    @property
    def evaluation_throttle_secs(self) -> int:
        """``throttle_secs``, or its default: what goes by evaluations needs one of each checkpoint."""
        if self.throttle_secs is not None:
            return self.throttle_secs
        return 0 if self.early_stopping is not None or self.export == "best" else 60

    @property
    def histogram_steps(self) -> int:
        """``save_histograms_steps``, or its default; 0 for none."""
        return 10 * self.save_summary_steps if self.save_histograms_steps is None else self.save_histograms_steps


class Metric(Section):
    """One metric of the evaluation, and the bounds that a model must keep to be blessed."""

    name: str = Field(description="a metric of TFMA or Keras, as mean_absolute_error or auc")
    lower_bound: StrictFloat | None = Field(None, description="blessed only at or above")
    upper_bound: StrictFloat | None = Field(None, description="blessed only at or below")
    direction: Direction | None = Field(None, description="needed with change_absolute and change_relative")
    change_absolute: StrictFloat | None = Field(None, description="how much worse than the blessed model it may be")
    change_relative: StrictFloat | None = Field(None, description="the same as a share: 0.05 allows 5% worse")

    @model_validator(mode="after")
    def _direction_where_needed(self) -> "Metric":
        compared = self.change_absolute is not None or self.change_relative is not None
        if compared and self.direction is None:
            raise ValueError("direction is needed with change_absolute and change_relative")
        return self

    @property
    def has_threshold(self) -> bool:
        """Whether this metric can refuse a model."""
        bounds = (self.lower_bound, self.upper_bound, self.change_absolute, self.change_relative)
        return any(bound is not None for bound in bounds)


class Evaluation(Section):
    """How the model is judged. Without a single bound no model is ever blessed."""

    prediction_key: str | None = Field(None, description="the output that is compared with the label")
    slices: tuple[tuple[str, ...], ...] = Field((), description='feature names, as [["ocean_proximity"]]')
    metrics: tuple[Metric, ...] = Field((), description="what is measured, and the bounds")


class Serving(Section):
    """What an export answers."""

    forward_features: tuple[str, ...] = Field(
        (), description="columns of the request that come back beside each prediction, unaltered: a key, say"
    )

    @field_validator("forward_features")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each column once; more than once: {', '.join(twice)}")
        return names


class InfraValidation(Section):
    """How the export is tried out before it is pushed."""

    examples: StrictInt = Field(16, ge=1, description="real examples from the eval split that it must answer")
    timeout_secs: StrictInt = Field(180, ge=1, description="seconds until loading and answering counts as failed")


class Metadata(Section):
    """Where ML Metadata is kept; docs/metadata.md. The password comes from ESTIMATOR_PIPELINE_METADATA_PASSWORD."""

    url: str | None = Field(
        None,
        description="postgresql://user@host:port/database, or mysql:// for MySQL and MariaDB; what the workspace has"
        " if not set: SQLite, in a new one",
    )

    @field_validator("url")
    @classmethod
    def _names_a_store(cls, value: str | None) -> str | None:
        return None if value is None else parse(value).url

    @property
    def address(self) -> Address | None:
        """The store that is meant; None if the settings name none."""
        return None if self.url is None else parse(self.url)


class Beam(Section):
    """How Beam runs."""

    runner: Literal["direct"] = Field("direct", description="direct: this machine, in the node's own process")


Node = Literal[
    "ExampleGen",
    "StatisticsGen",
    "ImportSchemaGen",
    "SchemaGen",
    "ExampleValidator",
    "Transform",
    "WarmStart",
    "Tuner",
    "Tuned",
    "Trainer",
    "Resolver",
    "Evaluator",
    "InfraValidator",
    "Pusher",
]
"""The nodes that a chain may have; see ``pipeline.chain``."""
_Limit = Annotated[StrictInt, Field(ge=1, le=10**7)]


class Run(Section):
    """How a local run treats its nodes; docs/running.md has the reasons. None of it makes a node run again."""

    retries: StrictInt = Field(
        2, ge=0, le=10, description="further attempts at a node that the machine failed: a locked database, no memory"
    )
    fail_fast: StrictBool = Field(False, description="end the whole run when a node failed, also what is independent")
    node_timeout_secs: _Limit | None = Field(
        None, description="seconds after which a node is ended, each attempt for itself; no limit if not set"
    )
    timeout_secs: dict[Node, _Limit] = Field({}, description="the same for single nodes, as Trainer = 3600")
    node_memory_mb: _Limit | None = Field(
        None, description="MB of memory at which a node is ended, about 600 of it libraries; no limit if not set"
    )
    memory_mb: dict[Node, _Limit] = Field({}, description="the same for single nodes, as Transform = 8000")

    def time_limit(self, node: str) -> int | None:
        """Return the seconds that a node may take; None for no limit."""
        return {str(name): value for name, value in self.timeout_secs.items()}.get(node, self.node_timeout_secs)

    def memory_limit(self, node: str) -> int | None:
        """Return the MB of memory that a node may hold; None for no limit."""
        return {str(name): value for name, value in self.memory_mb.items()}.get(node, self.node_memory_mb)


class Settings(Section):
    """All settings of one problem."""

    label: str = Field(
        min_length=1,
        description="the column to predict, or what `preprocessing_fn` makes under that name",
    )
    description: str = Field("", description="one sentence for `runner.py problems`")
    data: Data
    schema_: Schema = Field(Schema(), alias="schema")
    validation: Validation = Validation()
    training: Training = Training()
    tuning: Tuning = Tuning()
    evaluation: Evaluation = Evaluation()
    serving: Serving = Serving()
    infra_validation: InfraValidation = InfraValidation()
    metadata: Metadata = Metadata()
    beam: Beam = Beam()
    run: Run = Run()

    @field_validator("tuning")
    @classmethod
    def _space_fits_the_training(cls, tuning: Tuning, others: ValidationInfo) -> Tuning:
        if "training" in others.data:
            check_space(tuning.space, others.data["training"])
        return tuning

    @model_validator(mode="after")
    def _search_has_a_direction(self) -> "Settings":
        self.search  # noqa: B018  raises where it has none
        return self

    @property
    def search(self) -> Tuning:
        """The search, with the direction of its metric, whichever setting says it."""
        told = {one.name: one.direction for one in self.evaluation.metrics if one.direction is not None}
        return self.tuning.model_copy(update={"direction": known_direction(self.tuning, told)})

    @field_validator("serving")
    @classmethod
    def _label_is_not_asked_for(cls, serving: Serving, others: ValidationInfo) -> Serving:
        if others.data.get("label") in serving.forward_features:
            raise ValueError("forward_features without the label, which no request has")
        return serving


class Problem(BaseModel):
    """A problem's folder with its validated settings.

    Attributes:
        name: The folder's name; names the pipeline, and the model in the serving directory.
        folder: Where the folder is.
        settings: What its ``pipeline.toml`` and ``--set`` say.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    folder: Path
    settings: Settings
