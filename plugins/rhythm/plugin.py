"""What a player sees of the drummer: settings, knobs, and how a part of a block goes by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.beats import beat_at
from engine.kernel import Audio, kernel
from engine.params import CELL, Choice, Param, Setting, Toggle, along
from engine.plugin import Plugin, Setup, State, zeros
from engine.pulse.bands import due, hearing
from plugins.rhythm.drawing import Out, draw, drawers, shake
from plugins.rhythm.drums import rest, sound, strike
from plugins.rhythm.kit import DRUMS, Kit, drums
from plugins.rhythm.listening import LATENCY_S, Ears, listen, listening
from plugins.rhythm.memory import Memory, memories
from plugins.rhythm.network import Net, advance, network
from plugins.rhythm.playing import (
    ANSWER_KNOB,
    BALANCE_KNOB,
    BYPASS_KNOB,
    CALLS,
    DENSITY_KNOB,
    ENTER_KNOB,
    FEEL_KNOB,
    FILL_KNOB,
    IDLE,
    MUTE_KNOB,
    NOW,
    ROW,
    SLICE,
    STEP,
    STOP_KNOB,
    STRUCK,
    STYLE_KNOB,
    TOLD,
    Play,
    begin_if_due,
    count_anew,
    decided,
    end_notes,
    next_due,
    playing,
    take_in,
    tell_note,
)  # fmt: skip
from plugins.rhythm.sources import find_rhythm

STYLES = (
    "any", "afrobeat", "afrocuban", "blues", "country", "dance", "funk", "gospel", "highlife",
    "hiphop", "jazz", "latin", "middleeastern", "neworleans", "pop", "punk", "reggae", "rock",
    "soul",
)  # fmt: skip
LOOK = 16  # frames between two looks at the beat, and between two slices of the network
REST = 1024  # frames between two looks at what has rung out; 16 divides it
LOUDEST = np.float32(1e4)
FAMILY_OF = np.array([0, 1, 1, 2, 2, 2, 2, 3, 3])  # kick, snare, cymbals, toms


class Rhythm(Plugin):
    """A drummer that was learnt: hears you, and answers on the beat, with his drums and by MIDI.

    Step by step, a sixteenth each, a recurrent network decides which of nine drums is struck,
    how hard and how early or late, from what it played and what it hears of the performer.
    """

    model = Setting("rhythm", "model", help="A drummer's name in the zoo, or a folder")
    seed = Setting(1, "count", 0, 1_000_000, help="Another number, other chances")

    style = Choice("any", STYLES, help="What is played; what the model does not know is any")
    density = Param(
        0.0, 0.0, 12.0, "strokes a beat", smooth_ms=0.0, help="How many; 0 leaves it to the model"
    )
    temperature = Param(
        1.0, 0.0, 2.0, smooth_ms=0.0, help="0 plays what is likeliest, 1 as learnt, above is wilder"
    )
    balance = Param(
        0.5, smooth_ms=0.0, help="0 plays its own part, deaf to yours; 1 plays with yours alone"
    )
    feel = Param(1.0, 0.0, 1.5, smooth_ms=0.0, help="0 is on the grid, 1 early and late as learnt")
    answer = Choice(
        "together",
        ("together", "after 1 bar", "after 2 bars", "after 4 bars"),
        help="With you, or in turns: it listens for so many bars and answers as many",
    )
    stop_after = Param(
        4.0, 0.0, 32.0, "bars", smooth_ms=0.0, help="It rests once you have been silent; 0: never"
    )
    enter_after = Param(
        0.0, 0.0, 16.0, "bars", smooth_ms=0.0, help="Bars of yours it learns from, then joins in"
    )
    fill = Toggle(help="More snare and toms while it is on")
    mute = Toggle(help="It listens and goes on counting, and plays nothing")
    sensitivity = Param(0.5, smooth_ms=0.0, help="How soft a stroke of yours it hears")
    sounds = Toggle(True, help="Its own drums; MIDI goes out either way")
    kick_db = Param(0.0, -40.0, 12.0, "dB", smooth_ms=0.0, help="Level of its kick; -40 is off")
    snare_db = Param(0.0, -40.0, 12.0, "dB", smooth_ms=0.0, help="Of snare and rim")
    cymbals_db = Param(0.0, -40.0, 12.0, "dB", smooth_ms=0.0, help="Of hi-hat, ride and crash")
    toms_db = Param(0.0, -40.0, 12.0, "dB", smooth_ms=0.0, help="Of the toms")
    through = Toggle(True, smooth_ms=10.0, help="Your own sound goes on beside the drums")

    readouts = ("step", "strokes", "heard", "listens")
    follows_beat = True
    makes_notes = True

    def width(self, channels: int) -> int:
        return 2

    def prepare(self, setup: Setup) -> State:
        model = find_rhythm(str(self.model), setup.folder)
        known = {name: k for k, name in enumerate(model.styles)}
        return {
            **hearing(setup.sample_rate),
            **listening(),
            **network(model),
            **drawers(model),
            **memories(),
            **playing(setup.sample_rate),
            **drums(setup.sample_rate),
            "seed": int(self.seed),
            "slices": max(1, round(48_000 / setup.sample_rate)),  # a look
            "styles": np.array([known.get(name, -1) for name in STYLES], np.int64),
            "late_frames": LATENCY_S * setup.sample_rate,
            "mix": zeros(2, CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames, count, mix = audio.shape[1], state.count, state.mix
        take_knobs(knobs, state.wanted)
        count[NOW] = state.made_count[2]  # after a panic one that counts itself would begin at 0
        play = Play(state.beat, count, state.wanted, state.styles, state.due_beat, state.due_loud,
                    state.off_due, state.note_frames, state.made, state.made_count)  # fmt: skip
        memory = Memory(state.played, state.other, state.places, state.usual, state.other_usual,
                        state.visits, state.tallies, state.told, state.seen)  # fmt: skip
        net = Net(state.gates_in, state.gates_bias, state.gates, state.hidden, state.seen,
                  state.answer_in, state.answer_bias, state.answer, state.gate_slices,
                  state.answer_slices)  # fmt: skip
        out = Out(state.answer, state.hit_row, state.hit_bias, state.hit_chain, state.how_chain,
                  state.loud_row, state.loud_bias, state.late_row, state.late_bias,
                  state.late_shared, state.loud, state.means, state.draws, state.drawn,
                  state.bias)  # fmt: skip
        kit = Kit(state.kit_rows, state.kit_modes, state.kit_count, state.kit_now,
                  state.kit_ringing, state.kit_sounds, state.kit_seed, state.kit_turns,
                  state.kit_pace, state.kit_hiss, state.kit_metal, state.kit_choke)  # fmt: skip
        ears = Ears(state.rate, state.hop, state.heard, state.shape, state.windowed,
                    state.spectrum, state.used, state.band_first, state.band_count,
                    state.band_weights, state.past, state.features, state.ears, state.steps,
                    state.twiddle, state.turn, state.work, state.rises, state.sums, state.usually,
                    state.ear, state.strokes)  # fmt: skip
        for i in range(frames):
            mix[0, i] = mix[1, i] = np.float32(0.0)
        count_anew(play, state.expected[0])
        done = np.int64(0)  # as a literal Numba would compile for it twice
        while done < frames:
            now = count[NOW]
            if now % LOOK == 0:
                begin_if_due(play, memory, state.bias, done)
                for _ in range(state.slices):
                    if count[SLICE] != IDLE:
                        step_on(play, memory, net, out, state.seed, knobs.temperature.start)
                end_notes(play)
                if now % REST == 0:
                    rest(kit)
            release(play, kit, knobs, done)
            end = min(frames, done + LOOK - now % LOOK, done + due(ears))
            end = next_due(play, done, end)
            hear_part(ears, audio, done, end)
            sound(kit, mix, done, end - done)
            count[NOW] += end - done
            done = end
            if due(ears) == 0 and listen(ears, float(knobs.sensitivity.start)):
                take_in(play, memory, state.strokes, done - state.late_frames)
        state.expected[0] = beat_at(state.beat, frames)
        for c in range(2):
            for i in range(frames):
                audio[c, i] = along(knobs.through, i) * audio[c, i] + mix[c, i]
        readout = state.readout
        readout[0], readout[1], readout[2] = count[STEP] + 1, count[STRUCK], count[TOLD]
        readout[3] = count[CALLS]


@kernel
def take_knobs(knobs: Any, wanted: Any) -> None:
    """The knobs that steps are decided by, as they stand in this part."""
    wanted[STYLE_KNOB] = knobs.style.start
    wanted[DENSITY_KNOB] = knobs.density.start
    wanted[BALANCE_KNOB] = knobs.balance.start
    wanted[FEEL_KNOB] = knobs.feel.start
    wanted[ANSWER_KNOB] = knobs.answer.start
    wanted[STOP_KNOB] = knobs.stop_after.start
    wanted[FILL_KNOB] = knobs.fill.start
    wanted[MUTE_KNOB] = knobs.mute.start
    wanted[BYPASS_KNOB] = knobs.bypass.start
    wanted[ENTER_KNOB] = knobs.enter_after.start


@kernel
def step_on(play: Any, memory: Any, net: Any, out: Any, seed: int, temperature: float) -> None:
    """Work a slice of the step under way; after the last one draw what is played."""
    count = play.count
    if not advance(net, count[SLICE]):
        count[SLICE] += 1
        return
    count[SLICE] = IDLE
    shake(seed, count[ROW], out.draws)
    draw(out, temperature)
    decided(play, memory, out.drawn)


@kernel
def release(play: Any, kit: Any, knobs: Any, i: int) -> None:
    """Strike what is due at frame ``i``, and tell its note."""
    here = beat_at(play.beat, i)
    for d in range(DRUMS):
        if play.due_beat[d] <= here:
            play.due_beat[d] = np.inf
            play.count[STRUCK] += 1
            tell_note(play, d, play.due_loud[d])
            if knobs.sounds.start > np.float32(0.5):
                strike(kit, d, play.due_loud[d], gain_of_family(knobs, FAMILY_OF[d]))


@kernel
def gain_of_family(knobs: Any, family: int) -> float:
    """Amplitude of a family's level; the lowest is silence."""
    db = knobs.kick_db.start
    if family == 1:
        db = knobs.snare_db.start
    elif family == 2:
        db = knobs.cymbals_db.start
    elif family == 3:
        db = knobs.toms_db.start
    return 0.0 if db <= -40.0 else math.pow(10.0, 0.05 * db)


@kernel
def hear_part(ears: Any, audio: Audio, first: int, end: int) -> None:
    """Give the detector frames ``first`` to ``end`` of the input, both channels' mean.

    What is no sound (infinite, not a number) would make it deaf for good: it hears silence.
    """
    heard, at, half = ears.heard, ears.hop[1] - first, np.float32(0.5)
    mask = heard.shape[0] - 1
    for i in range(first, end):
        x = half * (audio[0, i] + audio[1, i])
        heard[(at + i) & mask] = x if abs(x) < LOUDEST else np.float32(0.0)
    ears.hop[1] += end - first
