"""Sound files in and out, piece by piece: one clear error, a whole file or none."""

from engine.soundfiles.formats import FORMATS, PIECE, Sound, SoundError, format_of
from engine.soundfiles.reader import SoundReader, read
from engine.soundfiles.writer import SoundWriter

__all__ = [
    "FORMATS",
    "PIECE",
    "Sound",
    "SoundError",
    "SoundReader",
    "SoundWriter",
    "format_of",
    "read",
]
