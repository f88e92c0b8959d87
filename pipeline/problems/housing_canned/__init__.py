"""House prices again, by an Estimator that TensorFlow ships, to measure what the custom ``model_fn`` gains."""
