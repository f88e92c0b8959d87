"""The local run: a workspace, a process for each node, progress, and the run's record."""
