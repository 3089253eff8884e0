"""The demo's shops and all their data: invented, realistic and always the same."""
