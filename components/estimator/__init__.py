"""The Estimator runtime: what makes tf.estimator exist, and what runs it inside the pipeline's nodes."""
