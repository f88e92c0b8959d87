"""The read side of ML Metadata: runs, their differences, and where things came from and went to.

Nothing here writes, and nothing imports TensorFlow, Beam or TFX: the questions are answered by walking events.
"""
