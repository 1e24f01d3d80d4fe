"""What a player sees of the timbre: settings, knobs, and how a part of a block goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.approx import step_of
from engine.dsp.lines import put, take_whole
from engine.dsp.rates import GROUP, PER, WAIT, from_model, to_model
from engine.kernel import Audio, kernel
from engine.morph.errors import MorphError
from engine.morph.map import places_of
from engine.morph.phase import bind_phase
from engine.morph.sounds import number_of, sounds_of
from engine.params import Choice, Param, Setting, Toggle, along
from engine.plugin import Place, Plugin, PluginError, Setup, State
from plugins.morph.sources import morph_of
from plugins.timbre.colour import LEVEL, TOP_GAIN, Wanted, bind_colour, change, colour, measure
from plugins.timbre.framing import (
    AT,
    NOW,
    WINDOWS,
    analyse,
    delay,
    framing,
    overlap,
    take_hop,
)
from plugins.timbre.pitch import CLARITY, PITCH, find_pitch, pitch_state
from plugins.timbre.resynthesis import resynthesis, sing_on
from plugins.timbre.target import Pulled, aim, targets

LOUDEST = np.float32(1e4)
"""Louder input is no sound, nor is what is no number."""
TOP_S = 0.004
"""In which the gain of what the model does not hear follows a frame's."""
SOUNDS = 127.0
"""The highest number that ``target`` takes, a MIDI controller's; of a morph with more sounds it is
the last one's."""


class Timbre(Plugin):
    """Pull the sound of what you play towards another instrument's, while you play it.

    Each frame of your sound becomes a few numbers, as a morph knows its instruments by; they are
    moved towards those of the chosen sound, and what that changes in a decoded frame is done to
    yours. Your pitch, attacks, noise and level stay. Made for one note at a time; of chords the
    colour follows too, with ``detail`` up and ``pitch`` fixed.
    """

    model = Setting("morph-live", "model", help="A morph's name, its file, or a training's folder")
    sound = Setting("", "text", help="What target begins as, by name: flute")
    window = Setting(
        "full", "choice", choices=WINDOWS,
        help="short: half as late; what it changes is a little rougher",
    )  # fmt: skip

    amount = Param(0.8, help="How far towards the sound: 0 is your own, 1 is there")
    target = Param(0.0, 0.0, SOUNDS, smooth_ms=0.0, help="Number of the sound to go to")
    detail = Param(0.5, help="How much of you stays that the model cannot tell; 1 only filters")
    moves = Toggle(help="Through the sound's own attack and course with each of your notes")
    mode = Choice(
        "filter", ("filter", "resynthesis"), smooth_ms=20.0,
        help="Your sound with other levels, or all of it made anew",
    )  # fmt: skip
    transpose = Param(0.0, -24.0, 24.0, "st", smooth_ms=0.0, help="Of what is made anew")
    pitch = Choice("track", ("track", "fixed"), help="fixed: all is taken for, or made at, `note`")
    note = Param(60.0, 24.0, 96.0, "st", smooth_ms=0.0, help="Its MIDI number, if fixed")

    ends = ("target",)
    readouts = ("note", "clarity", "level_db")

    @classmethod
    def declared(cls, settings: Mapping[str, str | int], folder: Path) -> dict[str, Param]:
        asked = {name: settings.get(name, one.default) for name, one in cls.settings.items()}
        try:
            known = sounds_of(morph_of(str(asked["model"]), folder))
        except PluginError:
            return cls.params  # told when it is to be played, as of any plugin
        try:
            first = number_of(str(asked["sound"]), known) if asked["sound"] else 0
        except MorphError as error:
            raise PluginError(f"sound: {error}") from None
        most = max(SOUNDS, len(known) - 1.0)
        target = replace(cls.params["target"], default=float(first), maximum=most)
        return {**cls.params, "target": target}

    @classmethod
    def places(cls, settings: Mapping[str, str | int], folder: Path) -> tuple[Place, ...]:
        asked = str(settings.get("model", cls.settings["model"].default))
        return places_of(morph_of(asked, folder))

    def width(self, channels: int) -> int:
        return 1

    def resolve(self, setup: Setup) -> Plugin:
        asked = {name: getattr(self, name) for name in type(self).settings}
        self.params = self.declared(asked, setup.folder)  # type: ignore[misc]  # its own, not the class's
        return self

    def prepare(self, setup: Setup) -> State:
        model = morph_of(str(self.model), setup.folder)
        sounds = sounds_of(model)
        frames, self.latency_samples = framing(model.grid, str(self.window), setup.sample_rate)
        return {
            **frames,
            **pitch_state(model.grid),
            **targets(model, sounds),
            **colour(model, str(self.window)),
            **resynthesis(model.grid),
            "top_step": step_of(TOP_S * setup.sample_rate),
            "top_gain": np.ones(1, np.float32),
        }

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        bind_colour(state)
        bind_phase(state)

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames = audio.shape[1]
        own, low, high, wet = state.own, state.low, state.high, state.wet
        for i in range(frames):
            x = audio[0, i]
            own[i] = x if abs(x) < LOUDEST else np.float32(0.0)
        count = go_on(state, knobs, frames)
        from_model(
            state.played, count, wet[:frames], state.from_table, state.from_line, state.from_clock,
            state.work,
        )  # fmt: skip
        from_model(
            state.heard, count, low[:frames], state.plain_table, state.plain_line,
            state.plain_clock, state.work,
        )  # fmt: skip
        now = state.framing[NOW]
        put(state.own_line, now, own, frames)
        take_whole(state.own_line, now, state.rates_late, high, frames)
        for i in range(frames):
            high[i] -= low[i]
        put(state.high_line, now, high, frames)
        take_whole(state.high_line, now, state.frames_late, high, frames)
        gain, step = state.top_gain[0], np.float32(state.top_step)
        for i in range(frames):
            gain += step * (state.gains[i] - gain)
            audio[0, i] = wet[i] + gain * high[i]
        state.top_gain[0] = gain
        state.framing[NOW] = now + frames


@kernel
def go_on(state: Any, knobs: Any, frames: int) -> int:
    """Host frames ``own`` to samples ``heard`` and ``played`` of the model; how many these are.

    What knobs say is read at the host frame that completes a hop, whatever part of a block it is
    in. ``gains`` (host frames) is what the sound above the model's band is to be multiplied by.
    """
    clock, place, heard, played = state.to_clock, state.framing, state.heard, state.played
    wait, group, per = clock[WAIT], clock[GROUP], clock[PER]
    count = to_model(state.own[:frames], heard, state.to_table, state.to_line, clock, state.work)
    for i in range(frames):
        state.gains[i] = np.float32(state.tone[TOP_GAIN])
    at, fresh, ready = place[AT], state.fresh, state.ready
    for j in range(count):
        played[0, j], fresh[at] = ready[at], heard[0, j]
        at += 1
        if at == fresh.shape[0]:
            at = 0
            due = (wait + j * group) // per
            hop(state, knobs, due)
            for i in range(due, frames):
                state.gains[i] = np.float32(state.tone[TOP_GAIN])
    place[AT] = at
    delay(played[0, :count], state.late, place)
    return count


@kernel
def hop(state: Any, knobs: Any, i: int) -> None:
    """One more hop has been heard: its frame is analysed, changed and laid over the others."""
    take_hop(state)
    analyse(state)
    measure(state)
    find_pitch(state)
    fixed, note = knobs.pitch.start > np.float32(0.5), float(along(knobs.note, i))
    found = min(max(state.pitch_held[PITCH], 0.0), 127.0)
    share = along(knobs.mode, i)
    own = note if fixed and share < np.float32(0.5) else found
    made = (note if fixed else found) + float(along(knobs.transpose, i))
    sound = int(np.floor(along(knobs.target, i) + np.float32(0.5)))
    pulled = Pulled(sound, knobs.moves.start > np.float32(0.5))
    aim(state, pulled, own, state.tone[LEVEL])
    wanted = Wanted(
        float(along(knobs.amount, i)), float(along(knobs.detail, i)), float(share), own,
        min(max(made, 0.0), 127.0),
    )  # fmt: skip
    change(state, wanted)
    overlap(state)
    sing_on(state, wanted)
    state.readout[0], state.readout[1] = found, state.pitch_held[CLARITY]
    state.readout[2] = state.tone[LEVEL]


__all__ = ["Timbre"]
