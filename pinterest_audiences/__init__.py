"""What the tap and the target share: settings, errors, files and the API of Pinterest."""
