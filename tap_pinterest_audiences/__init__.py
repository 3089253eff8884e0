"""Singer tap for Pinterest audiences."""
