"""Writes a new problem's folder from a CSV file: reads the file's statistics, decides, and generates code.

What ExampleGen reads in a run is read here too, by the same functions: the same missing cells, types, splits and
errors. Nothing here imports TensorFlow, Beam or TFX.
"""
