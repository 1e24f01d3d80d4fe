"""The live follower over recordings: what it said, and files to hear and see it by."""

from __future__ import annotations

from models.pulse.following.files import annotated, table, wanted
from models.pulse.following.hearing import Heard, Ranges, hear, network_of
from models.pulse.following.sounds import clicked

__all__ = ["Heard", "Ranges", "annotated", "clicked", "hear", "network_of", "table", "wanted"]
