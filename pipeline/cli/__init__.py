"""Thin commands; what is heavy is imported inside the command that needs it."""
