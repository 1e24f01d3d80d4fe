"""What sits in a chain: one file a plugin."""
