"""The node that trains: stock TFX Trainer around the Estimator runtime."""
