"""Describes, wires, runs and inspects the chain from raw files to a served Estimator."""

__version__ = "0.1.0"
