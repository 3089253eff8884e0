"""What the emulator keeps, and what a read shows of it."""
