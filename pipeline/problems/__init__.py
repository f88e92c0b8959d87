"""What to predict: each problem is a folder to copy."""
