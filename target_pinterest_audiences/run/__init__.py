"""What one run of the target keeps: its records, its report and its locks."""
