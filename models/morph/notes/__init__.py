"""Notes to learn from: datasets in NSynth's layout, read, rendered from a SoundFont, checked.

notes = read_notes(Path("notes"))
for note in notes.of("train"):
    sound = note.sound()  # mono, 4 s at 16 kHz
"""

from models.morph.notes.note import FAMILIES, RATE, SECONDS, SPLITS, Note, Notes, Split
from models.morph.notes.reading import read_notes

__all__ = ["FAMILIES", "RATE", "SECONDS", "SPLITS", "Note", "Notes", "Split", "read_notes"]
