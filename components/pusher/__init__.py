"""Atomic, versioned pushes into a directory that TensorFlow Serving watches."""
