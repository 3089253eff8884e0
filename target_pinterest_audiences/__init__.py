"""Singer target for Pinterest audiences."""
