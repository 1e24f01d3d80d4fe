"""A pair of notes played by the plugin itself, offline: one strike for each place of its knob."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.morph.file import write_morph
from engine.morph.grid import Array
from engine.morph.model import MorphModel, Note
from engine.morph.sounds import stem
from engine.rack import Lane, Link, Rack
from engine.render import Message, Move, Renderer

RATE = 48_000
HELD_S, WHOLE_S, APART_S = 3.0, 4.0, 1.0
ON, OFF = 0x90, 0x80
BEFORE = RATE // 10
"""Frames from the knob's move to the key: it has arrived."""
ADDRESS = "a.morph.x"


def played(
    model: MorphModel, notes: tuple[Note, Note], knobs: Sequence[float], folder: Path
) -> list[Array]:
    """The instrument's sounds (n,), at the model's rate, of ``notes`` alone at each of ``knobs``.

    Keys are held for three of four seconds, as recordings of NSynth's kind are.
    """
    from scipy.signal import resample_poly

    path = folder / "pair.npz"
    write_morph(path, replace(model, notes=notes))
    ends = ", ".join(stem(note.name) for note in notes)
    link = Link("morph", "morph", {"wheel_x": 0.0}, {"model": str(path), "sounds": ends})
    rack = Rack("pair", lanes=(Lane("a", "none", (link,)),))
    apart = round((WHOLE_S + APART_S) * RATE)
    told: list[Move | Message] = []
    for n, knob in enumerate(knobs):
        begin = n * apart + BEFORE
        told.append(Move(n * apart, ADDRESS, float(knob)))
        told.append(Message(begin, bytes((ON, notes[0].pitch, notes[0].velocity))))
        told.append(Message(begin + round(HELD_S * RATE), bytes((OFF, notes[0].pitch, 0))))
    renderer = Renderer(rack, RATE, 1, 64, told)
    try:
        heard = renderer.push(np.zeros((len(knobs) * apart, 1), np.float32))[:, 0]
    finally:
        renderer.stage.close()
    count, sounds = round(WHOLE_S * RATE), []
    for n in range(len(knobs)):
        begin = n * apart + BEFORE
        part = heard[begin : begin + count]
        sounds.append(np.asarray(resample_poly(part, model.grid.rate, RATE), np.float32))
    return sounds


__all__ = ["HELD_S", "played"]
