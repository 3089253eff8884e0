"""The command `pinterest-audiences`. It starts what the other packages do."""
