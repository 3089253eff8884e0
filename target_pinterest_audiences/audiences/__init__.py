"""Audiences and their sharing: what records ask for, what exists, and what to change."""
