"""The hash by which a data file is known, be it read by ExampleGen or asked about later."""

import hashlib
from io import BufferedReader


def content_hash(stream: BufferedReader) -> str:
    """Return 40 hexadecimal digits (BLAKE2b, 20 bytes) of what a stream holds; hashing frees the interpreter's lock."""
    return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=20)).hexdigest()
