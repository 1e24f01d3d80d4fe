"""What a player sees of the morph: settings, knobs, and how a part of a block goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import Audio, kernel
from engine.morph.decode import bind_dense, constants, decoder_state
from engine.morph.errors import MorphError
from engine.morph.map import places_of
from engine.morph.phase import bind_phase, phase_state
from engine.morph.sounds import Sound, number_of, sounds_of
from engine.params import CELL, Param, Setting, Toggle
from engine.plugin import Place, Plugin, PluginError, Setup, State
from plugins.morph.looking import look, take_knobs
from plugins.morph.material import material
from plugins.morph.sounding import sound
from plugins.morph.sources import morph_of
from plugins.morph.spaced import Spacer, spaced_state
from plugins.morph.state import BEGUN, BEND_MOST, RELEASED, SOUNDING, STAGE, Parts, voice_state
from plugins.morph.voices import take_notes, until_next

NAMES = "abcd"
SOUNDS = 127.0
"""The highest number of a sound that knobs name, if there are no more: a MIDI controller's."""


def _latent(number: int) -> Param:
    return Param(0.0, -1.0, 1.0, help=f"Moves latent {number} of every sound; 0 leaves it")


def _end(place: str) -> Param:
    return Param(0.0, 0.0, SOUNDS, smooth_ms=0.0, help=f"Number of the sound {place}")


class Morph(Plugin):
    """Play notes whose sound lies anywhere between four sounds, and move it while they sound.

    After Langer (2023), but live: a network knows each sound as a path of a few numbers, and
    blends of these are sounds too. Notes come from MIDI, from as many keys as it has voices; pitch
    bend, pedal, modulation wheel, pressure and expression are heard.
    """

    model = Setting("morph", "model", help="A morph's name, its file, or a training's folder")
    sounds = Setting("", "text", help='What a, b, c and d begin as, by name: "flute, trumpet"')
    voices = Setting(8, "count", 1, 16, help="Notes that sound at once")

    x = Param(0.0, smooth_ms=0.0, help="From a to b, and from c to d")
    y = Param(0.0, smooth_ms=0.0, help="From a and b to c and d")
    a = _end("at the left, below")
    b = _end("at the right, below")
    c = _end("at the left, above")
    d = _end("at the right, above")
    even = Toggle(True, help="Equal turns of x and y are equal steps for the ear")
    align = Toggle(True, help="Attacks of all four last equally long, and end together")
    attack = Param(
        1.0, 0.1, 10.0, taper="log", smooth_ms=0.0, help="How long attacks are, times their own"
    )
    release = Param(
        1.0, 0.1, 10.0, taper="log", smooth_ms=0.0, help="How long releases are, times their own"
    )
    dynamics_db = Param(30.0, 0.0, 60.0, "dB", help="From the softest key to the hardest")
    bend_range = Param(2.0, 0.0, BEND_MOST, "st", smooth_ms=0.0, help="Of pitch bend, up or down")
    wheel_x = Param(1.0, -1.0, 1.0, help="How far the modulation wheel moves x")
    pressure_x = Param(0.0, -1.0, 1.0, help="How far pressure on a key moves x")
    latent_1, latent_2, latent_3, latent_4 = (_latent(n) for n in (1, 2, 3, 4))
    latent_5, latent_6, latent_7, latent_8 = (_latent(n) for n in (5, 6, 7, 8))
    latent_9, latent_10, latent_11, latent_12 = (_latent(n) for n in (9, 10, 11, 12))
    latent_13, latent_14, latent_15, latent_16 = (_latent(n) for n in (13, 14, 15, 16))

    plays_notes = True
    xy = ("x", "y")
    ends = ("a", "b", "c", "d")
    readouts = ("voices", "x", "y", "sounds")
    tail = 0.1
    _spacer: Spacer | None = None

    @classmethod
    def declared(cls, settings: Mapping[str, str | int], folder: Path) -> dict[str, Param]:
        asked = {name: settings.get(name, one.default) for name, one in cls.settings.items()}
        try:
            known = sounds_of(morph_of(str(asked["model"]), folder))
        except PluginError:
            return cls.params  # told when it is to be played, as of any plugin
        try:
            numbers = _numbers(str(asked["sounds"]), known)
        except MorphError as error:
            raise PluginError(f"sounds: {error}") from None
        most = max(SOUNDS, len(known) - 1.0)
        own = {
            name: replace(cls.params[name], default=float(number), maximum=most)
            for name, number in zip(NAMES, numbers, strict=True)
        }
        return {**cls.params, **own}

    @classmethod
    def places(cls, settings: Mapping[str, str | int], folder: Path) -> tuple[Place, ...]:
        asked = str(settings.get("model", cls.settings["model"].default))
        return places_of(morph_of(asked, folder))

    def resolve(self, setup: Setup) -> Plugin:
        asked = {name: getattr(self, name) for name in type(self).settings}
        self.params = self.declared(asked, setup.folder)  # type: ignore[misc]  # its own, not the class's
        return self

    def prepare(self, setup: Setup) -> State:
        model = morph_of(str(self.model), setup.folder)
        voices = int(self.voices)
        try:
            self._spacer = Spacer(model, waits=setup.offline)
            if not setup.offline:
                self._spacer.expect([int(self.params[name].default) for name in NAMES])
            return {
                **constants(decoder_state(model, voices)),
                **phase_state(model.grid, voices),
                **voice_state(voices, model.grid, model.latents, setup.sample_rate),
                **material(model),
                **spaced_state(self._spacer, model, setup.offline),
            }
        except MorphError as error:
            raise PluginError(str(error)) from None

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        bind_dense(state)
        bind_phase(state)

    def tick(self, load: float) -> None:
        """Make the tables of other ends and keys."""
        if self._spacer is not None:
            self._spacer.look()

    def close(self) -> None:
        if self._spacer is not None:
            self._spacer.close()

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        parts = Parts(
            state.voice, state.clock, state.strand, state.share, state.own_ends, state.line,
            state.channel, state.wanted, state.ramps, state.ramps_at, state.turn, state.seen,
            state.blend, state.last, state.own_corner, state.corner, state.products, state.sinc,
            state.tuned, state.half, state.overlap, state.speed, state.second, state.paths,
            state.note_places, state.sound_notes, state.pitches, state.reach, state.dense_table,
            state.dense_given, state.dense_made, state.phase_table, state.phase_levels,
            state.phase_ready, state.phase_line, state.phase_whole, state.phase_pitch,
            state.phase_plan, state.notes, state.noted, state.asked,
            state.keyed, state.offered, state.ready, state.tables, state.table, state.wait,
            state.octave, state.leaning, state.leant, state.waits,
        )  # fmt: skip
        take_knobs(knobs, parts)
        now, done, voices = state.noted[2], np.int64(0), state.voice
        while done < frames:
            at = (now + done) % CELL
            if at == 0:
                state.turn[BEGUN] = 0
            take_notes(parts, now + done)
            count = until_next(parts, now + done, min(frames - done, CELL - at))
            made = state.made[:count]
            for i in range(count):
                made[i] = np.float32(0.0)
            for v in range(voices.shape[0]):
                sound(parts, v, done, made)
            for i in range(count):
                for c in range(channels):
                    audio[c, done + i] += made[i]
            done += count
        sounding = 0
        for v in range(voices.shape[0]):
            if voices[v, STAGE] == SOUNDING or voices[v, STAGE] == RELEASED:
                sounding += 1
        look(parts, frames - 1)
        state.readout[0], state.readout[1] = sounding, state.seen[0]
        state.readout[2], state.readout[3] = state.seen[1], state.sound_notes.shape[0]


def _numbers(text: str, known: tuple[Sound, ...]) -> tuple[int, ...]:
    """Numbers of the four ends that ``text`` names; of two, the others are the same again."""
    if not text.strip():
        return tuple(k * (len(known) - 1) // 3 for k in range(4))
    found = [number_of(name, known) for name in text.split(",")]
    if len(found) > 4:
        raise MorphError(f"{len(found)} are named; there are four ends: {', '.join(NAMES)}")
    return tuple({1: found * 4, 2: found * 2, 3: [*found, found[0]]}.get(len(found), found))


__all__ = ["Morph"]
