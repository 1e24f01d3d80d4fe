"""MIDI: ports by name, mappings and learn, notes, clock in and out. rtmidi is imported late."""

from engine.control.midi.mapping import Mapping
from engine.control.midi.messages import MidiError
from engine.control.midi.store import mistakes
from engine.control.midi.surface import Midi

__all__ = ["Mapping", "Midi", "MidiError", "mistakes"]
