"""The curated schema of a problem, as a node."""
