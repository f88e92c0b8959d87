"""The data that ships, and the seeded generator that made it (see README.md in this folder)."""
