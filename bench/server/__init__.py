"""A server with ready-made answers, so that it is never what a benchmark measures."""
