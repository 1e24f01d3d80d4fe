"""Sweeps: many trainings with other settings, of which the poor ones are ended early."""
