"""The columns of the file of waves, and the names of what Transform makes of them."""

# Columns of the file. Each row is a series of its own.
WINDOW = "window"  # a list of STEPS numbers, oldest first
LABEL = "next_value"  # the one that follows

STEPS = 24

# Features after Transform.
VALUES = "values"  # float32 [batch, STEPS], the window in spreads above or below its level
LEVEL = "level"  # float32 [batch, 1], the window's mean, in the unit of the file
SPREAD = "spread"  # float32 [batch, 1], how far values lie from their window's level, the same in all rows
