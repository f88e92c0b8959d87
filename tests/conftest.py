"""What holds for all tests."""

import os

# TensorFlow takes Keras 2 or 3 when it is first imported, by whichever test comes first; components.estimator.compat,
# which sets this too, must not come too late.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
