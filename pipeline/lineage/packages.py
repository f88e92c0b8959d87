"""Which packages of ``components`` each node of the chain runs, besides the libraries."""

CODE: dict[str, tuple[str, ...]] = {
    "ExampleGen": ("example_gen",),
    "StatisticsGen": ("statistics_gen",),
    "ImportSchemaGen": ("schema",),
    "SchemaGen": (),
    "ExampleValidator": ("example_validator",),
    "Transform": ("transform", "user_code"),
    "Tuner": ("tuner", "trainer", "cluster", "estimator", "user_code", "transform"),
    "Trainer": ("trainer", "cluster", "estimator", "user_code", "transform"),
    "Evaluator": ("evaluator", "infra_validator", "transform", "user_code"),
    "InfraValidator": ("infra_validator",),
    "Pusher": ("pusher", "infra_validator"),
}
