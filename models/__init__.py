"""Trains networks and hands them over as artefacts in ``zoo/``; the only part with torch."""
