"""What the nine drums are made of: every number of the sounds, and nothing else.

A drum is a skin (a sine whose pitch falls), modes (damped sines), hiss (noise) and metal (six
square waves that share no harmonics), each with its own decay. Kick, snare, rim, closed and open
hi-hat, ride, crash, high and low tom.
"""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np

DRUMS, MODES = 9, 12
KICK, SNARE, RIM, CLOSED, OPEN, RIDE, CRASH, HIGH_TOM, LOW_TOM = range(DRUMS)
METAL_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
CHOKED_S = 0.012
ATTACK_S = 0.0006
TOP = 0.45  # of the sample rate: nothing is tuned above

Kit = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Kit", "rows modes count now ringing sounds seed turns pace hiss metal choke"
)


@dataclass(frozen=True)
class Drum:
    """One drum. Times are those in which something falls to 1/e, in seconds."""

    level: float
    pan: float  # -1 to 1
    hz: float = 0.0  # of the skin; 0 has none
    drop_hz: float = 0.0  # how much higher it begins
    drop_s: float = 0.02
    skin_s: float = 0.1
    skin: float = 0.0
    modes: tuple[tuple[float, float, float], ...] = ()  # Hz, seconds, level
    hiss: float = 0.0
    metal: float = 0.0
    low_hz: float = 1000.0  # hiss and metal are cut below, and above:
    soft_hz: float = 3000.0  # at the softest stroke
    hard_hz: float = 8000.0  # at the hardest
    snap: float = 0.5  # share of the hiss that ends soon
    snap_s: float = 0.01
    hiss_s: float = 0.05
    swell_s: float = 0.0005  # how fast the rest of the hiss comes


KIT = (
    Drum(0.5, 0.0, 53.0, 120.0, 0.02, 0.085, 1.0, ((108.0, 0.035, 0.12),),
         0.55, 0.0, 700.0, 1200.0, 5200.0, 0.8, 0.004, 0.02),
    Drum(0.36, 0.05, modes=((182.0, 0.07, 0.55), (329.0, 0.045, 0.4), (508.0, 0.03, 0.2)),
         hiss=1.0, low_hz=700.0, soft_hz=3000.0, hard_hz=8500.0, snap=0.55, snap_s=0.018,
         hiss_s=0.075),
    Drum(0.26, -0.05, modes=((476.0, 0.018, 0.4), (1071.0, 0.016, 0.5), (1724.0, 0.014, 0.75),
         (2660.0, 0.012, 0.6), (3890.0, 0.009, 0.4)), hiss=0.7, low_hz=2000.0, soft_hz=4500.0,
         hard_hz=9000.0, snap=0.8, snap_s=0.003, hiss_s=0.02),
    Drum(0.26, -0.28, hiss=0.8, metal=0.7, low_hz=4800.0, soft_hz=5500.0, hard_hz=9500.0,
         snap=0.5, snap_s=0.012, hiss_s=0.05),
    Drum(0.25, -0.28, hiss=0.8, metal=0.7, low_hz=4000.0, soft_hz=5000.0, hard_hz=9000.0,
         snap=0.35, snap_s=0.02, hiss_s=0.36),
    Drum(0.34, 0.3, modes=((388.0, 0.3, 0.02), (612.0, 0.35, 0.03), (957.0, 0.4, 0.035),
         (1423.0, 0.4, 0.035), (2131.0, 0.4, 0.045), (2874.0, 0.35, 0.06), (3637.0, 0.3, 0.07),
         (4493.0, 0.25, 0.08), (5381.0, 0.22, 0.08), (6418.0, 0.2, 0.07), (7720.0, 0.18, 0.06),
         (9130.0, 0.15, 0.05)), hiss=0.75, metal=0.1, low_hz=4800.0, soft_hz=4500.0,
         hard_hz=11500.0, snap=0.8, snap_s=0.006, hiss_s=0.33, swell_s=0.01),
    Drum(0.3, -0.35, modes=((431.0, 0.4, 0.05), (693.0, 0.5, 0.06), (1183.0, 0.5, 0.06),
         (1967.0, 0.5, 0.06), (3141.0, 0.5, 0.05), (4523.0, 0.4, 0.05)),
         hiss=1.0, metal=0.15, low_hz=900.0, soft_hz=2500.0, hard_hz=7500.0, snap=0.4,
         snap_s=0.05, hiss_s=0.6, swell_s=0.006),
    Drum(0.38, -0.2, 168.0, 55.0, 0.045, 0.18, 0.85, ((267.0, 0.08, 0.22), (398.0, 0.05, 0.08)),
         0.35, 0.0, 350.0, 1500.0, 5000.0, 0.7, 0.006, 0.05),
    Drum(0.42, 0.22, 98.0, 36.0, 0.06, 0.2, 0.9, ((155.0, 0.1, 0.22), (233.0, 0.07, 0.08)),
         0.4, 0.0, 250.0, 1500.0, 4500.0, 0.7, 0.008, 0.06),
)  # fmt: skip
"""Levels, decays and brightness lie about where those of a General MIDI sound font do."""


def drums(rate: float, seed: int = 1) -> dict[str, Any]:
    """State of ``strike`` and ``sound`` in plugins.rhythm.drums at ``rate`` samples a second."""
    modes = np.zeros((DRUMS, 3, MODES), np.float32)  # cosine and sine of a turn, level
    voices = np.zeros((DRUMS, NUMBERS), np.float32)
    for d, drum in enumerate(KIT):
        for k, (hz, seconds, level) in enumerate(drum.modes):
            if hz < TOP * rate:
                radius, angle = _fall(seconds, rate), 2.0 * math.pi * hz / rate
                modes[d, :, k] = radius * math.cos(angle), radius * math.sin(angle), level
        voices[d] = _voice(drum, rate)
    return {
        "kit_rows": voices,
        "kit_modes": modes,
        "kit_count": np.array([len(drum.modes) for drum in KIT], np.int64),
        "kit_now": np.zeros((DRUMS, PLACES), np.float32),
        "kit_ringing": np.zeros((DRUMS, 2, MODES), np.float32),
        "kit_sounds": np.zeros(DRUMS, np.int64),  # 1 while a drum rings
        "kit_seed": np.array([seed], np.int64),
        "kit_turns": np.zeros(len(METAL_HZ), np.int64),
        "kit_pace": np.array([round(hz / rate * 2**32) for hz in METAL_HZ], np.int64),
        "kit_hiss": np.zeros(64, np.float32),
        "kit_metal": np.zeros(64, np.float32),
        "kit_choke": _fall(CHOKED_S, rate),
    }


def _voice(drum: Drum, rate: float) -> list[float]:
    """One row of ``kit``, in the order of the names below."""
    top = TOP * rate
    turn = min(drum.hz, top) / rate
    gain_low = math.tan(math.pi * min(drum.low_hz, top) / rate)
    share = [1.0 - math.exp(-2.0 * math.pi * min(hz, top) / rate)
             for hz in (drum.soft_hz, drum.hard_hz)]  # fmt: skip
    return [
        drum.level, drum.pan, turn, drum.drop_hz / rate, _fall(drum.drop_s, rate),
        _fall(drum.skin_s, rate), drum.skin, drum.hiss, drum.metal, gain_low, *share, drum.snap,
        _fall(drum.snap_s, rate), _fall(drum.hiss_s, rate), 1.0 - _fall(drum.swell_s, rate),
        1.0 - _fall(ATTACK_S, rate),
    ]  # fmt: skip


def _fall(seconds: float, rate: float) -> float:
    """The factor a frame of what falls to 1/e in ``seconds``."""
    return math.exp(-1.0 / (seconds * rate))


(LEVEL, PAN, TURN, DROP, DROP_FALL, SKIN_FALL, SKIN, HISS, METAL, LOW, SOFT, HARD, SNAP, SNAP_FALL,
 HISS_FALL, SWELL, ATTACK, NUMBERS) = range(18)  # fmt: skip
"""Places in a row of ``kit``."""
(PHASE, PITCH, SKIN_GOAL, SKIN_NOW, SNAP_NOW, HISS_GOAL, HISS_NOW, BRIGHT, LOW_A, LOW_B, HIGH,
 CHOKE, PLACES) = range(13)  # fmt: skip
"""Places in a row of ``kit_now``."""

__all__ = ["CLOSED", "DRUMS", "KIT", "OPEN", "Drum", "drums"]
