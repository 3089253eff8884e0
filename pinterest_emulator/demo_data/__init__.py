"""The demo's shops and all that belongs to them: made up, lifelike and always the same."""
