"""Frees what no kept run, blessed baseline or pushed version needs; imports neither TensorFlow, Beam nor TFX."""
