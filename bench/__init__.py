"""Benchmarks: each prints ratios against the alternative that it names."""
