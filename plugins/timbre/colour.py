"""A frame's colour changed: its latents, pulled, decoded, and what that makes of its spectrum.

    latents = encoder(frame)          target = a sound's latents at this pitch
    own, pulled = decoder(latents), decoder(latents + amount (target - latents))       in dB
    lost = frame - own                what latents do not tell
    gain = pulled - own - amount (1 - detail) lost

The input's spectrum times that gain keeps its phases, so its pitch, its noise, its attacks; at 0
it is what it was. With ``detail`` 1 it is filtered, at 0 its magnitudes become the decoded ones.

Networks know whole semitones best: between them the frame is stretched to the nearest one, and
what was decoded back.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.approx import DB_PER_LOG2, LOG2_PER_DB, exp2, log2
from engine.kernel import kernel
from engine.morph.decode import bind_dense, constants, decoder_state, encoder_state, run_dense
from engine.morph.grid import FLOOR_DB, Array, Grid
from engine.morph.model import MorphModel

FALL_DB_S = 30.0
"""So fast the reference, what counts as a note's loudest bin, follows a note that dies away."""
QUIET_DB = -70.0
"""What is softer than this is not brought up to where the network hears it."""
STRUCK_DB = -12.0
"""The loudest bin of a note of velocity 127; 40 log10(velocity / 127) for others, as in MIDI."""
STAYS = 0.6
"""Semitones that a pitch may leave the whole one it was taken for."""
LOUDER_DB, SOFTER_DB = 40.0, -80.0
"""A bin's gain is held to this."""
MATCH_DB = 30.0
"""And what makes the frame as loud as it was."""
TOP = 0.8, 0.95
"""Of the model's band: what of it tells how loud all above is to be."""
TOP_DB = 12.0
GAIN_S = 0.008
"""Time constant of a bin's gain. Decoded frames waver as a note's phase moves under the window:
noise between the partials of a steady tone is 47 dB down with this, 42 dB without."""
SMOOTHED = {"full": 1, "short": 4}
"""How often gains are smoothed over three bins. The shorter window needs shorter filters: 31 dB
down instead of 27 dB."""
SETTLED_DB = 0.01
OWN, PULLED, ANEW = range(3)
"""Voices of the decoder: as it is, pulled, and as it is made anew."""
REFERENCE, LEVEL, SEMITONE, MADE_SEMITONE, TOP_GAIN, MOST_GAIN = range(6)
"""``tone``: the loudest bin of late and this frame's, in dB; whole semitones that it is taken for
and made at; the gain above the model's band; the largest of all gains, in dB."""
Wanted = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Wanted", "amount detail made pitch made_pitch"
)


def colour(model: MorphModel, window: str) -> dict[str, Any]:
    """State of ``change``, beside that of framing and of the target."""
    grid = model.grid
    tone = np.zeros(6)
    tone[[REFERENCE, LEVEL, SEMITONE, MADE_SEMITONE, TOP_GAIN]] = QUIET_DB, -120.0, 60.0, 60.0, 1.0
    low, high = (min(round(share * (grid.bins - 1)), grid.bins - 1) for share in TOP)
    return {
        **constants(encoder_state(model, 1, "encoder_")),
        **constants(decoder_state(model, 3, "decoder_")),
        "tone": tone,
        "told": int(model.conditions == "notes"),
        "bins": grid.bins,
        "fall_db": FALL_DB_S * grid.hop / grid.rate,
        "top_low": low,
        "top_high": max(high, low + 1),
        "hears": k_weights(grid),
        "levels": np.full(grid.bins, -120.0, np.float32),
        "gain_step": -math.expm1(-grid.hop / (GAIN_S * grid.rate)),
        "smoothed": SMOOTHED[window],
        "row": np.zeros(grid.bins, np.float32),
        "bent": np.zeros(grid.bins, np.float32),
        "gain_db": np.zeros(grid.bins, np.float32),
    }


def bind_colour(arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Tell the networks where their arrays lie."""
    bind_dense(arrays, "encoder_")
    bind_dense(arrays, "decoder_")


def k_weights(grid: Grid) -> Array:
    """Power that each bin counts with: the two filters of ITU-R BS.1770-5 (see plugins.meter)."""
    hertz = np.maximum(np.arange(grid.bins) * grid.rate / grid.size, 1.0)
    s = 1j * hertz / 1681.974450955533
    top, k = 10.0 ** (3.999843853973347 / 20.0), 1.0 / 0.7071752369554196
    shelf = (top * s * s + k * top**0.4996667741545416 * s + 1.0) / (s * s + k * s + 1.0)
    s = 1j * hertz / 38.13547087602444
    return np.asarray(
        np.abs(shelf * s * s / (s * s + s / 0.5003270373238773 + 1.0)) ** 2, np.float32
    )


@kernel
def measure(state: Any) -> None:
    """``levels`` in dB of the spectrum's bins, and the reference."""
    re, im, levels, tone = state.spectrum[0], state.spectrum[1], state.levels, state.tone
    half, tiny = np.float32(0.5 * DB_PER_LOG2), np.float32(1e-14)
    for k in range(levels.shape[0]):
        levels[k] = half * log2(max(re[k] * re[k] + im[k] * im[k], tiny))
    loudest = levels[0]
    for k in range(levels.shape[0]):
        loudest = max(loudest, levels[k])
    tone[LEVEL] = loudest
    tone[REFERENCE] = max(max(loudest, tone[REFERENCE] - state.fall_db), QUIET_DB)


@kernel
def change(state: Any, wanted: Any) -> None:
    """``spectrum``, measured, becomes what it is pulled to."""
    tone = state.tone
    tone[SEMITONE] = whole(tone[SEMITONE], wanted.pitch)
    stretch = np.float32(math.exp((wanted.pitch - tone[SEMITONE]) * (math.log(2.0) / 12.0)))
    if wanted.amount == 0.0 and wanted.made == 0.0 and tone[MOST_GAIN] == 0.0:
        return
    if tone[LEVEL] > QUIET_DB:  # else as it was: the next note begins with the last one's
        encode(state, stretch)
        decode(state, wanted.amount)
        bend(state, wanted, stretch)
    filtered(state)


@kernel
def whole(held: float, pitch: float) -> float:
    """The whole semitone that ``pitch`` is taken for: as before, unless it is too far."""
    if abs(pitch - held) <= STAYS:
        return held
    return min(max(math.floor(pitch + 0.5), 0.0), 127.0)


@kernel
def encode(state: Any, stretch: Any) -> None:
    """The frame, 0 to 1 and at a whole semitone, to latents."""
    levels, row, given = state.levels, state.row, state.encoder_dense_given[0]
    low = np.float32(state.tone[REFERENCE] + FLOOR_DB)
    per, one, zero = np.float32(-1.0 / FLOOR_DB), np.float32(1.0), np.float32(0.0)
    for k in range(row.shape[0]):
        row[k] = min(max((levels[k] - low) * per, zero), one)
    stretched(row, stretch, given[: row.shape[0]])
    velocity = math.exp((state.tone[REFERENCE] - STRUCK_DB) * (math.log(10.0) / 40.0))
    tell(given[row.shape[0] :], state.told, state.tone[SEMITONE], min(velocity, 1.0))
    run_dense(state.encoder_dense_table, 0)


@kernel
def tell(conditions: Any, told: int, semitone: float, velocity: float) -> None:
    """Conditions of a whole semitone: engine.morph.model.conditions_of."""
    n = int(semitone)
    for k in range(conditions.shape[0]):
        conditions[k] = np.float32(0.0)
    conditions[conditions.shape[0] - 1] = np.float32(velocity)
    if told != 0:
        conditions[n] = np.float32(1.0)
        return
    conditions[n % 12] = np.float32(1.0)
    conditions[12] = np.float32(0.1 * (n // 12))
    conditions[13] = np.float32(n / 127.0)


@kernel
def decode(state: Any, amount: float) -> None:
    """The frame as its latents tell it, and pulled."""
    latents, goal = state.encoder_dense_made[0], state.goal
    own, pulled = state.decoder_dense_given[OWN], state.decoder_dense_given[PULLED]
    count, bins = goal.shape[0], state.bins
    for k in range(count):
        own[k] = latents[k]
        pulled[k] = latents[k] + np.float32(amount) * (goal[k] - latents[k])
    conditions = state.encoder_dense_given[0]
    for k in range(conditions.shape[0] - bins):
        own[count + k] = conditions[bins + k]
        pulled[count + k] = conditions[bins + k]
    run_dense(state.decoder_dense_table, OWN)
    run_dense(state.decoder_dense_table, PULLED)


@kernel
def bend(state: Any, wanted: Any, stretch: Any) -> None:
    """``gain_db``: what becomes of each bin."""
    own, pulled = state.decoder_dense_made[OWN], state.decoder_dense_made[PULLED]
    row, bent, gain, levels = state.row, state.bent, state.gain_db, state.levels
    one = np.float32(1.0)
    drop = np.float32(wanted.amount * (1.0 - wanted.detail))
    keep = one - drop
    for k in range(row.shape[0]):
        row[k] = pulled[k] - keep * own[k]
    stretched(row, one / stretch, bent)
    low, high = np.float32(SOFTER_DB), np.float32(LOUDER_DB)
    reference, floor = np.float32(state.tone[REFERENCE]), np.float32(FLOOR_DB)
    for k in range(row.shape[0]):
        # what is under the floor stays under it as far as it was
        heard = max(levels[k] - reference, floor)
        bent[k] = min(max(bent[k] - drop * heard, low), high)
    for _ in range(state.smoothed):
        smooth(bent)
    step, most = np.float32(state.gain_step), np.float32(0.0)
    for k in range(gain.shape[0]):
        gain[k] += step * (bent[k] - gain[k])
        most = max(most, abs(gain[k]))
    if wanted.amount == 0.0 and most < np.float32(SETTLED_DB):
        most = np.float32(0.0)
        for k in range(gain.shape[0]):
            gain[k] = np.float32(0.0)
    state.tone[MOST_GAIN] = most


@kernel
def smooth(x: Any) -> None:
    """A quarter, a half, a quarter of three neighbours."""
    half, quarter, before = np.float32(0.5), np.float32(0.25), x[0]
    for k in range(1, x.shape[0] - 1):
        here = x[k]
        x[k] = half * here + quarter * (before + x[k + 1])
        before = here


@kernel
def filtered(state: Any) -> None:
    """``spectrum`` times the gain, as loud as it was."""
    re, im, gain, hears = state.spectrum[0], state.spectrum[1], state.gain_db, state.hears
    per_db = np.float32(LOG2_PER_DB)
    before, after = np.float32(1e-14), np.float32(1e-14)
    for k in range(re.shape[0]):
        factor = exp2(gain[k] * per_db)
        power = hears[k] * (re[k] * re[k] + im[k] * im[k])
        before += power
        after += factor * factor * power
        re[k] *= factor
        im[k] *= factor
    match = match_of(before, after)
    for k in range(re.shape[0]):
        re[k] *= match
        im[k] *= match
    top = np.float32(0.0)
    for k in range(state.top_low, state.top_high):
        top += gain[k]
    top /= np.float32(state.top_high - state.top_low)
    state.tone[TOP_GAIN] = min(
        match * exp2(min(top, np.float32(TOP_DB)) * per_db), exp2(np.float32(TOP_DB) * per_db)
    )


@kernel
def match_of(before: Any, after: Any) -> Any:
    """The factor that makes a power of ``after`` one of ``before``."""
    most = np.float32(10.0 ** (MATCH_DB / 20.0))
    return min(np.float32(math.sqrt(before / after)), most)


@kernel
def stretched(x: Any, stretch: Any, y: Any) -> None:
    """``y[k]`` is ``x`` at ``stretch`` k, on a line between its bins."""
    last = x.shape[0] - 1
    one = np.float32(1.0)
    for k in range(y.shape[0]):
        at = min(np.float32(k) * stretch, np.float32(last))
        below = min(int(at), last - 1)
        share = at - np.float32(below)
        y[k] = x[below] * (one - share) + x[below + 1] * share


__all__ = [
    "ANEW", "LEVEL", "MADE_SEMITONE", "PULLED", "TOP_GAIN", "Wanted", "bind_colour", "change",
    "colour", "measure", "stretched", "tell", "whole",
]  # fmt: skip
