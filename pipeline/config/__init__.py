"""One validated settings model for a problem, and the reading of it; imports no framework."""

from pipeline.config.model import Problem, Settings
from pipeline.config.reading import SETTINGS_FILE, read_problem, with_overrides

__all__ = ["SETTINGS_FILE", "Problem", "Settings", "read_problem", "with_overrides"]
