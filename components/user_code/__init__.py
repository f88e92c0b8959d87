"""The code of a problem's folder: where it is imported from, what it hashes to, and what its errors look like."""
