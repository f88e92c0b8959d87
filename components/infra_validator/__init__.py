"""The gate of the mechanics: a separate process loads the export and answers real examples."""
