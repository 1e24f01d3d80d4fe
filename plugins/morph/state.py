"""Words and numbers of voices, channels and controls, and the arrays that hold them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.morph.grid import Grid
from engine.plugin import zeros
from plugins.morph.varispeed import half_of, sinc_table

IDLE, WAITING, SOUNDING, RELEASED, RINGING = range(5)
"""What a voice does: nothing; a note of it begins with the next cell that has room; its key is
held; it has been let go; no frames are made any more, and the last ones ring out."""
STAGE, KEY, CHANNEL, HELD, SINCE, AT, FRACTION, END, FILLED, FRESH, TABLE, LEAPS, TOLD = range(13)
"""``voice`` (voices, 13), words: the stage; MIDI's note and channel; whether the key is down; a
count that tells which of two notes or releases was earlier; in ``line`` the input before the next
output and how far it is beyond that, where the next hop goes, where all is silence from; frames for
which what is new still blends with what was; the table of even steps it goes by; frames for which
a leap is still on its way; the pitch that the decoder is told."""
TIME, RISE, HOLD, GONE, FORCE, LEVEL, OFFSET, FALL = range(8)
"""``clock`` (voices, 8), numbers: frames since the beginning; how much of the attack is over;
frames since then; since the release; velocity; loudest bin of the last frame in dB, whatever
expression does; what a release is made louder by, so that it goes on from there; dB a frame that a
note must fall by beyond that."""
A_NOTE = 8
"""Strands of a voice: of each of four ends the notes below and above what is played."""
BEND, PEDAL, WHEEL, PRESSURE, EXPRESSION = range(5)
"""``channel`` (16, 5): -1 to 1; the others 0 to 1."""
X, Y, WHEEL_X, PRESSURE_X, ALIGNED, EVEN, ATTACKS, RELEASES, DYNAMICS, BENDS = range(10)
SOUND, LATENT = 10, 14
KNOBS = LATENT + 16
"""``wanted`` (KNOBS,): knobs, as they are where the next hop begins; from SOUND on the four ends,
then what latents are moved by."""
START, STEP = range(2)
"""``ramps`` (KNOBS, 2): the same for this part; ``ramps_at`` (1,), where it is in its cell."""
COUNT, BEGUN, ENDS = 0, 1, 2
"""``turn`` (6,): a count of notes and releases; notes begun in this cell; sounds that are the ends
now."""
BEND_MOST = 12.0

Parts = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Parts",
    "voice clock strand share own_ends line channel wanted ramps ramps_at turn seen blend "
    "last own_corner corner products sinc tuned half overlap speed second paths note_places "
    "sound_notes pitches reach dense_table dense_given dense_made phase_table phase_levels "
    "phase_ready phase_line phase_whole phase_pitch phase_plan notes noted asked "
    "keyed offered ready tables table wait octave leaning leant waits",
)
"""What kernels hand on: half of all state, which takes half the time to compile."""


def voice_state(voices: int, grid: Grid, latents: int, host_rate: int) -> dict[str, Any]:
    """State arrays of voices that are silent."""
    half = half_of(host_rate, grid.rate)
    voice = np.zeros((voices, 13), np.int64)
    voice[:, AT], voice[:, END] = half, 2 * half
    voice[:, FILLED], voice[:, TABLE] = 2 * half, -1
    channel = np.zeros((16, 5))
    channel[:, EXPRESSION] = 1.0
    turn = np.zeros(6, np.int64)
    turn[ENDS:] = -1
    return {
        "voice": voice,
        "clock": np.zeros((voices, 8)),
        "strand": np.full((voices, A_NOTE), -1, np.int64),
        "share": zeros(voices, A_NOTE),
        "own_ends": np.full((voices, 4), -1, np.int64),
        "line": zeros(voices, 4 * grid.size + 2048),
        "channel": channel,
        "wanted": zeros(KNOBS),
        "ramps": zeros(KNOBS, 2),
        "ramps_at": np.zeros(1, np.int64),
        "turn": turn,
        "seen": np.zeros(2),
        "blend": zeros(latents + 1),
        "last": zeros(voices, latents + 1),
        "leaning": zeros(2),
        "leant": zeros(voices, 2),
        "corner": zeros(4),
        "own_corner": zeros(voices, 4),
        "products": zeros(2 * half),
        "sinc": sinc_table(host_rate, grid.rate),
        "made": zeros(64),
        "tuned": bins_of(grid),
        "half": half,
        "overlap": grid.overlap,
        "speed": grid.rate / host_rate,
        "second": grid.rate / grid.hop,
    }


def bins_of(grid: Grid) -> npt.NDArray[np.float32]:
    """The fundamental of every MIDI note (128,) in bins."""
    hertz = 440.0 * 2.0 ** ((np.arange(128) - 69) / 12.0)
    return np.asarray(hertz * grid.size / grid.rate, np.float32)
