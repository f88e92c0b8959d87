"""The gate on data: anomalies against the schema stop the run."""
