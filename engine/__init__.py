"""Moves sound: the compiled audio thread, the rack it runs, and everything that feeds it."""
