"""Sounds between sounds: notes to learn from, what is learnt, and how well a morph is made."""
