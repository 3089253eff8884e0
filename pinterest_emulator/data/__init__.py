"""The data of the emulator, and its form in responses."""
