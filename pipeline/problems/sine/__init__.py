"""Waves: the next value of a noisy series, from the 24 before it."""
