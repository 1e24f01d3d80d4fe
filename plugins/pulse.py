"""Pulse: follows a free player's beat, and leads everybody else by it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from engine.kernel import Audio, kernel
from engine.modelfiles import ModelFileError
from engine.neural.network import Network
from engine.params import Choice, Param, Setting, Toggle
from engine.plugin import Plugin, PluginError, Setup, State
from engine.pulse.bars import BAR, HALVED, SAID, SHIFT, go_on, say_first
from engine.pulse.file import read_network, shipped
from engine.pulse.follower import SILENT, STRENGTH, attend, due, follower, sureness
from engine.pulse.states import LONGEST, SHORTEST, settle
from engine.pulse.tracker import BEATS, ENOUGH, EVEN, HEARD, LAST, RATE, STEADY

FLUX = "flux"
METERS = ("auto", "2", "3", "4", "5", "6", "7", "8")
FOLLOW, HOLD, FREE = range(3)
HALF = 0  # of the octaves
SLOWEST, FASTEST = 6000.0 / LONGEST, 6000.0 / SHORTEST  # bpm
LEADS, TEMPO, BEAT, FRAME, METER, SURE, ONSETS, STRONG = range(8)
TOLD, TOLD_TEMPO, TOLD_BEAT, TOLD_FRAME, NOW = range(8, 13)
FIRST_SAID, TOLD_BAR, EVEN_TEMPO = 14, 15, 16
PRESSED, HEARD_TELLS = range(2)


class Pulse(Plugin):
    """Follow the beat of a drummer or a band who play freely; echoes, LFOs and clocks go along.

    The sound passes untouched. A hundred times a second a causal network, trained on human
    drummers who speed up, slow down and pause, tells how likely a beat is; a distribution over
    tempo and place makes of it one steady beat, whose next strokes are known before they fall.
    In silence the beat goes on.
    """

    network = Setting(
        "pulse", "model", help="pulse: the one that comes with taraf; flux: none; or a file"
    )
    mode = Choice(
        "follow", ("follow", "hold", "free"),
        help="hold: go on at this tempo; free: tell strokes and claim no beat",
    )  # fmt: skip
    octave = Choice(
        "as heard", ("half", "as heard", "double"), help="Tell half or double the beats"
    )
    nudge_ms = Param(0.0, -100.0, 100.0, "ms", smooth_ms=0.0, help="Later, or sooner below 0")
    one = Toggle(help="Switched on, this beat is the first of a bar")
    meter = Choice("auto", METERS, help="Beats a bar; auto tells 3 from 4")
    tempo_min = Param(45.0, 40.0, 320.0, "bpm", smooth_ms=0.0, help="No slower than this")
    tempo_max = Param(300.0, 40.0, 320.0, "bpm", smooth_ms=0.0, help="No faster than this")

    leads_beat = True
    readouts = ("tempo_bpm", "confidence", "beat_of_bar", "onsets")

    def prepare(self, setup: Setup) -> State:
        return {
            **follower(setup.sample_rate, self._read(setup.folder)),
            "words": np.zeros(2),
        }

    def _read(self, folder: Path) -> Network | None:
        if self.network == FLUX:
            return None
        given = os.path.expanduser(str(self.network))
        try:
            return read_network(shipped() if given == "pulse" else folder / given)
        except ModelFileError as error:
            raise PluginError(str(error)) from None

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        heard, hop, now = state.heard, state.hop, state.lead[NOW]
        mask = heard.shape[0] - 1
        take_orders(knobs, state, now)
        for i in range(frames):
            sound = audio[0, i]
            if channels == 2:
                sound = np.float32(0.5) * (sound + audio[1, i])
            heard[hop[1] & mask] = sound
            hop[1] += 1
            if due(state) == 0:
                held = 1 if int(knobs.mode.start) == HOLD else 0
                lowest, highest = knobs.tempo_min.start, knobs.tempo_max.start
                attend(state, lowest, highest, 0.0, held, chosen_meter(knobs))
                tell(knobs, state, now + i + 1)


@kernel
def take_orders(knobs: Any, state: Any, now: float) -> None:
    """Act on a button or a tap."""
    words, lead = state.words, state.lead
    state.bar[HALVED] = 1.0 if int(knobs.octave.start) == HALF else 0.0
    pressed = 1.0 if knobs.one.start > 0.5 else 0.0
    if pressed == 1.0 and words[PRESSED] == 0.0 and state.pulse[ENOUGH] == 1.0:
        say_first(state, math.floor(state.pulse[BEATS] + 0.5), meter_of(knobs, state))
    words[PRESSED] = pressed
    if lead[TOLD] != words[HEARD_TELLS]:
        words[HEARD_TELLS] = lead[TOLD]
        take_beat(knobs, state, now)


@kernel
def take_beat(knobs: Any, state: Any, now: float) -> None:
    """Go on at the tempo and place that are told: by a tap, a clock, or for who led before.

    A tempo that no drummer plays is taken an octave or two from there.
    """
    lead, pulse = state.lead, state.pulse
    octave = 2.0 ** (int(knobs.octave.start) - 1)
    for _ in range(2):
        if lead[TOLD_TEMPO] / octave > FASTEST:
            octave *= 2.0
        elif lead[TOLD_TEMPO] / octave < SLOWEST:
            octave *= 0.5
    tempo = lead[TOLD_TEMPO] / octave
    if not SLOWEST <= tempo <= FASTEST:
        return
    rate = tempo / 6000.0
    ended = state.hop[0] * state.rate / 100.0 - state.hop[1]  # the last hop, in frames from now
    since = (now + ended - lead[TOLD_FRAME]) / state.rate * 100.0  # in hops
    place = lead[TOLD_BEAT] / octave + since * rate
    if lead[TOLD_BAR] > 0.0:
        place += lateness(knobs, rate)  # who led before has told its beat so much later
    if pulse[ENOUGH] == 0.0:
        pulse[BEATS] = place
        go_on(state, place, lead[TOLD_BAR], lead[FIRST_SAID])
    else:
        off, whole = place - pulse[BEATS], 1.0
        if octave < 1.0 and state.bar[HALVED] == 1.0:  # of two beats, it is the one that is told
            off, whole = off - state.bar[SHIFT], 2.0
        pulse[BEATS] += off - whole * math.floor(off / whole + 0.5)
    pulse[RATE], pulse[STEADY], pulse[EVEN], pulse[ENOUGH] = rate, rate, rate, 1.0
    pulse[HEARD] = pulse[BEATS] - state.strokes[SILENT] * rate  # silence goes on from here, too
    pulse[LAST] = math.floor(pulse[BEATS])
    forget_past(state.lines)
    settle(state, rate, pulse[BEATS])


@kernel
def forget_past(lines: Any) -> None:
    """What was played before somebody said a tempo says nothing of how it goes on."""
    for k in range(lines.shape[0]):
        for j in range(lines.shape[1]):
            lines[k, j] = 0.0


@kernel
def lateness(knobs: Any, rate: float) -> float:
    """By how many beats they are told later than they are."""
    return float(knobs.nudge_ms.start) * 0.1 * rate


@kernel
def chosen_meter(knobs: Any) -> int:
    """Beats a bar as chosen, 0 for auto."""
    chosen = int(knobs.meter.start)
    return chosen + 1 if chosen > 0 else 0


@kernel
def meter_of(knobs: Any, state: Any) -> int:
    """Beats a bar, as chosen or as heard."""
    chosen = chosen_meter(knobs)
    return chosen if chosen > 0 else int(state.bar[BAR])


@kernel
def tell(knobs: Any, state: Any, frame: float) -> None:
    """Write the beat for everybody: where it is at ``frame``, how fast, how sure."""
    lead, pulse = state.lead, state.pulse
    octave = 2.0 ** (int(knobs.octave.start) - 1)
    rate = pulse[RATE] * octave
    meter = meter_of(knobs, state)
    leading = pulse[ENOUGH] == 1.0 and int(knobs.mode.start) != FREE
    beat = (pulse[BEATS] + state.bar[SHIFT]) * octave - lateness(knobs, rate)
    lead[LEADS] = 1.0 if leading else 0.0
    lead[TEMPO], lead[BEAT], lead[FRAME] = rate * 6000.0, beat, frame
    lead[METER], lead[SURE] = float(meter), sureness(state)
    lead[ONSETS], lead[STRONG] = float(state.counted[0]), state.strokes[STRENGTH]
    lead[FIRST_SAID], lead[EVEN_TEMPO] = state.bar[SAID], pulse[EVEN] * octave * 6000.0
    readout = state.readout
    readout[0], readout[1] = lead[TEMPO] if leading else 0.0, lead[SURE]
    place = beat - meter * math.floor(beat / meter)
    readout[2], readout[3] = math.floor(place) + 1.0, lead[ONSETS]


__all__ = ["Pulse"]
