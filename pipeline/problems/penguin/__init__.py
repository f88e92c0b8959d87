"""Penguins: which of three species one is, from four measures of its body."""
