"""The problem's preprocessing_fn, run over all rows by TensorFlow Transform."""
