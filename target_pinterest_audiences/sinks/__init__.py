"""One sink for each stream."""
