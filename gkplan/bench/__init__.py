"""Benchmarks that a user can run: side by side in one process, every answer asserted."""
