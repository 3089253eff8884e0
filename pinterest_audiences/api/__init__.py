"""The one authenticated REST base: every request to Pinterest goes through `client`."""
