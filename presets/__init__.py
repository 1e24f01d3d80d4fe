"""Racks to play: one TOML file a preset."""
