"""A local stand-in for the audience endpoints of Pinterest's API v5."""
