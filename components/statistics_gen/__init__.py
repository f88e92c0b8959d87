"""Statistics of every split."""
