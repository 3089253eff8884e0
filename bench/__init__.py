"""Measurements of the project beside others: ``make bench`` writes docs/benchmarks.md."""
