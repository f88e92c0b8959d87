"""ExampleGen by Arrow: CSV and Parquet files to TFX ``Examples``, block by block.

The path of a row: ``sources`` lists and fingerprints the files, ``layout`` cuts them into blocks that begin at record
boundaries, ``reading`` parses a block with Arrow, ``conversion`` gives its columns their types, ``splitting`` hashes
its rows into splits, ``writing`` encodes and writes them. ``diagnosis`` is asked only when something was refused, and
finds the line. ``driver`` and ``executor`` are the two halves that TFX calls; ``component`` declares the node.
"""
