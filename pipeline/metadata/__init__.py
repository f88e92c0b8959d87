"""Where a workspace keeps its ML Metadata: a SQLite file of its own, or a database on a server, named by a URL."""
