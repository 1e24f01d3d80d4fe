"""Effects learnt from pairs of dry and wet sound."""
