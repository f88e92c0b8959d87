"""The gate of quality: TFMA's metrics, and a verdict in words and numbers."""
