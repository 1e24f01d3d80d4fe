"""The pulled frame made anew: decoded at any pitch, with phases of its own (engine.morph.phase).

Nothing of the input's spectrum is left in it but how loud it is, and what latents tell.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.approx import DB_PER_LOG2, LOG2_PER_DB, exp2, log2
from engine.kernel import kernel
from engine.morph.decode import run_dense
from engine.morph.grid import FLOOR_DB, Grid
from engine.morph.phase import SILENT_DB, phase_state, silence, sing
from plugins.timbre.colour import ANEW, LEVEL, MADE_SEMITONE, PULLED, stretched, tell, whole

RESTED = 0
"""``singing``: whether it has been silenced since it was last heard."""


def resynthesis(grid: Grid) -> dict[str, Any]:
    """State of ``resing``, beside that of ``change``."""
    return {
        **phase_state(grid),
        "singing": np.ones(1, np.int64),
        "bins_a_hertz": grid.size / grid.rate,
        "resung": np.zeros(grid.hop, np.float32),
        "shared": np.zeros(1, np.float32),
    }


@kernel
def sing_on(state: Any, wanted: Any) -> None:
    """Once a hop, after ``change``: what is made anew is mixed into ``ready``, if it is wanted."""
    if wanted.made > 0.0:
        resing(state, wanted)
    else:
        rest(state)
    mix(state.ready, state.resung, state.shared, np.float32(wanted.made))


@kernel
def resing(state: Any, wanted: Any) -> None:
    """The pulled frame at the pitch that is wanted, as loud as the input."""
    tone, given, made = state.tone, state.decoder_dense_given, state.decoder_dense_made
    tone[MADE_SEMITONE] = whole(tone[MADE_SEMITONE], wanted.made_pitch)
    count, table = state.goal.shape[0], state.decoder_dense_table
    for k in range(given.shape[1]):
        given[ANEW, k] = given[PULLED, k]
    velocity = given[PULLED, given.shape[1] - 1]
    tell(given[ANEW, count:], state.told, tone[MADE_SEMITONE], velocity)
    run_dense(table, ANEW)
    away = (tone[MADE_SEMITONE] - wanted.made_pitch) * (math.log(2.0) / 12.0)
    levels, hears = state.phase_levels[0], state.hears
    stretched(made[ANEW], np.float32(math.exp(away)), levels)
    floor, silent = np.float32(FLOOR_DB + 0.1), np.float32(SILENT_DB)
    per_db = np.float32(2.0 * LOG2_PER_DB)  # of power
    before, after = np.float32(1e-14), np.float32(1e-14)
    for k in range(levels.shape[0]):
        after += hears[k] * exp2(per_db * levels[k])
        before += hears[k] * exp2(per_db * state.levels[k])
    louder = np.float32(0.5 * DB_PER_LOG2) * (log2(before) - log2(after))
    heard = tone[LEVEL] > SILENT_DB
    for k in range(levels.shape[0]):
        levels[k] = levels[k] + louder if heard and levels[k] > floor else silent
    hertz = 440.0 * math.exp((wanted.made_pitch - 69.0) * (math.log(2.0) / 12.0))
    state.phase_pitch[0] = np.float32(hertz * state.bins_a_hertz)
    sing(state.phase_table, 0)
    for i in range(state.resung.shape[0]):
        state.resung[i] = state.phase_ready[0, i]
    state.singing[RESTED] = 0


@kernel
def rest(state: Any) -> None:
    """Nothing is made anew: phases are forgotten, once."""
    if state.singing[RESTED] == 0:
        silence(state.phase_table, 0)
        state.singing[RESTED] = 1


@kernel
def mix(ready: Any, resung: Any, before: Any, share: Any) -> None:
    """From the last share of what is made anew to this one."""
    old = before[0]
    before[0] = share
    if old == np.float32(0.0) and share == np.float32(0.0):
        return
    step = (share - old) / np.float32(ready.shape[0])
    for i in range(ready.shape[0]):
        part = old + step * np.float32(i + 1)
        ready[i] += part * (resung[i] - ready[i])


__all__ = ["resynthesis", "sing_on"]
