"""Judges a model of an effect: figures, a report page, and a blind listening test."""
