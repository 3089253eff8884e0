"""What the API refuses in a path, a query and a body."""
