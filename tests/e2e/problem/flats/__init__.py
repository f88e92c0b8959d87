"""Rents of flats: the smallest problem that has everything, so that a whole run costs little."""
