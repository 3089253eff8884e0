"""The demo: Pinterest's audiences to a warehouse and back, on an emulator and a real PostgreSQL."""
