"""The same chain as stock TFX has it: stock components, module files, LocalDagRunner.

``python -m bench.stock DATA_FOLDER WORKSPACE``. The functions are the very ones of ``pipeline/problems/housing``;
the plumbing around them is what a TFX template makes a user write. There is no InfraValidator, which needs Docker.
"""

import re
import sys
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

from pipeline.config import read_problem
from pipeline.config.model import DEFAULT_TRAIN_STEPS, Settings

HOUSING = Path(__file__).parents[1] / "pipeline" / "problems" / "housing"
_PLUMBING = """
import tensorflow_transform as tft

def input_fn(files, transform, batch_size, training):
    spec = transform.transformed_feature_spec()
    def parse(serialized):
        features = tf.io.parse_example(serialized, spec)
        return features, features.pop(LABEL)
    dataset = tf.data.TFRecordDataset(tf.io.gfile.glob(files), compression_type="GZIP")
    if training:
        dataset = dataset.shuffle({shuffle_buffer}).repeat()
    return dataset.batch(batch_size).map(parse).prefetch(tf.data.AUTOTUNE)

def run_fn(fn_args):
    transform = tft.TFTransformOutput(fn_args.transform_output)
    def receiver():
        spec = transform.raw_feature_spec()
        spec.pop(LABEL)
        serialized = tf.compat.v1.placeholder(tf.string, [None], name="examples")
        features = transform.transform_raw_features(tf.io.parse_example(serialized, spec))
        return tf.estimator.export.ServingInputReceiver(features, {{"examples": serialized}})
    config = tf.estimator.RunConfig(
        model_dir=fn_args.model_run_dir, save_checkpoints_steps={checkpoints}, save_summary_steps={summaries},
        tf_random_seed={seed})
    estimator = tf.estimator.Estimator(model_fn, config=config, params={params!r})
    train = tf.estimator.TrainSpec(
        lambda: input_fn(fn_args.train_files, transform, {batch_size}, True), max_steps={train_steps})
    evaluate = tf.estimator.EvalSpec(
        lambda: input_fn(fn_args.eval_files, transform, {eval_batch_size}, False), steps=None,
        start_delay_secs={start_delay}, throttle_secs={throttle})
    tf.estimator.train_and_evaluate(estimator, train, evaluate)
    made = estimator.export_saved_model(fn_args.serving_model_dir + ".tmp", receiver)
    tf.io.gfile.rename(tf.compat.as_str_any(made), fn_args.serving_model_dir)
"""


def write_modules(folder: Path, settings: Settings) -> tuple[str, str]:
    """Write the two module files of the template: the problem's own functions, and the plumbing."""
    folder.mkdir(parents=True)
    features = (HOUSING / "features.py").read_text()
    namespace = "import types\nf = types.SimpleNamespace(**{k: v for k, v in globals().items() if k.isupper()})\n"

    def inlined(name: str) -> str:
        code = re.sub(r"^from \\. import .*$", "", (HOUSING / name).read_text(), flags=re.MULTILINE)
        return code.replace("from . import features as f", "")

    training = settings.training
    steps = training.train_steps or DEFAULT_TRAIN_STEPS
    plumbing = _PLUMBING.format(
        shuffle_buffer=training.shuffle_buffer,
        checkpoints=training.save_checkpoints_steps or -(-steps // 4),
        summaries=training.save_summary_steps,
        seed=training.seed,
        params={"train_steps": steps, **training.params},
        batch_size=training.batch_size,
        eval_batch_size=training.eval_batch_size,
        train_steps=steps,
        start_delay=training.start_delay_secs,
        throttle=training.evaluation_throttle_secs,
    )
    compat = "import components.estimator.compat\n"
    (folder / "preprocessing.py").write_text(features + namespace + inlined("preprocessing.py"))
    (folder / "model.py").write_text(compat + features + namespace + inlined("model.py") + plumbing)
    return str(folder / "preprocessing.py"), str(folder / "model.py")


def create_pipeline(data: str, workspace: Path) -> tfx.dsl.Pipeline:
    """Chain stock components as TFX's templates do."""
    settings = read_problem(HOUSING).settings
    preprocessing, model = write_modules(workspace / "modules", settings)
    schema_file = workspace / "schema" / "schema.pbtxt"
    schema_file.parent.mkdir()
    schema_file.write_text((HOUSING / "schema.pbtxt").read_text())
    example_gen = tfx.components.CsvExampleGen(
        input_base=data,
        output_config=tfx.proto.Output(
            split_config=tfx.proto.SplitConfig(
                splits=[
                    tfx.proto.SplitConfig.Split(name=name, hash_buckets=share)
                    for name, share in settings.data.hash_buckets.items()
                ]
            )
        ),
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    schema_gen = tfx.components.ImportSchemaGen(schema_file=str(schema_file))
    schema = schema_gen.outputs["schema"]
    validator = tfx.components.ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    transform = tfx.components.Transform(examples=examples, schema=schema, module_file=preprocessing)
    trainer = tfx.components.Trainer(
        module_file=model,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        train_args=tfx.proto.TrainArgs(num_steps=settings.training.train_steps or DEFAULT_TRAIN_STEPS),
        eval_args=tfx.proto.EvalArgs(num_steps=0),
    )
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    bound = tfma.GenericValueThreshold(upper_bound={"value": settings.evaluation.metrics[0].upper_bound})
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=resolver.outputs["model"],
        eval_config=tfma.EvalConfig(
            model_specs=[
                tfma.ModelSpec(
                    signature_name="serving_default",
                    label_key=settings.label,
                    prediction_key=settings.evaluation.prediction_key,
                )
            ],
            slicing_specs=[
                tfma.SlicingSpec(),
                *(tfma.SlicingSpec(feature_keys=list(keys)) for keys in settings.evaluation.slices),
            ],
            metrics_specs=[
                tfma.MetricsSpec(
                    metrics=[
                        tfma.MetricConfig(class_name="ExampleCount"),
                        tfma.MetricConfig(
                            class_name="MeanAbsoluteError",
                            per_slice_thresholds=[
                                tfma.PerSliceMetricThreshold(
                                    slicing_specs=[tfma.SlicingSpec()],  # all rows, as ours is judged
                                    threshold=tfma.MetricThreshold(value_threshold=bound),
                                )
                            ],
                        ),
                        tfma.MetricConfig(class_name="RootMeanSquaredError"),
                    ]
                )
            ],
        ),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(workspace / "serving"))
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(workspace / "artifacts"),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            validator,
            transform,
            trainer,
            resolver,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(workspace / "metadata.db")
        ),
        # Beam's own default would fetch a binary from the internet.
        beam_pipeline_args=["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
    )


if __name__ == "__main__":
    root = Path(sys.argv[2]).resolve()
    root.mkdir(parents=True, exist_ok=True)
    tfx.orchestration.LocalDagRunner().run(create_pipeline(sys.argv[1], root))
    if not list((root / "serving").glob("*/saved_model.pb")):
        sys.exit("nothing was pushed")
